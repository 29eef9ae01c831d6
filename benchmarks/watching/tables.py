"""The tables: a project of a template in the drills' own sandbox, clean traffic and every incident that rows can show.

`reference.parquet` the four weeks before, `clean.parquet` the clean twin, `incident-ID.parquet` each injured one: day
since the traffic parted (the reference's are negative), `time` so that days begin at midnight, features as served,
score, threshold; in the reference what turned out to be true.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from holdfast.contract.model import DAY
from holdfast.drills.catalog import chosen
from holdfast.drills.drill import Ask, Caught
from holdfast.drills.exported import export
from holdfast.drills.journey import END
from holdfast.drills.recorded import Request
from holdfast.drills.sandbox import LEAD, Sandbox
from holdfast.drills.stage import Stage
from holdfast.monitoring.reads import roots
from holdfast.project.monitor import Monitor
from holdfast.project.project import Project
from holdfast.project.start import start
from holdfast.project.twin import bare_environment

INCIDENTS = ("H8", "H3", "F3", "H9", "F6", "T9", "H2", "H4", "F2", "T12", "G4", "C3", "H6")
CLEAN_DAYS, DAYS = 14, 3
"""Of the clean twin, and of each incident: the longest that the drills allow any of these."""
ROWS = {"cards": 12_000, "fraud": 9_000}
"""Of simulated history, in some four months: a hundred predictions a day, as in the drills."""
MIDNIGHT = pd.Timestamp("2026-01-01")
MOST_REFUSED = 0.02
"""Requests that the contract refuses never become rows: where more are, an incident cannot be shown to the others."""
SERVER = ("WATCH502", "WATCH503", "WATCH504")
"""How fast and how often the server answered: the machine's doing, not the incident's. Left out, for and against us."""
COLUMNS = ("id", "day", "time", "score", "label", "threshold")
Alarm = tuple[str, str, str]
"""Code, cause, feature."""


@dataclass(frozen=True)
class Ours:
    """What `holdfast monitor` said at the end of each day; `refused`: share of the requests that never became rows."""

    days: tuple[frozenset[Alarm], ...]
    sent: int
    refused: float = 0.0
    incident: str = ""
    causes: tuple[str, ...] = ()
    """What the drill said of itself when it was run."""

    @property
    def shown(self) -> bool:
        return self.refused <= MOST_REFUSED

    def plain(self) -> dict[str, Any]:
        return {"days": [sorted(day) for day in self.days], "sent": self.sent, "refused": self.refused,
                "incident": self.incident, "causes": self.causes}  # fmt: skip

    @classmethod
    def of(cls, told: dict[str, Any]) -> Ours:
        days = tuple(frozenset((code, cause, feature) for code, cause, feature in day) for day in told["days"])
        return cls(days, told["sent"], told["refused"], told["incident"], tuple(told["causes"]))


def tables(template: str, rows: int, work: Path, say: Callable[[str], None]) -> dict[str, Ours]:
    """Write the tables of one template into `work`, and answer what we said of them, by incident and ``clean``."""
    home = work.with_name(f"{work.name}-project")
    for place in (home, work):
        shutil.rmtree(place, ignore_errors=True)
    start(template, template, home, rows=rows, end=END)
    line = [sys.executable, "-m", "holdfast.cli.main", "-C", str(home), "train"]
    subprocess.run(line, check=True, env=bare_environment(), stdout=subprocess.DEVNULL)
    work.mkdir(parents=True)
    sandbox = Sandbox(Project.open(home), home / ".holdfast" / "drills", say=say)
    sandbox.work.mkdir(parents=True)
    before = _frame(Project.open(sandbox.warmed), sandbox, sandbox.recorded.traffic.requests)
    before.to_parquet(work / "reference.parquet")
    say(f"{template} clean")
    told = {"clean": _one(sandbox, CLEAN_DAYS, None, work / "clean.parquet")}
    for drill in chosen(list(INCIDENTS)):
        if not drill.applies(sandbox.bundle.contract):
            say(f"{template} {drill.id}")
            made = _one(sandbox, DAYS, drill.inject, work / f"incident-{drill.id}.parquet")
            told[drill.id] = replace(made, incident=drill.incident, causes=drill.causes)
    names = [name for name in map(str, before) if name not in COLUMNS]
    words = [name for name in names if before[name].dtype == object]
    reads = roots(sandbox.bundle.contract)
    about = {
        "numbers": [name for name in names if name not in words], "categories": words, "score": "score",
        "own": [name for name in names if not any(item.endswith(".*") for item in reads[name])],
    }  # fmt: skip
    (work / "about.json").write_text(json.dumps(about))
    shutil.rmtree(home, ignore_errors=True)
    return told


def _one(sandbox: Sandbox, days: int, inject: Any, path: Path) -> Ours:
    said: list[frozenset[Alarm]] = []

    def look(stage: Stage) -> Iterator[Caught]:
        """`holdfast monitor --at` the end of each day."""
        with Monitor(stage.project) as watching:
            for day in range(days):
                report = watching.look(stage.start + (day + 1) * DAY)
                heard = [item for item in report.findings if item.status in ("alert", "crashed")]
                heard = [item for item in heard if item.code not in SERVER]
                said.append(frozenset((item.code, item.cause, item.feature) for item in heard))
        return iter(())

    with sandbox.stage(days, "warmed") as stage:
        if inject is not None:
            inject(stage)
        stage.run((Ask("days", look),))
        sent = len(stage.replies)
        made = Ours(tuple(said), sent, sum(reply.status != 200 for reply in stage.replies) / max(1, sent))
        if made.shown:
            table = _frame(stage.project, sandbox, ())
            table[table["day"].between(0, days - 1)].to_parquet(path)
        return made


def _frame(project: Project, sandbox: Sandbox, requests: Iterable[Request]) -> pd.DataFrame:
    made = export(project, sandbox.bundle, most=1_000_000)
    table = pd.DataFrame({name: made.columns[name] for name in made.columns if name not in ("split", "score_again")})
    name = sandbox.bundle.contract.deciding.id
    truth = {str(item.body[name]): float(bool(item.truth)) for item in requests}
    since = table["time"] - (sandbox.recorded.cut + LEAD * DAY)
    return table.assign(
        day=since // DAY, time=MIDNIGHT + pd.to_timedelta(since, unit="us"),
        label=table["id"].map(truth).fillna(0.0), threshold=sandbox.bundle.threshold.value,
    ).sort_values("time", ignore_index=True)  # fmt: skip


def at_scale(work: Path, features: int, rows: int) -> Sequence[Path]:
    """A reference of 100,000 rows and `rows` predictions of the same population, both of normal numbers."""
    chance, made = np.random.default_rng(1), []
    for name, many in (("reference", 100_000), ("current", rows)):
        columns = {f"x{at:03d}": chance.normal(size=many) for at in range(features)}
        score = chance.beta(1, 30, many)
        label = (chance.random(many) < score).astype(np.float64)
        table = pd.DataFrame({**columns, "score": score, "label": label, "threshold": 0.1})
        made.append(work / f"{name}-{rows}.parquet")
        table.to_parquet(made[-1])
    return made
