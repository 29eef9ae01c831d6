"""History fed record by record through the server's own writer; every difference from batch is found and explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.zoo import cards_contract

from holdfast.features.batch import FeatureTable, build_from
from holdfast.features.history import Records, read_records
from holdfast.ledger.parity import DECISION, EVENT, OUTCOME, ParityReport, arrivals, parity

START = datetime(2026, 3, 1, tzinfo=UTC)


def _payments(rows: int) -> pa.Table:
    """Payments of few customers at few terminals, some at one instant, with outcomes for most."""
    contract = cards_contract()
    source = contract.deciding
    columns: dict[str, list[Any]] = {}
    for field in source.fields:
        if field.name == source.id:
            columns[field.name] = [f"p{i:04}" for i in range(rows)]
        elif field.name == source.time:
            columns[field.name] = [START + timedelta(hours=3 * (i // 2)) for i in range(rows)]
        elif field.type == "category":
            columns[field.name] = [field.values[i % len(field.values)] for i in range(rows)]
        elif field.type == "text":
            columns[field.name] = [f"{field.name}-{i * i % 5}" for i in range(rows)]
        else:
            columns[field.name] = [float(i % 97 + 1) for i in range(rows)]
    columns[contract.label] = [None if i % 7 == 0 else i % 5 == 0 for i in range(rows)]
    return pa.table(columns)


@pytest.fixture(scope="module")
def history() -> tuple[Records, FeatureTable]:
    records = read_records(cards_contract(), {cards_contract().decide_on: _payments(700)}, fields="all")
    return records, build_from(cards_contract(), records)


def _compared(history: tuple[Records, FeatureTable], place: Path, limit: int | None = None) -> ParityReport:
    return parity(cards_contract(), *history, place, limit=limit)


def test_batch_and_online_agree_in_every_bit(history: tuple[Records, FeatureTable], tmp_path: Path) -> None:
    report = _compared(history, tmp_path)
    assert report.ok, str(report)
    assert report.rows == 700
    assert report.records > 700, "outcomes were fed too"


def test_a_limit_compares_the_first_decisions_only(history: tuple[Records, FeatureTable], tmp_path: Path) -> None:
    report = _compared(history, tmp_path, limit=150)
    assert report.ok
    assert report.rows == 150


def test_the_first_difference_is_named_with_both_values_and_a_cause(
    history: tuple[Records, FeatureTable], tmp_path: Path
) -> None:
    records, table = history
    matrix = table.matrix.copy()
    windowed = next(i for i, item in enumerate(cards_contract().features) if item.expr.op == "aggregate")
    matrix[300, windowed] += 1.0
    report = parity(cards_contract(), records, replace(table, matrix=matrix), tmp_path)
    assert not report.ok
    assert report.first is not None
    assert (report.first.row, report.first.feature) == (300, table.names[windowed])
    assert report.first.batch == report.first.online + 1.0
    assert report.by_feature == {table.names[windowed]: 1}
    assert "instant" in report.first.cause, "two payments share each instant"


def test_a_record_lost_on_the_way_is_seen(history: tuple[Records, FeatureTable], tmp_path: Path) -> None:
    records, table = history
    name = cards_contract().decide_on
    lost = {name: replace(records.events[name], known=records.events[name].known + 86_400_000_000)}
    report = parity(cards_contract(), replace(records, events=lost), table, tmp_path)
    assert report.differing_values > 0


def test_a_decision_comes_before_what_becomes_known_at_its_instant(history: tuple[Records, FeatureTable]) -> None:
    records, _ = history
    kinds = [kind for kind, _ in arrivals(records, cards_contract().decide_on, 10)]
    assert kinds[:4] == [DECISION, DECISION, EVENT, EVENT]
    assert OUTCOME not in kinds, "outcomes come seven days later"


def test_comparing_nothing_proves_nothing() -> None:
    assert not ParityReport().ok
