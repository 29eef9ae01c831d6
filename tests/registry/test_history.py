"""Which version was live when, and what a rollback returns to."""

from __future__ import annotations

from typing import cast

import pytest

from holdfast.ledger.records import Event, Promotion, PromotionAction
from holdfast.registry.history import History


def _history(*steps: str) -> History:
    """Steps as in "promote 3", "rollback 1", "archive 2", "alias 4 shadow"; at 10, 20, 30 … µs."""
    records, live = [], None
    for i, step in enumerate(steps, 1):
        action, version, *rest = step.split()
        alias = "" if action == "archive" else (rest[0] if rest else "champion")
        records.append(
            Promotion(
                seq=i,
                received_at=10 * i,
                action=cast(PromotionAction, action),
                alias=alias,
                version=version,
                bundle=f"bundle{version}",
                contract="c",
                who="ada",
                why="because",
                previous=live,
            )
        )
        if alias == "champion":
            live = version
    return History.of(records)


def test_what_was_live_at_an_instant_is_the_last_decision_until_then() -> None:
    history = _history("promote 1", "promote 3", "alias 2 shadow", "rollback 1", "archive 3")
    assert history.live(at=9) is None
    for at, version in ((10, "1"), (19, "1"), (20, "3"), (39, "3"), (40, "1"), (10_000, "1")):
        found = history.live(at=at)
        assert found is not None
        assert found.version == version, at
    shadow = history.live("shadow")
    assert shadow is not None
    assert shadow.version == "2"
    assert history.live("shadow", at=29) is None


@pytest.mark.parametrize(
    ("steps", "back_to"),
    [
        ((), None),
        (("promote 1",), None),
        (("promote 1", "promote 2"), "1"),
        (("promote 1", "promote 7"), "1"),  # never version − 1
        (("promote 1", "promote 2", "promote 3", "rollback 2"), "1"),  # further back, not forth to 3
        (("promote 1", "promote 2", "rollback 1"), None),
        (("promote 1", "promote 2", "rollback 1", "promote 3"), "1"),
        (("promote 1", "promote 2", "promote 1"), "2"),
        (("promote 1", "promote 2", "promote 1", "rollback 2"), "1"),
        (("promote 1", "promote 2", "promote 3", "archive 2"), "1"),
        (("promote 1", "promote 2", "promote 3", "archive 2", "archive 1"), None),
        (("promote 1", "alias 5 shadow", "promote 2", "alias 6 shadow"), "1"),
        (("promote 3", "promote 1", "rollback 3", "promote 4", "promote 5", "rollback 4"), "3"),
    ],
)
def test_a_rollback_returns_to_the_champion_before(steps: tuple[str, ...], back_to: str | None) -> None:
    found = _history(*steps).before()
    assert (found.version if found else None) == back_to


def test_only_what_was_live_was_live() -> None:
    history = _history("promote 1", "alias 2 shadow", "archive 3")
    assert history.was_live("1") is not None
    assert history.was_live("2") is None
    assert history.was_live("3") is None
    assert history.was_live("2", "shadow") is not None


def test_promoting_an_archived_version_brings_it_back() -> None:
    assert _history("promote 1", "promote 2", "archive 1").archived() == {"1"}
    assert _history("promote 1", "promote 2", "archive 1", "promote 1").archived() == frozenset()


def test_an_alias_moved_by_other_means_is_reported() -> None:
    history = _history("promote 1", "promote 2", "alias 1 shadow")
    assert history.strays({"champion": "2", "shadow": "1"}) == []
    found = history.strays({"champion": "1", "mine": "2"})
    assert [(problem.field, problem.code) for problem in found] == [
        ("champion", "alias_moved"),
        ("mine", "alias_moved"),
        ("shadow", "alias_moved"),
    ]
    assert "points to version 1; by the history it is version 2" in found[0].what


def test_other_records_of_the_ledger_are_passed_over() -> None:
    event = Event(source="s", event_id="e", time=0, body=b"", digest=b"")
    promotion = _history("promote 1").records[0]
    assert History.of([event, promotion, event]).records == (promotion,)


def test_an_alias_may_lag_behind_rollbacks_made_while_the_registry_was_away() -> None:
    assert _history("promote 1").lagging("champion") == {None}
    assert _history("promote 1", "promote 2", "promote 3").lagging("champion") == {"2"}
    steps = ("promote 1", "promote 2", "promote 3", "rollback 2", "rollback 1")
    assert _history(*steps).lagging("champion") == {"2", "3"}
