"""State from history and ledger equals state kept up record by record; new series are built while writers go on."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from tests.ledger.payments import START, contract, decision, event, fraud, opened, outcome, payments, wider

from holdfast.contract import Contract, Events, days, text, timestamp
from holdfast.contract.model import DAY, SECOND, Cell
from holdfast.contract.values import timestamp_text
from holdfast.errors import HoldfastError
from holdfast.features.plan import Series, plan
from holdfast.features.state import state as state_file
from holdfast.features.state.durability import Found
from holdfast.features.state.reads import compile_reads
from holdfast.features.state.rows import Row, digest, rows
from holdfast.features.state.state import State
from holdfast.ledger.duplicates import Conflict
from holdfast.ledger.log import Log
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.rebuild import build_missing, rebuild
from holdfast.ledger.records import Decision
from holdfast.ledger.recover import recover
from holdfast.ledger.writer import LedgerWriter

PAST = 300


def history(numbers: range = range(PAST)) -> dict[str, pa.Table]:
    """Payments of the past as a table; every fourth is a known fraud, every fifth known to be none."""
    raws = [json.loads(event(number).body) for number in numbers]
    columns = {name: [raw[name] for raw in raws] for name in raws[0]}
    columns["amount"] = [None if amount is None else str(amount) for amount in columns["amount"]]
    columns["fraud"] = [True if n % 4 == 0 else False if n % 5 == 0 else None for n in numbers]
    columns["fraud_at"] = [timestamp_text(event(n).time + 2 * DAY) if n % 20 in (0, 4, 5) else None for n in numbers]
    return {"payments": pa.table(columns)}


def points(state: State) -> list[Row]:
    return [row for row in rows(state) if row[0] == "point"]


def records_of_history(writer: LedgerWriter) -> None:
    for number in range(PAST):
        writer.commit([event(number)])
    for number in range(PAST):
        if number % 4 == 0 or number % 5 == 0:
            writer.commit([outcome(number, int(number % 4 == 0))])


def live(writer: LedgerWriter) -> None:
    """What a server records after history: decisions, late events, outcomes early, late and corrected."""
    writer.commit([outcome(PAST + 3, 1, 1), outcome(PAST + 3, 0, 2)])
    for number in range(PAST, PAST + 100):
        writer.commit([decision(number)])
    writer.commit([event(PAST + 200, time=START - DAY)])
    writer.commit([outcome(8, 0, 2), outcome(4, 0, 2), outcome(4, 1, 3), outcome(7, 1, 1)])
    writer.commit([outcome(PAST + 1, 1), outcome(PAST + 1, 0, 2), outcome(PAST + 999, 1)])


def test_history_loaded_at_once_reads_as_history_fed_record_by_record(tmp_path: Path) -> None:
    one_by_one, writer = opened(tmp_path / "records")
    records_of_history(writer)
    report = rebuild(tmp_path / "bulk", [contract], history(), tmp_path / "empty")
    bulk = State.open(tmp_path / "bulk")
    assert report.events == PAST
    assert report.refused == {}
    assert points(bulk) == points(one_by_one)
    with bulk.snapshot() as snapshot, one_by_one.snapshot() as other:
        for number in range(PAST):
            found, wanted = snapshot.event("payments", f"p{number}"), other.event("payments", f"p{number}")
            assert found is not None
            assert wanted is not None
            assert found.time == wanted.time
            assert json.loads(found.body) == json.loads(wanted.body)
            assert {k: v.value for k, v in found.labels.items()} == {k: v.value for k, v in wanted.labels.items()}


def test_a_rebuild_equals_the_state_that_was_kept_up(tmp_path: Path) -> None:
    rebuild(tmp_path / "state", [contract], history(), tmp_path / "ledger")
    state = State.open(tmp_path / "state")
    writer = LedgerWriter(Log(tmp_path / "ledger"), state)
    live(writer)
    rebuild(tmp_path / "again", [contract], history(), tmp_path / "ledger")
    again = State.open(tmp_path / "again")
    assert list(rows(again)) == list(rows(state))
    assert again.applied == state.applied


def test_a_rebuild_replaces_the_state_but_never_one_in_use(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    live(writer)
    with pytest.raises(HoldfastError, match="in use"):
        rebuild(tmp_path / "state", [contract], {}, tmp_path / "ledger")
    before = digest(state)
    writer.close()
    state.close()
    rebuild(tmp_path / "state", [contract], {}, tmp_path / "ledger")
    assert digest(State.open(tmp_path / "state")) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger", "state"]


def test_a_later_contract_gets_its_series_while_writers_go_on(tmp_path: Path) -> None:
    rebuild(tmp_path / "state", [contract], history(), tmp_path / "ledger")
    state = State.open(tmp_path / "state")
    writer = LedgerWriter(Log(tmp_path / "ledger"), state)
    live(writer)
    going = threading.Event()

    def go_on() -> None:
        for number in range(PAST + 300, PAST + 700):
            writer.commit([decision(number), outcome(number % PAST, number % 2, 5 + number)])
            going.set()

    thread = threading.Thread(target=go_on)
    thread.start()
    going.wait()
    report = build_missing(state, [contract, wider], history(), tmp_path / "ledger")
    thread.join()
    assert report.series == len(
        {item.key for item in plan(wider).series} - {item.key for item in plan(contract).series}
    )
    assert all(state.ready(item) for item in plan(wider).series)
    rebuild(tmp_path / "again", [contract, wider], history(), tmp_path / "ledger")
    assert points(State.open(tmp_path / "again")) == points(state)
    assert build_missing(state, [contract, wider], history(), tmp_path / "ledger").series == 0


def test_an_interrupted_build_is_begun_again_and_counts_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild(tmp_path / "state", [contract], history(), tmp_path / "ledger")
    state = State.open(tmp_path / "state")
    writer = LedgerWriter(Log(tmp_path / "ledger"), state)
    live(writer)
    with monkeypatch.context() as patch:
        patch.setattr(State, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            build_missing(state, [contract, wider], history(), tmp_path / "ledger")
    assert not all(state.ready(item) for item in plan(wider).series)
    writer.commit([decision(PAST + 900), outcome(2, 1, 1)])
    build_missing(state, [contract, wider], history(), tmp_path / "ledger")
    rebuild(tmp_path / "again", [contract, wider], history(), tmp_path / "ledger")
    assert points(State.open(tmp_path / "again")) == points(state)


def test_records_accepted_while_a_series_is_cleared_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rebuild(tmp_path / "state", [contract], history(), tmp_path / "ledger")
    state = State.open(tmp_path / "state")
    writer = LedgerWriter(Log(tmp_path / "ledger"), state)
    live(writer)
    cleared = State._clear
    monkeypatch.setattr(state_file, "_CLEARED", 5)
    numbers = iter(range(PAST + 1_000, PAST + 1_030))

    def clear_and_accept(state: State, series: Series, at: bytes) -> bytes | None:
        following = cleared(state, series, at)
        number = next(numbers, None)
        if number is not None:
            writer.commit([decision(number), outcome(number, 1)])
        return following

    monkeypatch.setattr(State, "_clear", clear_and_accept)
    build_missing(state, [contract, wider], history(), tmp_path / "ledger")
    rebuild(tmp_path / "again", [contract, wider], history(), tmp_path / "ledger")
    assert points(State.open(tmp_path / "again")) == points(state)


def test_an_event_that_comes_during_a_build_brings_its_earlier_outcome_once(tmp_path: Path) -> None:
    rebuild(tmp_path / "state", [contract], history(), tmp_path / "ledger")
    state = State.open(tmp_path / "state")
    writer = LedgerWriter(Log(tmp_path / "ledger"), state)
    live(writer)
    waiting = [event(PAST + 999)]

    def meanwhile(what: str, more: int) -> None:
        while waiting:
            writer.commit([waiting.pop()])

    build_missing(state, [contract, wider], history(), tmp_path / "ledger", meanwhile)
    assert waiting == []
    rebuild(tmp_path / "again", [contract, wider], history(), tmp_path / "ledger")
    assert points(State.open(tmp_path / "again")) == points(state)


def test_a_later_source_leaves_what_is_ready_ready(tmp_path: Path) -> None:
    rebuild(tmp_path / "state", [contract], history(), tmp_path / "ledger")
    state = State.open(tmp_path / "state")
    shops = Events("shops", id="id", time="at", fields={"id": text(), "at": timestamp(), "shop": text()})
    joined = Contract(
        "payments",
        decide_on=payments,
        label=fraud,
        features={"known": shops.per("shop", on="card").count(over=days(90))},
    ).freeze()
    past = pa.table({"id": ["s"], "at": [timestamp_text(START)], "shop": ["c1"]})
    ready = set()

    def watch(what: str, more: int) -> None:
        ready.add(all(state.ready(item) for item in plan(contract).series))

    build_missing(state, [contract, joined], history() | {"shops": past}, tmp_path / "ledger", watch)
    assert ready == {True}
    with state.snapshot() as snapshot:
        assert compile_reads(plan(joined))(snapshot, ["p", START + DAY, "c1", 2, 100], START + DAY) == [1.0]


def test_history_that_came_after_the_ledger_began_counts_each_event_once(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    live(writer)
    (told,) = writer.commit([decision(7)])
    writer.commit([outcome(12, 0, 1)])  # history says otherwise of this version, and history came first
    build_missing(state, [contract], history(), tmp_path / "ledger")
    assert isinstance(told, Decision)
    with state.snapshot() as snapshot:
        assert LedgerReader(tmp_path / "ledger").decision_of(snapshot, "payments", "p7") == told
    writer.commit([decision(11)])
    with pytest.raises(Conflict):
        writer.commit([event(13, amount="0.01")])
    rebuild(tmp_path / "again", [contract], history(), tmp_path / "ledger")
    assert list(rows(State.open(tmp_path / "again"))) == list(rows(state))


def test_two_contracts_with_other_fields_share_one_body(tmp_path: Path) -> None:
    rebuild(tmp_path / "state", [wider, contract], history(), tmp_path / "ledger")
    state = State.open(tmp_path / "state")
    with state.snapshot() as snapshot:
        stored = snapshot.event("payments", "p3")
        assert stored is not None
        assert set(json.loads(stored.body)) == {"payment_id", "occurred_at", "card", "shop", "amount"}
        cells: list[Cell] = ["p", START, "c1", 2, 100]
        assert len(compile_reads(plan(wider))(snapshot, cells, START + DAY)) == len(wider.aggregates)


def test_values_that_a_policy_replaced_stay_in_the_body_as_they_came(tmp_path: Path) -> None:
    toys = next(number for number in range(PAST) if json.loads(event(number).body)["shop"] == "toys")
    rebuild(tmp_path / "state", [contract], history(), tmp_path / "ledger")
    state = State.open(tmp_path / "state")
    with state.snapshot() as snapshot:
        stored = snapshot.event("payments", f"p{toys}")
    assert stored is not None
    assert json.loads(stored.body)["shop"] == "toys"


def test_a_start_after_a_power_cut_is_even_with_history_and_ledger(tmp_path: Path) -> None:
    first = recover(tmp_path / "state", tmp_path / "ledger", [contract], history())
    assert first.found is Found.NEW
    live(first.writer)
    before = list(rows(first.state))
    first.writer.close()
    first.state.close()
    (tmp_path / "state" / "clean").unlink()
    (tmp_path / "state" / "boot").write_text("another")
    again = recover(tmp_path / "state", tmp_path / "ledger", [contract], history())
    assert again.found is Found.DISCARDED
    assert [row for row in before if row[0] == "point"] == points(again.state)
    assert before == list(rows(again.state))


def test_a_start_refuses_a_ledger_that_lost_its_acknowledged_end(tmp_path: Path) -> None:
    begun = recover(tmp_path / "state", tmp_path / "ledger", [contract], {})
    live(begun.writer)
    begun.writer.close()
    begun.state.close()
    (path,) = (tmp_path / "ledger").glob("*.log")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20] + b"\0" * 20)
    with pytest.raises(HoldfastError, match="sound up to record"):
        recover(tmp_path / "state", tmp_path / "ledger", [contract], {})
    path.write_bytes(whole)
    assert recover(tmp_path / "state", tmp_path / "ledger", [contract], {}).applied == 0


def test_late_points_are_counted_at_their_own_time(tmp_path: Path) -> None:
    state, writer = opened(tmp_path)
    writer.commit([event(1, amount="1.00"), event(2, amount="2.00")])
    read = compile_reads(plan(contract))
    t = START + DAY // 2
    late = event(3, amount="4.00", time=t - 1_000 * SECOND)
    raw = json.loads(late.body)
    cells: list[Cell] = ["x", t, raw["card"], 2, 100]
    with state.snapshot() as snapshot:
        before = read(snapshot, cells, t)
    writer.commit([late])
    with state.snapshot() as snapshot:
        after = read(snapshot, cells, t)
    at = next(i for i, item in enumerate(contract.aggregates) if item.name == "count" and item.where is None)
    assert after[at] == before[at] + 1
