"""Which inputs a project pins as the history of its state."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.contract import Contract, Events, days, text, timestamp
from holdfast.contract.model import Contract as Frozen
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.records import Promotion, PromotionAction
from holdfast.ledger.writer import LedgerWriter
from holdfast.project.history import live_contracts, pinned
from holdfast.project.project import Project

INPUTS = ("payments", "payments.charge", "calls", "letters")


def contract(beside: str, *, charged: bool = False) -> Frozen:
    """Payments, and another source beside them."""
    fields = {"id": text(), "at": timestamp(), "card": text()}
    payments, other = (Events(name, id="id", time="at", fields=fields) for name in ("payments", beside))
    features = {"n": other.per("card").count(over=days(30))}
    if charged:
        charge = payments.label("charge", known_after=days(1))
        features["charges"] = payments.per("card").sum(charge, over=days(30), ending=days(1))
    fraud = payments.label("fraud", known_after=days(1))
    return Contract("c", decide_on=payments, label=fraud, features=features).freeze()


def test_a_later_contract_pins_what_it_adds_and_leaves_the_rest(tmp_path: Path) -> None:
    for name in INPUTS:
        content = {"id": ["a"], "at": ["2026-01-01T00:00:00Z"], "card": ["x"], "charge": [True]}
        pq.write_table(pa.table(content), tmp_path / f"{name}.parquet")
    lines = ['name = "c"', "[inputs]", *(f'"{name}" = "{name}.parquet"' for name in INPUTS)]
    (tmp_path / "holdfast.toml").write_text("\n".join(lines))
    project = Project.open(tmp_path)
    assert set(pinned(project, contract("calls"))) == {"calls", "payments"}
    assert set(pinned(project, contract("calls", charged=True))) == {"calls", "payments", "payments.charge"}
    assert set(pinned(project, contract("letters"))) == set(INPUTS)


def test_series_stay_alive_for_every_alias_and_for_both_ways_of_a_rollback(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text('name = "c"')
    project = Project.open(tmp_path)
    contracts = {str(number): contract(f"beside_{number}") for number in range(5)}
    steps: list[tuple[PromotionAction, str, str]] = [
        ("promote", "champion", "0"),
        ("promote", "champion", "1"),
        ("promote", "champion", "2"),
        ("rollback", "champion", "1"),
        ("promote", "challenger", "3"),
        ("promote", "shadow", "4"),
        ("promote", "shadow", "1"),
    ]
    for name, found in contracts.items():
        (project.bundles_path / name).mkdir(parents=True)
        (project.bundles_path / name / "contract.json").write_text(json.dumps(found.as_json()))
    state = State.open(project.state_path)
    writer = LedgerWriter(Log(project.ledger_path), state)
    for action, alias, name in steps:
        made = Promotion(action=action, alias=alias, version=name, bundle=name, contract="", who="t", why="t")
        writer.commit([made])
    writer.close()
    state.close()
    assert live_contracts(project) == [contracts[name] for name in "1023"]
