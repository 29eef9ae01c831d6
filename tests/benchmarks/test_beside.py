"""The rule by which a peer has caught a fault: it says of it what it says of no clean twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.scorecard import beside
from benchmarks.scorecard.beside import PEERS, Judged, Pair, Raised, Seen, chosen, pairs, peers, read

from benchmarks import environments


def twin(seed: int, base: str = "shop") -> Pair:
    return Pair(f"clean-{base}-{seed}", "clean", base, True, False, frozenset())


def fault(name: str, seed: int = 0, base: str = "shop", *, shown: bool = True) -> Pair:
    return Pair(f"{name}-{seed}", name, base, False, shown, frozenset({"amount"}) if shown else frozenset())


def said(*what: tuple[str, str | None], error: str = "") -> Seen:
    return Seen(tuple(Raised(check, column, "why") for check, column in what), 1.0, error)


def judged(**of: tuple[Pair, Seen]) -> Judged:
    return Judged(
        "a peer", {pair.name: pair for pair, _ in of.values()}, {pair.name: seen for pair, seen in of.values()}
    )


def test_what_is_raised_on_the_fault_and_on_no_clean_twin_has_caught_it() -> None:
    found = judged(twin=(twin(0), said()), hit=(fault("F1"), said(("drift", "amount")))).of("F1")
    assert (found.shown, found.caught, found.named) == (1, 1, 1)
    assert [item.column for item in found.by] == ["amount"]


def test_what_is_raised_on_a_clean_twin_too_has_caught_nothing() -> None:
    made = judged(
        loud=(twin(0), said(("drift", "amount"))), still=(twin(1), said()), hit=(fault("F1"), said(("drift", "amount")))
    )
    assert made.of("F1").caught == 0
    assert made.loud == ("clean-shop-0",)
    assert len(made.twins) == 2


def test_another_column_or_another_check_than_the_twins_still_counts() -> None:
    made = judged(
        twin=(twin(0), said(("drift", "hour"))), hit=(fault("F1"), said(("drift", "hour"), ("nulls", "hour")))
    )
    found = made.of("F1")
    assert (found.caught, found.named) == (1, 0)
    assert [item.what for item in found.by] == [("nulls", "hour")]


def test_only_twins_of_the_same_base_speak_against_it() -> None:
    made = judged(twin=(twin(0, "lender"), said(("drift", "amount"))), hit=(fault("F1"), said(("drift", "amount"))))
    assert made.of("F1").named == 1


def test_a_column_that_was_hit_comes_first_and_names_it() -> None:
    found = judged(hit=(fault("F1"), said(("rows", None), ("drift", "hour"), ("drift", "amount")))).of("F1")
    assert found.named == 1
    assert found.by[0].column == "amount"


def test_a_tool_that_stopped_has_caught_nothing_and_its_error_is_kept() -> None:
    found = judged(hit=(fault("F1"), said(error="drift: ValueError: no such column"))).of("F1")
    assert (found.shown, found.caught) == (1, 0)
    assert found.errors == ("drift: ValueError: no such column",)


def test_a_fault_that_no_table_shows_is_not_held_against_anybody() -> None:
    made = judged(hidden=(fault("F2", shown=False), said()))
    assert made.of("F2").shown == 0
    assert not made.faults


def test_seeds_are_counted() -> None:
    made = judged(
        first=(fault("F1", 0), said(("drift", "amount"))),
        second=(fault("F1", 1), said()),
        third=(fault("F1", 2), said()),
    )
    assert (made.of("F1").shown, made.of("F1").caught) == (3, 1)


def test_of_each_fault_and_each_base_the_first_seeds_are_shown() -> None:
    every = [twin(seed) for seed in range(20)] + [fault("F1", seed) for seed in range(20)] + [fault("F2", shown=False)]
    assert chosen(every, seeds=1, twins=3) == ["F1-0", "clean-shop-0", "clean-shop-1", "clean-shop-2"]


def test_folders_are_read_and_a_peer_that_is_not_to_be_had_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about: dict[str, Any] = {"id": "F1", "base": "shop", "clean": False, "in_the_data": True, "columns": ["amount"]}
    (tmp_path / "F1-0").mkdir()
    (tmp_path / "F1-0" / "about.json").write_text(json.dumps(about))

    def gone(name: str) -> Path:
        raise environments.NotInstalled("no network")

    monkeypatch.setattr(beside, "environment", gone)
    found = peers(tmp_path)
    assert list(found) == list(PEERS.values())
    for answer in found.values():
        assert answer.missing == "could not be installed: no network"
        assert set(answer.pairs) == {"F1-0"}
    told = {
        "versions": {"peer": "1"},
        "seconds": 2.0,
        "judged": {"F1-0": {"raised": [{"check": "c", "column": None, "why": "w"}], "seconds": 2.0, "error": None}},
    }
    assert read("a peer", pairs(tmp_path), told).of("F1").caught == 1
