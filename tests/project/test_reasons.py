"""Reasons to train anew of a real project: what settled on a day, what the looks said on it, what is decided by."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from tests.vouched import promote

from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.ledger.ids import body_digest
from holdfast.ledger.records import Decision, Outcome
from holdfast.project.bundles import history, opened
from holdfast.project.project import Project
from holdfast.project.reasons import reasons
from holdfast.project.start import start
from holdfast.project.train import train

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


@pytest.fixture(autouse=True)
def _nothing_written_down(project: Project) -> None:
    """What an earlier test asked about, later in time, is not what the business decided by before."""
    (project.home / "monitor" / "rules.json").unlink(missing_ok=True)


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


def test_seven_settled_days_of_guessing_fire_on_the_seventh_and_on_no_other(project: Project) -> None:
    begin = first_day(project)
    found = reasons(project, begin + 50 * DAY, since=day_at(begin))
    assert found is not None
    assert found.until == day_at(begin + 49 * DAY)
    assert [(item.kind, item.day) for item in found.triggers] == [
        ("performance", day_at(begin + (wait(project) + 6) * DAY))
    ]  # fmt: skip


def test_only_what_settled_is_measured_and_yesterday_is_asked_about_alone(project: Project) -> None:
    found = reasons(project, first_day(project) + (wait(project) + 12) * DAY)
    assert found is not None
    assert found.triggers == ()
    assert [item.count for item in found.metrics] == [A_DAY] * 12


def test_drift_is_what_the_looks_of_a_day_said_and_holds_until_another_look(project: Project) -> None:
    begin = first_day(project)
    day = datetime.fromtimestamp((begin + 3 * DAY) / 1e6, UTC)
    finding = {"code": "WATCH201", "status": "alert", "cause": "drift", "severity": "warning", "why": ""}
    looks = [
        {"at": day.isoformat(), "version": "1", "predictions": 1,
         "findings": [finding | {"feature": f"f{at}"} for at in range(11)]},
        {"at": (day + timedelta(days=2)).isoformat(), "version": "1", "predictions": 1, "findings": []},
    ]  # fmt: skip
    place = project.home / "monitor" / "history.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(json.dumps(item) + "\n" for item in looks))
    try:
        found = reasons(project, begin + 8 * DAY, since=day_at(begin))
    finally:
        place.unlink()
    assert found is not None
    third = day_at(begin + 3 * DAY)
    assert [(item.kind, item.day) for item in found.triggers] == [("drifted_features", third), ("severe_drift", third)]


def test_another_threshold_is_a_reason_on_the_day_it_holds(project: Project) -> None:
    begin = first_day(project)
    assert reasons(project, begin + 2 * DAY).triggers == ()  # type: ignore[union-attr]
    settings = project.folder / "holdfast.toml"
    before = settings.read_text()
    settings.write_text(before.replace("[training]\n", "[training]\ncost_false_negative = 77.0\n", 1)
                        if "cost_false_negative" not in before
                        else before.replace("cost_false_negative", "cost_false_negative = 77.0 #", 1))  # fmt: skip
    changed = Project.open(project.folder)
    found = reasons(changed, begin + 3 * DAY)
    assert found is not None
    assert [item.kind for item in found.triggers] == ["business_rule"]
    settings.write_text(before)


def test_a_schedule_that_there_is_not_is_refused(project: Project) -> None:
    wrong = Project(project.folder, type(project.settings)(retrain_schedule="daily"))
    with pytest.raises(HoldfastError, match="no schedule"):
        reasons(wrong, first_day(project))
