"""Answers of a real server, computed again: equal at both levels, and whatever was edited is named."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import pytest
from tests.serving.shop import pack_model, payment, promote, second, serving, shop, stamp

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.features.history import Records
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.recompute import Recomputer
from holdfast.ledger.records import Decision, Event, Outcome, Promotion, Record
from holdfast.ledger.replay import Difference, ReplayReport, replay, unpack


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that answered under two contracts, learned outcomes, corrections and late events meanwhile."""
    home = tmp_path_factory.mktemp("lived") / ".holdfast"
    shop(home)
    chance = random.Random(5)
    with serving(home) as server:
        for round_ in range(2):
            for number in range(120):
                body = (
                    payment(
                        f"{round_}-{number}",
                        card_id=f"card-{chance.randrange(6)}",
                        amount=_amount(chance, number),
                        channel="web",
                    )
                    if round_
                    else payment(
                        f"{round_}-{number}",
                        card_id=f"card-{chance.randrange(6)}",
                        amount=_amount(chance, number),
                    )
                )
                if round_:
                    body.pop("hour")
                assert server.post("/predict?reasons=2", body).status_code == 200
                if number % 10 == 0:
                    late = payment(f"late-{round_}-{number}", card_id="card-1", occurred_at=stamp(timedelta(days=3)))
                    old = payment(f"old-{round_}-{number}", card_id="card-1", occurred_at=stamp(timedelta(days=20)))
                    for event in (late, old):
                        event.pop("hour" if round_ else "channel", None)
                        event |= {"channel": "web"} if round_ else {}
                    notice = {
                        "notice_id": f"n{round_}-{number}", "told_at": stamp(timedelta(hours=1)),
                        "merchant_category": "online", "risk": number % 7,
                    }  # fmt: skip
                    assert server.post("/events", {"source": "payments", "events": [late, old]}).status_code == 200
                    assert server.post("/events", {"source": "merchants", "events": [notice]}).status_code == 200
                    told = [
                        {"event_id": f"pold-{round_}-{number}", "label": "is_fraud", "value": True},
                        {
                            "event_id": f"pold-{round_}-{number}",
                            "label": "is_fraud",
                            "value": number % 20 == 0,
                            "version": 2,
                        },
                    ]
                    reply = server.post("/outcomes", {"outcomes": told}).json()
                    assert reply["refused"] == 0, reply
            if not round_:
                promote(home, second(), pack_model(home, second()), "2")
                server.wait_for_version("2")
    return home


def _amount(chance: random.Random, number: int) -> float:
    """Mostly small change; the seventh is refused, and so has reasons."""
    return 4_000 if number == 7 else chance.randrange(1, 9_000) / 100


def _again(home: Path, change: Callable[[Record], None] | None = None) -> ReplayReport:
    records = list(LedgerReader(home / "ledger").records())
    for record in records:
        if change is not None:
            change(record)
    bundles = {(item.version, item.contract): item.bundle for item in records if isinstance(item, Promotion)}

    @lru_cache
    def opened(name: str) -> Bundle:
        return load(home / "bundles" / name, expect=name)

    recompute = Recomputer(lambda _: Records({}, {}), lambda: records)
    report = replay(
        [item for item in records if isinstance(item, Decision)],
        bundle_of=lambda decision: opened(bundles[decision.version, decision.contract]),
        recompute=recompute,
    )
    report.differences += [Difference(item.field, "records", item.what) for item in recompute.edited]
    return report


def test_every_answer_comes_out_again_from_its_features_and_from_the_records(lived: Path) -> None:
    report = _again(lived)
    assert report.ok, str(report)
    assert report.decisions == 240
    assert report.equal_a == report.equal_b == 240
    assert set(report.versions) == {"1", "2"}


def test_the_answers_stand_on_windows_that_saw_something(lived: Path) -> None:
    rows = [unpack(item.features) for item in LedgerReader(lived / "ledger").records() if isinstance(item, Decision)]
    assert sum(row[2] > 0 for row in rows) > 100
    assert sum(row[4] > 0 for row in rows) > 100
    assert len({row[5] for row in rows}) > 3


def _first_features_edited(record: Record) -> None:
    if isinstance(record, Decision) and record.event_id == "p0-7":
        record.features = bytes([record.features[0] ^ 1]) + record.features[1:]


def test_one_edited_bit_of_a_stored_feature_is_named_at_both_levels(lived: Path) -> None:
    report = _again(lived, _first_features_edited)
    assert not report.ok
    assert {item.level for item in report.differences} == {"A", "B"}
    assert [item.what for item in report.differences if item.level == "B"] == ["feature amount"]
    assert report.differing_bits == 1


def test_an_edited_threshold_is_named(lived: Path) -> None:
    def edit(record: Record) -> None:
        if isinstance(record, Decision) and record.event_id == "p0-7":
            record.threshold = 0.75

    report = _again(lived, edit)
    assert ("threshold", 0.75, 0.5) in [(item.what, item.stored, item.computed) for item in report.differences]
    assert report.equal_a == 239


def test_an_edited_request_is_named(lived: Path) -> None:
    def edit(record: Record) -> None:
        if isinstance(record, Decision) and record.event_id == "p0-7":
            record.body = record.body.replace(b"amount", b"amuont")

    report = _again(lived, edit)
    assert any("event p0-7 was edited" in item.what for item in report.differences)


def test_an_edited_event_is_named_and_so_is_each_feature_that_saw_it(lived: Path) -> None:
    def edit(record: Record) -> None:
        if isinstance(record, Event) and record.event_id == "plate-0-0":
            record.body = record.body.replace(b"12.5", b"13.5")

    report = _again(lived, edit)
    named = {item.what for item in report.differences}
    assert any("plate-0-0 of payments was edited" in what for what in named)
    assert "feature card_amount_7d" in named


def test_an_edited_outcome_changes_the_features_that_saw_it(lived: Path) -> None:
    def edit(record: Record) -> None:
        if isinstance(record, Outcome) and record.event_id == "pold-0-0":
            record.value = 1 - record.value

    report = _again(lived, edit)
    assert {item.what for item in report.differences} == {"feature merchant_fraud_rate"}


def test_a_changed_byte_of_a_bundle_is_named(lived: Path) -> None:
    name = next(item.bundle for item in LedgerReader(lived / "ledger").records() if isinstance(item, Promotion))
    path = lived / "bundles" / name / "threshold.json"
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b"0.5", b"0.6"))
    try:
        report = _again(lived)
    finally:
        path.write_bytes(sound)
    assert not report.ok
    assert {item.level for item in report.differences} == {"bundle"}
    assert all("threshold.json" in item.what for item in report.differences)


def test_by_time_of_receipt_a_decision_misses_what_was_under_way(lived: Path) -> None:
    records = list(LedgerReader(lived / "ledger").records())
    decisions = [item for item in records if isinstance(item, Decision) and item.version == "1"]
    contract = load(lived / "bundles" / next(i.bundle for i in records if isinstance(i, Promotion))).contract
    by_seq = Recomputer(lambda _: Records({}, {}), lambda: records)(contract, decisions)
    by_time = Recomputer(lambda _: Records({}, {}), lambda: records, "received")(contract, decisions)
    assert [list(unpack(item.features))[2] for item in decisions] == [row[2] for row in by_seq]
    # Each request says it happened a second ago, so payments acknowledged within that second count by seq alone.
    assert all(ours[2] <= theirs[2] for ours, theirs in zip(by_time, by_seq, strict=True))
    assert sum(row[2] for row in by_time) < sum(row[2] for row in by_seq)


def test_a_replay_of_nothing_proves_nothing() -> None:
    assert not ReplayReport().ok
