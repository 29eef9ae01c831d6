"""The whole line on a small project and a real server: each kind is caught, and without its injection it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.drills.catalog import chosen
from holdfast.drills.drill import Drill
from holdfast.drills.run import Drills
from holdfast.drills.stage import Stage

pytestmark = pytest.mark.long


def _named(name: str) -> Drill:
    return chosen([name])[0]


def _without(drill: Drill) -> Drill:
    """The same with nothing injected: only what its clean twin does."""
    return replace(drill, inject=drill.twin or (lambda stage: None))


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("field-renamed", "reply"),
        ("feature-step-differs", "parity"),
        ("other-order", "doctor"),
        ("failed-restore", "restore"),
    ],
)
def test_it_is_caught_and_without_the_injection_it_is_not(drills: Drills, name: str, by: str) -> None:
    drill = _named(name)
    ask = tuple(item for item in drill.ask if item.name == by)
    small = replace(drill, ask=ask, days=min(drill.days, 2))
    ran = drills.one(small)
    assert (ran.status, ran.clean, ran.error) == ("caught", (), "")
    assert ran.naming is not None
    assert ran.naming.by == by
    clean = drills.one(_without(small))
    assert (clean.status, clean.caught, clean.error) == ("missed", (), "")


def test_the_project_itself_is_left_as_it_was(drills: Drills) -> None:
    folder = drills.sandbox.origin.folder
    assert not (folder / ".holdfast" / "ledger").exists()
    assert "serving" not in (folder / "holdfast.toml").read_text().replace("[serving]\nport = 8000", "")


def test_nothing_in_a_copy_tells_of_the_drill(drills: Drills) -> None:
    drill = _named("feature-step-differs")
    with drills.sandbox.stage(1, "warmed") as stage:
        drill.inject(stage)
        stage.run(())
        words = {drill.name.encode(), b"sitecustomize", b"injur", b"found[at]", str(stage.aside).encode()}
        for path in (item for item in stage.folder.rglob("*") if item.is_file()):
            content = path.read_bytes()
            assert not {word for word in words if word in content}, path
        assert (stage.aside / "sitecustomize.py").is_file()
        assert not stage.aside.is_relative_to(stage.folder)
        assert {reply.status for reply in stage.replies} == {200}
        assert _answers(stage) == len(stage.replies)


def _answers(stage: Stage) -> int:
    """Of this stretch, as the copy's own ledger holds them."""
    from holdfast.ledger.records import Decision

    records = stage.project.reader.records()
    return sum(isinstance(item, Decision) and item.time >= stage.start for item in records)


def test_keys_and_doors_of_a_project_do_not_come_along(drills: Drills) -> None:
    text = (drills.sandbox.fresh / "holdfast.toml").read_text()
    assert "webhook" not in text
    assert not (drills.sandbox.fresh / ".holdfast" / "keys.json").exists()
