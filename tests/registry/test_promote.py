"""Promote, roll back, archive and repair, on a real store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.registry.conftest import Place

from holdfast.bundle.bundle import Bundle
from holdfast.errors import HoldfastError, Problem
from holdfast.registry.door import Wish
from holdfast.registry.promote import archive, live_version, promote, repair, rollback

Open = Callable[[], Place]


def test_a_promotion_is_on_disk_before_the_alias_moves_and_the_bundle_is_there(place: Open) -> None:
    here = place()
    desk = here.desk()
    done = promote(desk, "1", who="ada", why="first")
    assert done.record.action == "promote"
    assert (done.record.who, done.record.why, done.record.previous) == ("ada", "first", None)
    assert done.record.bundle == here.trained[0].bundle
    assert (desk.store / done.record.bundle / "manifest.json").is_file()
    assert here.registry.aliases() == {"champion": "1"}
    done = promote(desk, "2", who="eve", why="better")
    assert done.record.previous == "1"
    assert here.registry.aliases() == {"champion": "2"}
    now, then = live_version(desk), live_version(desk, at=1_500)
    assert now is not None
    assert now.number == "2"
    assert then is not None
    assert then.number == "1"
    assert live_version(desk, at=999) is None


def test_nothing_moves_when_the_ledger_cannot_be_written(place: Open) -> None:
    here = place()
    promote(here.desk(), "1", who="ada", why="first")
    here.ledger.fail = True
    with pytest.raises(OSError, match="no space"):
        promote(here.desk(), "2", who="ada", why="second")
    assert here.registry.aliases() == {"champion": "1"}


def test_a_crash_between_ledger_and_alias_is_repaired_by_the_next_call(place: Open) -> None:
    here = place()
    desk = here.desk()
    promote(desk, "1", who="ada", why="first")
    crashed = promote(desk, "2", who="ada", why="second").record
    here.registry.set_alias("champion", "1")  # as it stood when the power went
    assert here.ledger.history().live() == crashed
    assert repair(desk) == ("moved the alias champion to version 2, as was decided before",)
    assert here.registry.aliases() == {"champion": "2"}
    assert repair(desk) == ()


def test_a_first_promotion_that_never_reached_the_alias_is_repaired(place: Open) -> None:
    here = place()
    desk = here.desk()
    promote(desk, "1", who="ada", why="first")
    here.registry._client.delete_registered_model_alias("toy", "champion")
    assert here.registry.aliases() == {}
    assert promote(desk, "2", who="ada", why="second").notes == (
        "moved the alias champion to version 1, as was decided before",
    )
    assert here.registry.aliases() == {"champion": "2"}


def test_an_alias_moved_by_other_means_is_told_and_not_followed(place: Open) -> None:
    here = place()
    desk = here.desk()
    promote(desk, "2", who="ada", why="first")
    here.registry.set_alias("champion", "1")
    notes = repair(desk)
    assert notes == ("the alias champion was moved to version 1 by other means; it is not followed",)
    assert here.registry.aliases() == {"champion": "1"}
    live = here.ledger.history().live()
    assert live is not None
    assert live.version == "2"


def test_a_rollback_returns_to_what_was_live_and_can_go_on(place: Open) -> None:
    here = place()
    desk = here.desk()
    promote(desk, "2", who="ada", why="first")
    promote(desk, "1", who="ada", why="second")
    done = rollback(desk, who="eve", why="complaints")
    assert (done.record.action, done.record.version, done.record.previous) == ("rollback", "2", "1")
    assert here.registry.aliases() == {"champion": "2"}
    with pytest.raises(HoldfastError, match="no version was champion before version 2"):
        rollback(desk, who="eve", why="further")


def test_a_version_that_never_was_live_is_no_way_back(place: Open) -> None:
    here = place()
    desk = here.desk()
    with pytest.raises(HoldfastError, match="nothing is champion yet"):
        rollback(desk, who="eve", why="x")
    promote(desk, "2", who="ada", why="first")
    with pytest.raises(HoldfastError, match="no version was champion before"):
        rollback(desk, who="eve", why="x")
    with pytest.raises(HoldfastError, match="version 1 was never champion"):
        rollback(desk, who="eve", why="x", to="1")
    assert here.registry.aliases() == {"champion": "2"}


def test_a_rollback_needs_no_registry(place: Open) -> None:
    here = place()
    desk = here.desk()
    promote(desk, "1", who="ada", why="first")
    promote(desk, "2", who="ada", why="second")
    away = replace(desk, registry=type(here.registry)("sqlite:////nowhere/at/all/mlflow.db", "toy"))
    done = rollback(away, who="eve", why="complaints")
    assert done.record.version == "1"
    assert "could not follow yet" in done.notes[0]
    assert here.registry.aliases() == {"champion": "2"}
    assert repair(desk) == ("moved the alias champion to version 1, as was decided before",)


def test_an_archived_version_holds_nothing_and_promoting_brings_it_back(place: Open) -> None:
    here = place()
    desk = here.desk()
    promote(desk, "1", who="ada", why="first")
    with pytest.raises(HoldfastError, match="version 1 is champion"):
        archive(desk, "1", who="ada", why="old")
    promote(desk, "2", who="ada", why="second")
    assert archive(desk, "1", who="ada", why="old").record.action == "archive"
    assert [item.archived for item in here.registry.versions()] == [False, True]
    with pytest.raises(HoldfastError, match="archived already"):
        archive(desk, "1", who="ada", why="old")
    with pytest.raises(HoldfastError, match="is archived"):
        rollback(desk, who="ada", why="back", to="1")
    with pytest.raises(HoldfastError, match="no version was champion before"):
        rollback(desk, who="ada", why="back")
    promote(desk, "1", who="ada", why="it was fine")
    assert [item.archived for item in here.registry.versions()] == [False, False]


def test_a_crash_before_the_archive_mark_is_repaired(place: Open) -> None:
    here = place()
    desk = here.desk()
    promote(desk, "1", who="ada", why="first")
    archive(desk, "2", who="ada", why="bad")
    here.registry.restore("2")
    assert repair(desk) == ("marked version 2 as archived, as was decided before",)
    assert here.registry.version("2").archived


def test_other_aliases_have_their_own_history(place: Open) -> None:
    here = place()
    desk = here.desk()
    promote(desk, "1", who="ada", why="first")
    assert promote(desk, "2", who="ada", why="try", alias="challenger").record.action == "alias"
    assert here.registry.aliases() == {"champion": "1", "challenger": "2"}
    assert promote(desk, "challenger", who="ada", why="won").record.version == "2"
    assert here.registry.aliases() == {"champion": "2", "challenger": "2"}


def test_who_and_why_are_asked_for_and_an_alias_is_no_number(place: Open) -> None:
    here = place()
    with pytest.raises(HoldfastError) as fault:
        promote(here.desk(), "1", who=" ", why="", alias="v2")
    assert [problem.field for problem in fault.value.problems] == ["who", "why", "alias"]
    assert here.ledger.records == []


def test_promoting_the_champion_again_is_no_decision(place: Open) -> None:
    here = place()
    promote(here.desk(), "1", who="ada", why="first")
    with pytest.raises(HoldfastError, match="is the champion already"):
        promote(here.desk(), "1", who="ada", why="again")
    assert len(here.ledger.records) == 1


def test_a_door_that_says_no_keeps_everything_as_it_was(place: Open) -> None:
    class NotOwn:
        def vetoes(self, wish: Wish) -> Sequence[Problem]:
            return [Problem("who", "own", f"{wish.who} trained it", "ask someone else")] if wish.who == "ada" else []

        def passed(self, wish: Wish) -> str:
            return "not asked"

    here = place()
    with pytest.raises(HoldfastError, match="may not pass") as fault:
        promote(here.desk(NotOwn()), "1", who="ada", why="mine")
    assert fault.value.problems[0].what == "ada trained it"
    assert (here.ledger.records, here.registry.aliases()) == ([], {})
    assert promote(here.desk(NotOwn()), "1", who="eve", why="looks right").record.who == "eve"


def test_a_version_whose_state_cannot_be_made_ready_is_not_promoted(place: Open) -> None:
    def refuse(bundle: Bundle) -> None:
        raise HoldfastError(f"no state for {bundle.name}")

    here = place()
    with pytest.raises(HoldfastError, match="no state for toy"):
        promote(replace(here.desk(), prepare=refuse), "1", who="ada", why="first")
    assert (here.ledger.records, here.registry.aliases()) == ([], {})


def test_a_changed_byte_in_the_registrys_copy_is_refused_and_nothing_is_kept(place: Open) -> None:
    here = place()
    artifacts = here.registry._client.get_model_version_download_uri("toy", "1").removeprefix("file://")
    model = next(Path(artifacts).glob("data/*/trees.bin"))
    whole = model.read_bytes()
    try:
        model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(HoldfastError, match="the bundle is refused"):
            promote(here.desk(), "1", who="ada", why="first")
    finally:
        model.write_bytes(whole)
    assert here.ledger.records == []
    assert list((here.folder / "bundles").iterdir()) == []
    promote(here.desk(), "1", who="ada", why="now it is whole")
