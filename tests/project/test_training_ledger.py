"""Reasons to train anew, from a real ledger: what settled on a day, and what the business decides by on it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.vouched import promote

from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.ledger.ids import body_digest
from holdfast.ledger.records import Decision, Outcome
from holdfast.project.alerts.outbox import Outbox
from holdfast.project.alerts.sending import Sending
from holdfast.project.bundles import history, opened
from holdfast.project.project import Project
from holdfast.project.start import start
from holdfast.project.train import train
from holdfast.project.training_days import NOTED, Training, rules_hash, rules_of
from holdfast.project.watching import Watching

pytestmark = pytest.mark.long

QUICK = ("params={ num_iterations = 10 }", "folds=2", "bootstrap=0")
A_DAY = 60


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A champion that decided sixty times a day for fifty days from the day after it was trained: by nothing at all."""
    folder = tmp_path_factory.mktemp("reasons") / "shop"
    start("shop", "fraud", folder, rows=2_000)
    made = Project.open(folder)
    train(made, changes=QUICK)
    promote(made, "1", why="the first", who="tests")
    live = history(made).live()
    assert live is not None
    bundle = opened(made, live.bundle)
    begin = first_day(made)
    generator = np.random.default_rng(5)
    with made.writing() as (_, writer):
        for day in range(50):
            records: list[Decision | Outcome] = []
            for at in range(A_DAY):
                name, probability = f"d{day}-{at}", float(generator.random())
                raw: dict[str, object] = {"payment_id": name}
                time = begin + day * DAY + at * 1_000_000
                records.append(Decision(
                    read_seq=0, source=bundle.contract.decide_on, event_id=name, time=time,
                    body=json.dumps(raw).encode(), digest=body_digest(raw), contract=bundle.contract.hash,
                    model=bundle.hash, version="1", variant="champion",
                    features=np.zeros(len(bundle.features)).tobytes(), score=0.0, probability=probability,
                    threshold=0.5, decision=probability >= 0.5,
                ))  # fmt: skip
                label = bundle.contract.target
                records.append(Outcome(source=label.source, label=label.name, event_id=name, version=1, value=at % 2))
            writer.commit(records)
    return made


def first_day(project: Project) -> int:
    """Midnight after the champion was trained, µs UTC."""
    live = history(project).live()
    assert live is not None
    when = datetime.fromisoformat(opened(project, live.bundle).manifest.training["when"])
    return int(when.timestamp() * 1e6) // DAY * DAY + DAY


def wait(project: Project) -> int:
    """Whole days until a label is settled."""
    label = project.contract.target
    return -(-max(label.known_after, label.final_after or 0) // DAY)


def day_at(instant: int) -> date:
    return datetime.fromtimestamp(instant / 1e6, UTC).date()


def fired(project: Project, outbox: Outbox, now: int, days: dict[str, Any] | None = None) -> list[tuple[str, date]]:
    """What the duty says at an instant, and of which day; by a watch that has just begun."""
    live = history(project).live()
    assert live is not None
    outbox.remember(NOTED, {"bundle": live.bundle, "now": now, "days": days or {}})
    with Sending(outbox, []) as sending:
        done = Watching(project, outbox, sending, [Training()], address="").round(Training())
    told = done.found.told.get("triggers", [])
    assert [item.code for items in done.found.by_version.values() for item in items if item.status == "alert"] == [
        "WATCH597" for _ in told
    ]
    return [(item["kind"], date.fromisoformat(item["day"])) for item in told]


def test_seven_settled_days_of_guessing_fire_on_the_seventh_and_on_no_other(project: Project, tmp_path: Path) -> None:
    """Asked at the end of each day, and by one that slept for three weeks."""
    begin = first_day(project)
    seventh = day_at(begin + (wait(project) + 6) * DAY)
    awake = Outbox(tmp_path / "awake")
    told = {day: fired(project, awake, begin + day * DAY + DAY // 2) for day in range(wait(project), 50)}
    assert {day: found for day, found in told.items() if found} == {wait(project) + 7: [("performance", seventh)]}
    slept = Outbox(tmp_path / "slept")
    assert fired(project, slept, begin + wait(project) * DAY) == []
    assert fired(project, slept, begin + (wait(project) + 15) * DAY) == [("performance", seventh)]


def test_another_threshold_is_a_reason_on_the_day_it_holds_and_more_threads_are_none(
    project: Project, tmp_path: Path
) -> None:
    begin, training = first_day(project), dict(project.settings.training)
    before = rules_hash(project)

    def changed(**more: Any) -> str:
        settings = replace(project.settings, training={**training, **more})
        return rules_hash(Project(project.folder, settings))

    assert changed(threads=2, seed=11) == before
    after = changed(cost_false_negative=77.0)
    assert after != before
    quiet = {"drifted": 0, "features": 7, "severe": False}
    days = {day_at(begin + at * DAY).isoformat(): quiet | {"rules": before if at < 2 else after} for at in range(4)}
    outbox = Outbox(tmp_path / "box")
    found = [fired(project, outbox, begin + at * DAY, days) for at in range(1, 5)]
    assert found == [[], [], [("business_rule", day_at(begin + 2 * DAY))], []]


def test_a_schedule_that_there_is_not_is_refused(project: Project) -> None:
    wrong = Project(project.folder, type(project.settings)(retrain_schedule="daily"))
    with pytest.raises(HoldfastError, match="no schedule"):
        rules_of(wrong)
