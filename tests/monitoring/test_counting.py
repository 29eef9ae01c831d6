"""From records to counts: where each record counts, and under what."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.monitoring.test_counts import BINS

from holdfast.contract.model import DAY
from holdfast.ledger.records import Arm, Decision, Experiment, Promotion, Record, Refusal
from holdfast.monitoring.counting import count
from holdfast.monitoring.counts import Counts, total
from holdfast.monitoring.reference import MINUTE, Bins
from holdfast.monitoring.store import Cursor

NOW = 1_795_000_000_000_000 // MINUTE * MINUTE
CONTRACT = BINS.contract_hash
EVER = 1 << 61


def find(bundle: str) -> Bins | None:
    return Bins(BINS.contract, BINS.profile, bundle) if bundle in ("b1", "b2") else None


def promoted(version: str, bundle: str) -> Promotion:
    return Promotion(
        action="promote", alias="champion", version=version, bundle=bundle, contract=CONTRACT, who="t", why="t"
    )


def decided(time: int, version: str = "1", **more: Any) -> Decision:
    features = np.array([5.0, np.nan, 2.0, 0.5]).tobytes()
    return Decision(
        read_seq=0, source="payments", event_id="e", time=time, body=b"", digest=b"", contract=CONTRACT, model="toy",
        version=version, variant="champion", features=features, score=0.0, probability=0.25, threshold=0.5,
        decision=False, **more,
    )  # fmt: skip


def refused(code: str = "range", field: str = "amount", what: str = "") -> Refusal:
    problems = [{"field": field, "code": code, "what": what, "mend": ""}]
    return Refusal(source="payments", problems=problems, contract=CONTRACT)


def numbered(records: list[tuple[int, Record]]) -> list[Record]:
    """As a ledger would keep what was received at these times."""
    for seq, (received, record) in enumerate(records, start=1):
        record.seq, record.received_at = seq, received
    return [record for _, record in records]


def of(found: list[Counts], version: str, start: int = 0, end: int = EVER) -> Counts:
    return total([item for item in found if item.version == version and start <= item.start < end], version, start, end)


def test_a_refusal_counts_beside_the_events_that_it_came_with() -> None:
    ago = 30 * DAY
    found = count(
        numbered(
            [
                (NOW, promoted("1", "b1")),
                (NOW, decided(NOW - ago)),
                (NOW + 1, refused()),
                (NOW + 2, decided(NOW - ago - 5 * DAY)),  # late: the stream of events is not there
                (NOW + 3 * MINUTE, refused("unknown_value", "kind", "'zoo' is not a known value")),
                (NOW + 4 * MINUTE, decided(NOW + 4 * MINUTE)),  # from here on events come when they happen
                (NOW + 5 * MINUTE, refused()),
            ]
        ),
        Cursor(),
        find,
    )
    whole = of(found, "1")
    assert (whole.decisions, sum(whole.refusals.values())) == (3, 3)
    assert whole.unknown == {("kind", "zoo"): 1}
    assert of(found, "1", NOW - ago, NOW - ago + MINUTE).refusals == {"range": 1}
    assert of(found, "1", NOW - ago + 3 * MINUTE, NOW - ago + 4 * MINUTE).refusals == {"unknown_value": 1}
    assert of(found, "1", NOW, EVER).refusals == {"range": 1}


def test_each_version_counts_apart_by_the_bundle_it_had_then() -> None:
    arms = [Arm(name=name, version=name, bundle=f"b{name}", contract=CONTRACT) for name in ("1", "2")]
    started = Experiment(action="start", name="trial", kind="ab", arms=arms, who="t", why="t")
    records = numbered(
        [
            (NOW, promoted("1", "b1")),
            (NOW, decided(NOW)),
            (NOW, started),
            (NOW, decided(NOW, "2")),
            (NOW, decided(NOW, "2")),
            (NOW, promoted("1", "b2")),
            (NOW, decided(NOW)),
            (NOW, promoted("3", "lost")),
            (NOW, decided(NOW, "3", warnings=["kind: 'zoo' is not a known value, unknown"])),
            (NOW, refused()),
        ]
    )
    found = count(records, Cursor(), find)
    assert {(item.version, item.bundle): item.decisions for item in found if item.decisions} == {
        ("1", "b1"): 1, ("2", "b2"): 2, ("1", "b2"): 1, ("3", "lost"): 1,
    }  # fmt: skip
    lost = of(found, "3")
    assert (lost.shape, lost.warnings, lost.refusals) == ((), {"kind: unknown": 1}, {"range": 1})
    assert of(found, "2").bins[1].tolist()[0] == 2  # the null of both

    cursor, again = Cursor(), list[Counts]()
    for record in records:
        again += count([record], cursor, find)
    assert cursor.seq == len(records)
    for version in ("2", "3"):
        assert of(again, version) == of(found, version)
