"""Recorded traffic: cut off the history without losing an outcome or knowing one too early."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from holdfast.contract.loading import load_file
from holdfast.contract.model import DAY, Contract
from holdfast.drills.recorded import Recorded, Traffic, outcomes, recorded
from holdfast.simulate.fraud import payments

END = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
TEMPLATE = Path(__file__).parents[2] / "src/holdfast/templates/fraud/contract.py"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_file(TEMPLATE)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = payments(3_000, fraud_share=0.1, end=END)
    return table.write(tmp_path_factory.mktemp("history") / "payments.parquet")


@pytest.fixture(scope="module")
def cut(contract: Contract, history: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(contract, {"payments": history}, 42, tmp_path_factory.mktemp("copy"))


def test_every_row_is_history_or_traffic_and_none_is_both(cut: Recorded, history: Path) -> None:
    whole = set(pyarrow.parquet.read_table(history)["payment_id"].to_pylist())
    kept = pyarrow.parquet.read_table(cut.inputs["payments"])["payment_id"].to_pylist()
    sent = [item.body["payment_id"] for item in cut.traffic.requests]
    assert set(kept) | set(sent) == whole
    assert len(kept) + len(sent) == len(whole)


def test_the_copy_knows_no_outcome_that_came_after_its_end(cut: Recorded) -> None:
    table = pyarrow.parquet.read_table(cut.inputs["payments"])
    received = [item for item in table["is_fraud_received_at"].to_pylist() if item is not None]
    assert received
    assert max(received).timestamp() * 1e6 < cut.cut
    assert table["is_fraud"].null_count == len(table) - len(received)


def test_outcomes_that_came_later_are_told_when_they_came(cut: Recorded, history: Path) -> None:
    table = pyarrow.parquet.read_table(history)
    received = np.array([0 if item is None else item.timestamp() * 1e6 for item in
                         table["is_fraud_received_at"].to_pylist()])  # fmt: skip
    later = int((received >= cut.cut).sum())
    told = [at for at, _ in cut.traffic.outcomes] + [item.known for item in cut.traffic.requests if item.known]
    assert len(told) == later > 0
    assert min(told) >= cut.cut


def test_traffic_is_in_order_and_at_the_times_it_happened(cut: Recorded) -> None:
    times = [item.time for item in cut.traffic.requests]
    assert times == sorted(times)
    assert times[0] >= cut.cut
    assert times[-1] == cut.end - 1
    assert cut.end - cut.cut == 42 * DAY


def test_a_stretch_holds_what_is_in_it_and_nothing_else(cut: Recorded, contract: Contract) -> None:
    start = cut.cut + 7 * DAY
    part = cut.traffic.between(start, start + DAY, contract)
    assert part.requests
    assert all(start <= item.time < start + DAY for item in part.requests)


def test_what_becomes_known_of_requests_before_a_stretch_is_told_in_it(cut: Recorded, contract: Contract) -> None:
    start = cut.cut + 14 * DAY
    parts = [cut.traffic.between(0, start, contract), cut.traffic.between(start, cut.end, contract)]
    told = [event for part in parts for event in told_of(part, contract)]
    assert len(told) == len(set(told))
    assert set(told) == set(told_of(cut.traffic, contract))
    early = {item.body["payment_id"] for item in parts[0].requests}
    assert early & {body["event_id"] for _, body in parts[1].outcomes}


def told_of(part: Traffic, contract: Contract) -> list[str]:
    """Events whose outcome is told in this part, by its end."""
    end = part.requests[-1].time
    every = [*part.outcomes, *outcomes(contract, part.requests)]
    return [str(body["event_id"]) for at, body in every if at <= end]


def test_history_in_csv_gives_the_same_requests(
    contract: Contract, history: Path, cut: Recorded, tmp_path: Path
) -> None:
    table = pyarrow.parquet.read_table(history)
    pyarrow.csv.write_csv(table, tmp_path / "payments.csv")
    same = recorded(contract, {"payments": tmp_path / "payments.csv"}, 42, tmp_path / "copy")
    assert [item.body for item in same.traffic.requests] == [item.body for item in cut.traffic.requests]
