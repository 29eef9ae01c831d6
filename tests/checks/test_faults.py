"""The score card's own judging, on faults that cost little; and that no row or bullet of the two lists is left out.

`python -m benchmarks.scorecard` puts in all of them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from benchmarks.scorecard import frames
from benchmarks.scorecard.bullets import BULLETS, HEADINGS, ROWS, words
from benchmarks.scorecard.card import WANTED, judge, ok, share
from benchmarks.scorecard.fault import Card, Clean, Fault, Frames, Named, Outcome
from benchmarks.scorecard.page import page
from benchmarks.scorecard.run import Place, every_clean, every_fault
from benchmarks.scorecard.table import BASES, BY_ID, FAULTS

DOCS = Path(__file__).parents[2] / "docs" / "faults.md"
CHEAP = ("T4b", "T6a", "T8a", "T9e")
ID = re.compile(r"^\| ((?:T|X|C)\d[\d.]*[a-z]?) \|", re.M)


def test_every_row_and_every_bullet_has_a_fault_and_no_id_is_given_twice() -> None:
    assert len(BY_ID) == len(FAULTS)
    covered = {item.bullet for item in FAULTS}
    assert (set(ROWS) | set(BULLETS)) - covered == set()
    assert {number.partition(".")[0] for number in BULLETS} == set(HEADINGS)
    for item in FAULTS:
        assert words(item.bullet)
        assert item.what
        assert item.expected
        assert item.id.startswith(("T", "X") if item.first else f"C{item.bullet}")


def test_the_page_lists_exactly_these_faults() -> None:
    assert ID.findall(DOCS.read_text(encoding="utf-8")) == [item.id for item in FAULTS]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    home = tmp_path_factory.mktemp("card")
    return Place(home / "tables", home / "rooms")


@pytest.fixture(scope="module")
def twins(place: Place) -> dict[str, Outcome]:
    bases = [base for base in BASES if base.startswith("place-")]
    runs, found = every_clean(place, bases, 1, 1, lambda _: None)
    assert [item for item in runs if not item.ok] == []
    assert set(found) == set(bases)
    return found


def test_faults_are_put_in_asked_about_and_shown_to_the_peers(place: Place, twins: dict[str, Outcome]) -> None:
    told: list[str] = []
    judged = every_fault(place, CHEAP, twins, 1, told.append)
    assert [(item.fault.id, item.right, item.error) for item in judged] == [(name, True, "") for name in CHEAP]
    assert told[0].startswith("T4b: DOC06 (")
    for name in CHEAP:
        folder = place.tables / f"{name}-1"
        reference, current = (pd.read_parquet(folder / f"{item}.parquet") for item in ("reference", "current"))
        assert list(reference) == list(current)
        assert {frames.LABEL, frames.SCORE, frames.KEY} <= set(reference)
    about = (place.tables / "T6a-1" / "about.json").read_text()
    assert '"columns": [\n  "hour"\n ]' in about
    assert '"in_the_data": false' in (place.tables / "T4b-1" / "about.json").read_text()


def test_processes_of_their_own_say_the_same(place: Place, twins: dict[str, Outcome]) -> None:
    (alone,) = every_fault(place, ["T6a"], twins, 1, lambda _: None)
    (apart,) = every_fault(place, ["T6a"], twins, 2, lambda _: None)
    assert replace(apart, seconds=0.0) == replace(alone, seconds=0.0)
    assert apart.right


def test_a_fault_that_is_not_put_in_is_not_counted_as_named(place: Place, twins: dict[str, Outcome]) -> None:
    """The control: the clean pair in the place of the fault."""
    fault = BY_ID["T6a"]
    twin = twins[fault.base]
    found = judge(fault, twin, twin)
    assert not found.right
    assert found.by == ()
    card = Card((found,), ())
    assert share(card.faults) == 0.0
    assert not ok(card)


def outcome(*codes: str) -> Outcome:
    return Outcome(tuple(Named(code, "because") for code in codes), frozenset(codes))


def a_fault(*, first: bool = False) -> Fault:
    def never(_: object) -> Outcome:
        raise AssertionError

    return Fault("C1.1z", "1.1", "nothing", ("GATE101",), "none", never, frozenset({"GATE102"}), first=first)


@pytest.mark.parametrize(
    ("seen", "clean", "right"),
    [
        (("GATE101",), (), True),
        (("GATE102", "GATE101"), (), True),
        (("GATE102",), (), False),
        (("GATE101", "GATE301"), (), False),  # a false cause beside the right one
        (("GATE101", "GATE301"), ("GATE301",), True),  # that was there before
        (("GATE101",), ("GATE101",), False),  # it says so of the clean one too
        ((), (), False),
    ],
)
def test_right_is_what_names_the_fault_and_nothing_that_does_not_follow(
    seen: tuple[str, ...], clean: tuple[str, ...], right: bool
) -> None:
    assert judge(a_fault(), outcome(*seen), outcome(*clean)).right is right


def test_the_likeliest_has_to_be_named_first_where_there_is_an_order() -> None:
    assert judge(a_fault(first=True), outcome("GATE101", "GATE102"), outcome()).right
    assert not judge(a_fault(first=True), outcome("GATE102", "GATE101"), outcome()).right


def test_a_card_is_good_when_enough_is_named_and_every_clean_run_left_in_peace() -> None:
    good = judge(a_fault(), outcome("GATE101"), outcome())
    bad = judge(a_fault(), outcome(), outcome())
    clean = Clean("none", 1)
    assert ok(Card((good,) * 19 + (bad,), (clean,)))
    assert WANTED == 0.95
    assert not ok(Card((good,) * 18 + (bad,) * 2, (clean,)))
    assert not ok(Card((good,), (clean, replace(clean, stopping=(Named("GATE204", "0.2"),)))))
    assert not ok(Card((good,), (replace(clean, error="Traceback"),)))
    text = page(Card((good, bad), (clean,), {"faults": 2.0}), {})
    assert ID.findall(text) == ["C1.1z", "C1.1z"]
    assert "| **no** |" in text
    assert "GATE101 was expected; what was said: nothing" in text


def test_what_no_table_shows_is_given_as_the_clean_one(tmp_path: Path) -> None:
    table = pd.DataFrame({"label": [0, 1], "score": [0.1, 0.9], "id": ["a", "b"], "amount": [1.0, 2.0]})
    sound, other = Frames(table, table), Frames(table, table.assign(amount=[1.0, 3.0]))
    for name, made, fault, shown in (
        ("hit", other, a_fault(), True),
        ("equal", sound, a_fault(), False),
        ("elsewhere", other, replace(a_fault(), in_the_data=False), False),
    ):
        frames.write(tmp_path / name, name, "none", made, fault=fault, sound=sound)
        assert f'"in_the_data": {str(shown).lower()}' in (tmp_path / name / "about.json").read_text()
        assert pd.read_parquet(tmp_path / name / "current.parquet").equals(other.current if shown else table)
