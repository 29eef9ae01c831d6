"""`holdfast monitor` on a project whose ledger holds days of decisions, the last hours of them in cents."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from benchmarks.seasons import AT, BEGIN, DAY, HOUR, THRESHOLD, World, contract, packed, probability

from holdfast.cli.monitor_page import page
from holdfast.features.plan import plan
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.records import Decision, Promotion, Refusal
from holdfast.ledger.writer import LedgerWriter
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.schema import schema
from holdfast.project.monitor import Monitor, Report, keep_parity, kept_parity, monitor
from holdfast.project.monitor_history import days, keep, past
from holdfast.project.project import Project
from holdfast.project.replay import LiveParity

WORLD = World(400, 5)
DAYS = 9
SINCE = BEGIN + (DAYS - 1) * DAY + 8 * HOUR


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("seasons")
    home = folder / ".holdfast"
    (home / "bundles").mkdir(parents=True)
    (folder / "holdfast.toml").write_text('name = "seasons"\n', encoding="utf-8")
    bundle = packed(WORLD, home / "bundles" / "packing")
    (home / "bundles" / "packing").rename(home / "bundles" / bundle)
    state = State.open(home / "state")
    try:
        state.publish(state.register(plan(contract()).series))
        writer = LedgerWriter(Log(home / "ledger"), state)
        writer.commit(
            [
                Promotion(
                    action="promote", alias="champion", version="1", bundle=bundle, contract=contract().hash, who="t",
                    why="t",
                )
            ]
        )  # fmt: skip
        customers = WORLD.customers()
        for day in range(DAYS):
            writer.commit(list(decisions(day, customers)))
        writer.commit(
            [Refusal(source="requests", event_id=None, status=422, problems=[{"field": "age", "code": "type"}])]
        )
    finally:
        state.close()
    return Project.open(folder)


def decisions(day: int, customers: dict[str, Any]) -> Iterator[Decision]:
    X, times = WORLD.day(day, customers)
    X[times >= SINCE, AT["amount"]] *= 100
    for row, time, p in zip(X, times.tolist(), probability(X).tolist(), strict=True):
        name = f"{day}-{time}"
        yield Decision(
            read_seq=0, source="requests", event_id=name, time=time, body=b"{}", digest=name.encode(),
            contract=contract().hash, model="seasons", version="1", variant="champion",
            features=row.astype("<f8").tobytes(), score=p, probability=p, threshold=THRESHOLD, decision=p >= THRESHOLD,
            prediction_id=name,
        )  # fmt: skip


def test_cents_for_dollars_are_named_and_nothing_was_said_before(project: Project) -> None:
    before = monitor(project, at=SINCE)
    assert [item.why for item in before.alerts] == []
    assert before.predictions > 200
    report = monitor(project)
    assert report.now >= SINCE, "recorded traffic has its own now"
    assert [(item.cause, item.feature) for item in report.alerts] == [("units", "amount")]
    assert report.alerts[0].evidence["factor"] == 100
    assert report.severity == "critical"
    assert any("× 100" in line for line in report.lines())


def test_the_ledger_says_the_same(project: Project) -> None:
    counted, again = monitor(project, at=SINCE + 12 * HOUR), monitor(project, at=SINCE + 12 * HOUR, ledger=True)

    def told(report: Report) -> list[Finding]:
        return [item for item in report.findings if not item.code.startswith("WATCH5")]

    assert told(counted) == told(again)


def test_counts_of_a_look_are_those_of_the_store_whatever_the_stretch(project: Project) -> None:
    with Monitor(project) as watching:
        seen = watching.seen(SINCE + 12 * HOUR)
        minute = 60_000_000
        for start, end in ((SINCE - 50 * minute, SINCE + 70 * minute), (SINCE + minute, SINCE + 9 * minute)):
            assert seen.counts(start, end) == seen.source.counts("1", start, end, watching.bundle.hash)
        assert seen.counts(BEGIN, SINCE).decisions == sum(n for _, n in seen.volumes(BEGIN, SINCE))


def command(project: Project, *words: str) -> tuple[int, str]:
    line = [sys.executable, "-m", "holdfast.cli.main", "-C", str(project.folder), "monitor", *words]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1, 2), done.stderr
    return done.returncode, done.stdout


def test_the_command_answers_as_its_schema_says_and_writes_a_page(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    code, told = command(project, "--json", "--html", str(file))
    assert code == 1
    answer = json.loads(told)
    valid = jsonschema_rs.validator_for(schema())
    valid.validate(answer)
    assert not valid.is_valid({**answer, "findings": [{**answer["findings"][0], "status": "fine"}]})
    text = file.read_text(encoding="utf-8")
    assert "units" in text.lower()
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "<script" not in text
    quiet = datetime.fromtimestamp(SINCE / 1e6, UTC).isoformat()
    assert command(project, "--at", quiet)[0] == 0


def test_a_page_lets_no_name_from_the_data_run(project: Project) -> None:
    report = monitor(project)
    evil = "<script>alert(1)</script>"
    bad = replace(report, findings=(replace(report.findings[0], why=evil, mend=evil), *report.findings[1:]))
    with Monitor(project) as watching:
        text = page(bad, days(watching.seen(), report), [{"at": evil, "version": evil, "findings": []}])
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_history_keeps_what_changed_only(project: Project) -> None:
    (project.home / "monitor" / "history.jsonl").unlink(missing_ok=True)
    quiet, loud = monitor(project, at=SINCE), monitor(project)
    for report in (quiet, quiet, loud, loud, quiet):
        keep(project, report)
    with (project.home / "monitor" / "history.jsonl").open("a") as file:
        file.write('{"at": "cut o')
    assert [bool(look["findings"]) for look in past(project)] == [False, True, False]
    with Monitor(project) as watching:
        told = days(watching.seen(), loud)
    assert told[-1].psi["amount"] > 1 > told[-3].psi["amount"]


def test_parity_is_kept_for_a_while(project: Project) -> None:
    assert kept_parity(project) is None
    keep_parity(project, LiveParity(_Replayed(), 4, {"amount": 4}))  # type: ignore[arg-type]
    found = kept_parity(project)
    assert found is not None
    assert (found.rows, found.skewed) == (10, 4)
    file = project.home / "monitor" / "parity.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"at": told["at"] - 4 * HOUR}))
    assert kept_parity(project) is None


class _Replayed:
    decisions = 10
    differences: tuple[object, ...] = ()


def test_limits_come_from_the_project(project: Project, tmp_path: Path) -> None:
    patient = replace(project.settings, monitor={"drift_psi": 1e9, "null_rise": 1.0})
    with Monitor(project) as watching:
        usual = watching.limits
    own = Project.open(project.folder)
    object.__setattr__(own, "settings", patient)
    with Monitor(own) as watching:
        assert (watching.limits.drift_psi, usual.drift_psi) == (1e9, 0.1)
        assert "units" not in {item.cause for item in watching.look().alerts}


def test_the_world_is_the_one_that_was_trained_on() -> None:
    assert np.isclose(probability(np.zeros((1, 20)))[0], 1 / (1 + np.exp(3.84)), atol=0.01)
