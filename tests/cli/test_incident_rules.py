"""What an incident's journeys refuse, and what they never hide. No server runs here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run

from holdfast.access import keys
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Measure, Promotion
from holdfast.project.incidents import measures
from holdfast.project.incidents.figures import Compared, Reading
from holdfast.project.people import acting
from holdfast.project.project import Project

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def people(shop: Path) -> dict[str, str]:
    """Texts of keys: ann operates, eve approves, bob's key was made by ann, vic only looks."""
    made = {}
    for name, role, by in (
        ("ann", "operator", "keeper"), ("eve", "approver", "keeper"), ("bob", "approver", "ann"),
        ("vic", "viewer", "keeper"),
    ):  # fmt: skip
        made[name] = keys.create(Project.open(shop).home, name, [role], by=by)[1]
    return made


def opened(run: Run, shop: Path, *more: str) -> Any:
    done = run(
        "-C", shop, "incident", "open", "outage", "--because", "nothing answers", "--address", DEAD, *more, "--json"
    )
    assert done.code == 0, done.out
    return done.document


def test_a_measure_takes_two_people_who_are_two(shop: Path, people: dict[str, str]) -> None:
    project = Project.open(shop)
    told: dict[str, Any] = {"value": 0.9, "expires": "1h", "because": "a test"}
    for who in ("eve", "vic"):
        with acting(people[who]), pytest.raises(HoldfastError, match="needs `deploy`"):
            measures.ask(project, "threshold", **told)
    with pytest.raises(HoldfastError, match="proved"):
        measures.ask(project, "threshold", **told)
    with acting(people["ann"]):
        asked = measures.ask(project, "threshold", **told).record
        with pytest.raises(HoldfastError, match="needs `approve`"):
            measures.put(project, asked.seq, because="I may")
    with acting(people["bob"]), pytest.raises(HoldfastError, match="made by ann"):
        measures.put(project, asked.seq, because="a friend")
    assert measures.known(project).holding(asked.received_at) == []  # asked is not in force
    with acting(people["eve"]):
        kept = measures.put(project, asked.seq, because="customers wait").record
        with pytest.raises(HoldfastError, match="no measure waits"):
            measures.put(project, asked.seq, because="twice")
    assert measures.known(project).holding(kept.received_at) == [kept]
    assert measures.known(project).holding(kept.until) == []
    with acting(people["vic"]), pytest.raises(HoldfastError, match="needs `deploy`"):
        measures.lift(project, kept.seq, because="I may not")
    with acting(people["ann"]):
        measures.lift(project, kept.seq, because="over")
    assert measures.known(project).holding(kept.received_at) == []


def test_whoever_made_the_version_does_not_put_its_measure_into_force(shop: Path, people: dict[str, str]) -> None:
    from holdfast.project.people import machine_user

    project = Project.open(shop)
    author = keys.create(project.home, machine_user(), ["approver"], by="keeper")[1]
    with acting(people["ann"]):
        asked = measures.ask(project, "review", value=1.0, expires="1h", because="a test").record
    with acting(author), pytest.raises(HoldfastError, match="made or submitted"):
        measures.put(project, asked.seq, because="mine")


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"expires": "8d", "value": 0.9}, "does not last"),
        ({"value": 1.5}, "no probability"),
        ({"kind": "names", "names": (("category", "kind"),)}, "no field"),
        ({"kind": "names", "names": (("amount", "merchant_category"),)}, "is a field"),
        ({"kind": "names", "names": ()}, "one other name"),
        ({"kind": "review", "value": 0.0001}, "no positive decision"),
        ({"value": 0.9, "because": " "}, "cannot be written down"),
    ],
)
def test_a_measure_that_cannot_be_meant_is_refused(
    shop: Path, people: dict[str, str], more: dict[str, Any], what: str
) -> None:
    project = Project.open(shop)
    told = {"expires": "1h", "because": "a test", "kind": "threshold"} | more
    with acting(people["ann"]), pytest.raises(HoldfastError, match=what):
        measures.ask(project, **told)
    assert not any(isinstance(item, Measure) for item in project.reader.records())


def test_a_broken_glass_is_shouted_wherever_the_incident_is_told(shop: Path, run: Run) -> None:
    project = Project.open(shop)
    opened(run, shop)
    live = next(item for item in project.reader.promotions())
    shout = "BROKEN GLASS by ann and eve"
    with project.writing() as (_, writer):
        writer.commit(
            [
                Promotion(
                    action="promote",
                    alias="champion",
                    version="1",
                    bundle=live.bundle,
                    contract=live.contract,
                    who="ann",
                    why="the house burns",
                    passed=shout,
                )
            ]
        )
    for words in (("incident", "list"), ("incident", "show", "--address", DEAD), ("versions", "--history")):
        assert shout in run("-C", shop, *words).out, words
    named = run("-C", shop, "incident", "show", "--evidence", "promotions", "--address", DEAD).out
    assert "BROKEN GLASS!" in named


def test_evidence_that_was_changed_is_not_put_on_the_page(shop: Path, run: Run) -> None:
    name = opened(run, shop)["incident"]
    path = next((shop / ".holdfast" / "incidents" / str(name)).glob("evidence-*.json"))
    path.write_text(path.read_text().replace("does not answer", "answers"))
    done = run("-C", shop, "incident", "close", "--because", "x", "--accepting", "a test", "--address", DEAD)
    assert done.code == 2
    assert "not what was gathered" in done.out + done.err
    assert run("-C", shop, "incident", "list", "--json").document["incidents"][0]["status"] == "open"


def test_an_incident_is_not_closed_before_anything_shows_that_it_is_over(shop: Path, run: Run) -> None:
    opened(run, shop)
    done = run("-C", shop, "incident", "close", "--because", "it is late", "--address", DEAD)
    assert done.code == 2
    assert "nothing shows that it is over" in done.out + done.err
    assert not (shop / "incidents").exists()
    assert (
        run("-C", shop, "incident", "close", "--because", "late", "--accepting", "a test", "--address", DEAD).code == 0
    )
    again = run("-C", shop, "incident", "note", "too late", "--incident", "1")
    assert again.code == 2
    page = next((shop / "incidents").glob("*.html")).read_text()
    assert "not shown to be over" in page


def test_what_was_gathered_is_kept_where_the_ledger_takes_nothing(shop: Path, run: Run) -> None:
    if os.getuid() == 0:
        # Root writes everywhere: the ledger's folder is something else than a folder.
        shutil.move(shop / ".holdfast" / "ledger", shop / "aside")
        (shop / ".holdfast" / "ledger").write_text("no folder")
    done = run("-C", shop, "incident", "open", "outage", "--because", "disk", "--address", DEAD)
    assert done.code == 2, done.out + done.err
    assert "kept" in done.out + done.err
    assert list((shop / ".holdfast" / "incidents").glob("unrecorded-*/evidence.json"))


def test_a_playbook_is_asked_for_where_no_alert_points_to_one(shop: Path, run: Run) -> None:
    done = run("-C", shop, "incident", "open", "flood", "--because", "water", "--address", DEAD)
    assert done.code == 2
    assert "false-positive-spike" in done.out + done.err


@pytest.mark.parametrize(
    ("before", "during", "after", "word"),
    [
        ((0.02, 1000), (0.40, 200), (0.02, 200), "gone"),
        ((0.02, 1000), (0.40, 200), (0.09, 200), "gone"),
        ((0.02, 1000), (0.40, 200), (0.20, 200), "still there"),
        ((0.02, 1000), (0.40, 200), (None, 3), "too few"),
        ((0.02, 1000), (0.025, 200), (0.02, 200), "never rose"),
        ((None, 0), (0.40, 200), (0.0, 60), "gone"),
        ((0.0, 10), (4.2, 200), (3.4, 200), "still there"),
    ],
)
def test_gone_is_said_of_a_rise_that_is_gone(before: Any, during: Any, after: Any, word: str) -> None:
    found = Compared("figure", "what", Reading(*before), Reading(*during), Reading(*after))
    assert found.verdict()[0] == word, found.verdict()
