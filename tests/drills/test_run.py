"""Judging a drill: named, late, another cause, said of the clean twin as well; and nothing injected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from holdfast.drills.catalog import DRILLS
from holdfast.drills.drill import Ask, Caught, Drill, Within
from holdfast.drills.report import OPEN, as_dict, ok, summary, table, verdict, write
from holdfast.drills.run import Drills, Ran
from holdfast.errors import HoldfastError

UNITS = Caught("monitor", "units", "amount is 100 times what it was", 100, 30.0)
LIMIT = Within(200, 60)
SCORE = Caught("monitor", "score", "scores moved", 50, 15.0)


class Room:
    """A sandbox in which whoever is asked says what was put there."""

    bundle = SimpleNamespace(contract=None)

    def __init__(self, clean: tuple[Caught, ...] = ()) -> None:
        self.clean = clean
        self.stages = 0

    @contextmanager
    def stage(self, days: int, base: str) -> Iterator[Any]:
        self.stages += 1
        stage = SimpleNamespace(heard=[], replies=[], said=list(self.clean))

        def run(asks: list[Ask]) -> None:
            for ask in asks:
                stage.heard += ask.look(cast(Any, stage))

        stage.run = run
        yield stage


def _drill(*caught: Caught, causes: tuple[str, ...] = ("units",), within: Within = LIMIT) -> Drill:
    def inject(stage: Any) -> None:
        stage.said += caught

    asked = Ask("monitor", lambda stage: cast(Any, stage).said)
    return Drill("X1", "example", "an example", "nowhere", (), "traffic", within, causes, (asked,), inject)


def _ran(drill: Drill, *clean: Caught) -> Ran:
    return Drills(cast(Any, Room(clean)), "cards").run([drill])[0]


def test_a_named_cause_within_the_limit_is_caught() -> None:
    ran = _ran(_drill(SCORE, UNITS))
    assert (ran.status, ran.naming) == ("caught", UNITS)
    assert ran.ok


def test_nothing_injected_nothing_caught() -> None:
    ran = _ran(_drill())
    assert (ran.status, ran.ok, ran.caught) == ("missed", False, ())


def test_another_cause_does_not_count() -> None:
    ran = _ran(_drill(SCORE))
    assert (ran.status, ran.ok) == ("unnamed", False)
    assert "monitor score" in verdict(ran)


def test_after_both_limits_it_is_late() -> None:
    assert _ran(_drill(UNITS, within=Within(20, 10))).status == "late"
    assert _ran(_drill(UNITS, within=Within(20, 60))).status == "caught"
    assert _ran(_drill(UNITS, within=Within(200, 10))).status == "caught"


def test_what_is_said_of_the_clean_twin_catches_nothing_and_is_a_false_alarm() -> None:
    ran = _ran(_drill(UNITS), UNITS)
    assert (ran.status, ran.ok) == ("missed", False)
    ran = _ran(_drill(UNITS), SCORE)
    assert (ran.status, ran.ok, ran.clean) == ("caught", False, (SCORE,))


def test_the_first_that_names_the_cause_counts() -> None:
    earlier = replace(UNITS, by="reply", predictions=7, minutes=1.0)
    assert _ran(_drill(UNITS, earlier)).naming == earlier


def test_what_cannot_happen_is_listed_with_its_reason_and_not_run() -> None:
    room = Room()
    drill = replace(_drill(UNITS), applies=lambda _: "no field is an amount")
    ran = Drills(cast(Any, room), "credit").run([drill])[0]
    assert (ran.status, ran.because, room.stages) == ("not applicable", "no field is an amount", 0)
    assert ran.ok


def test_drills_on_the_same_traffic_share_one_clean_twin() -> None:
    room = Room()
    Drills(cast(Any, room), "cards").run([_drill(UNITS), _drill(SCORE), replace(_drill(UNITS), days=3)])
    assert room.stages == 3 + 2


def test_a_drill_that_fails_is_no_catch_and_stops_no_other() -> None:
    def broken(stage: Any) -> None:
        raise HoldfastError("no such field")

    first, second = Drills(cast(Any, Room()), "cards").run([replace(_drill(), inject=broken), _drill(UNITS)])
    assert (first.status, second.status) == ("failed", "caught")


def test_the_table_lands_between_its_marks_and_nowhere_else(tmp_path: Any) -> None:
    ran = [_ran(_drill(UNITS)), _ran(_drill(SCORE), SCORE)]
    page = tmp_path / "results.md"
    page.write_text("before\n<!-- drills -->\nstale words\n<!-- /drills -->\nafter\n")
    write(page, table(ran, 60.0, "holdfast drill --all"))
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "stale words" not in text
    assert "an example" in text
    assert not ok(ran)
    assert as_dict(ran, 60.0)["counts"] == {"caught": 1, "missed": 1}
    assert "1 false alarms" in summary(ran, 60.0)
    page.write_text("no marks")
    with pytest.raises(HoldfastError, match="no place"):
        write(page, "x")
    assert OPEN not in page.read_text()


def test_every_incident_of_the_documents_has_its_drill() -> None:
    listed = {"F": 6, "T": 13, "H": 11, "G": 4, "C": 6}
    ids = {item.id.rstrip("b") for item in DRILLS}
    assert ids == {f"{letter}{number}" for letter, most in listed.items() for number in range(1, most + 1)}
    assert len({item.id for item in DRILLS}) == len({item.name for item in DRILLS}) == len(DRILLS)
    assert all(item.causes and item.ask and item.promises for item in DRILLS)
