from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.ledger.payments import decision, event, outcome

from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.records import Promotion, Refusal
from holdfast.ledger.seal import seal
from holdfast.ledger.writer import LedgerWriter, utc_day

NOON = 20_000 * DAY + DAY // 2


def three_days(folder: Path) -> None:
    moment = [NOON]
    state = State.open(folder / "state")
    writer = LedgerWriter(Log(folder / "ledger", limit=2_000), state, clock=lambda: moment[0])
    for day in range(3):
        moment[0] = NOON + day * DAY
        for number in range(10 * day, 10 * day + 10):
            writer.commit([decision(number), outcome(number)])
    writer.commit([Refusal(source="payments", status=422, problems=[{"field": "amount", "code": "missing"}])])


def test_past_days_become_parquet_and_today_does_not(tmp_path: Path) -> None:
    three_days(tmp_path)
    now = NOON + 2 * DAY
    written = seal(tmp_path / "ledger", tmp_path / "sealed", clock=lambda: now)
    days = [utc_day(NOON), utc_day(NOON + DAY)]
    assert written == [
        tmp_path / "sealed" / day / f"{kind}.parquet" for day in days for kind in ("decision", "outcome")
    ]
    table = pq.read_table(tmp_path / "sealed" / days[1] / "decision.parquet")
    assert table.column("event_id").to_pylist() == [f"p{number}" for number in range(10, 20)]
    assert table.column("body").to_pylist()[0] == event(10).body
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
    assert table.column("seq").to_pylist() == list(range(21, 41, 2))


def test_sealing_again_writes_nothing_and_notices_a_changed_file(tmp_path: Path) -> None:
    three_days(tmp_path)
    now = NOON + 2 * DAY
    first = seal(tmp_path / "ledger", tmp_path / "sealed", clock=lambda: now)
    before = {path: path.read_bytes() for path in first}
    told = json.loads((first[0].parent / "seal.json").read_text(encoding="utf-8"))["files"]
    assert told["decision.parquet"] == sha256(before[first[0]]).hexdigest()  # days sealed long ago must still be equal
    assert seal(tmp_path / "ledger", tmp_path / "sealed", clock=lambda: now) == []
    more = seal(tmp_path / "ledger", tmp_path / "sealed", clock=lambda: now + DAY)
    assert {path.name for path in more} == {"decision.parquet", "outcome.parquet", "refusal.parquet"}
    (first[0].parent / "seal.json").unlink()
    assert seal(tmp_path / "ledger", tmp_path / "sealed", clock=lambda: now) == first[:2]
    assert {path: path.read_bytes() for path in first} == before
    first[0].write_bytes(b"PAR1")
    with pytest.raises(HoldfastError, match="not what was sealed"):
        seal(tmp_path / "ledger", tmp_path / "sealed", clock=lambda: now)


def test_every_kind_of_record_has_its_columns(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state")
    writer = LedgerWriter(Log(tmp_path / "ledger"), state, clock=lambda: NOON)
    promotion = Promotion(
        action="promote", alias="champion", version="1", bundle="b", contract="c", who="ann", why="better"
    )
    writer.commit([event(1), promotion])
    seal(tmp_path / "ledger", tmp_path / "sealed", clock=lambda: NOON + DAY)
    place = tmp_path / "sealed" / utc_day(NOON)
    assert pq.read_table(place / "promotion.parquet").to_pylist()[0]["previous"] is None
    assert pq.read_table(place / "promotion.parquet").to_pylist()[0]["action"] == "promote"
    assert pq.read_table(place / "event.parquet").num_rows == 1
