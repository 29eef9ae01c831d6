"""The tables: a project of a template in the drills' own sandbox, clean traffic and every incident that rows can show.

`reference.parquet` the weeks before, `clean.parquet` the clean twin, `incident-ID.parquet` each injured one: event time
(µs UTC), features as served, score, threshold, and the label where it is known (else 0: it is final by then).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from holdfast.drills.ask import monitor
from holdfast.drills.catalog import chosen
from holdfast.drills.drill import Caught
from holdfast.drills.exported import export
from holdfast.drills.journey import prepared
from holdfast.drills.sandbox import Sandbox
from holdfast.project.project import Project

INCIDENTS = ("H8", "H3", "F3", "H9", "F6", "T9", "H2", "H4", "F2", "T12", "G4", "C3", "H6")
HIT = {
    "H8": "amount", "H3": "amount", "T12": "amount", "C3": "amount", "F3": "category", "H9": "category", "H4": "hour",
}  # fmt: skip
"""What a column's name contains that was hit; of the others any column is right."""
DAYS = 14


@dataclass(frozen=True)
class Ours:
    """What `holdfast monitor` said of one stretch; `clean` of its twin."""

    caught: tuple[Caught, ...]
    sent: int


def tables(template: str, work: Path, say: Callable[[str], None]) -> dict[str, Ours]:
    """Write the tables of one template into `work`, and answer what we said of them, by incident and ``clean``."""
    home = work.with_name(f"{work.name}-project")
    shutil.rmtree(home, ignore_errors=True)
    prepared(template, home)
    work.mkdir(parents=True, exist_ok=True)
    sandbox = Sandbox(Project.open(home), home / ".holdfast" / "drills", say=say)
    sandbox.work.mkdir(parents=True)
    before = _frame(Project.open(sandbox.warmed), sandbox)
    before.to_parquet(work / "reference.parquet")
    told = {"clean": _one(sandbox, None, work / "clean.parquet", before)}
    for drill in chosen(list(INCIDENTS)):
        if not drill.applies(sandbox.bundle.contract):
            say(f"{template} {drill.id}")
            made = _one(sandbox, drill.inject, work / f"incident-{drill.id}.parquet", before)
            if made is not None:
                told[drill.id] = made
    names = [name for name in before if name not in ("id", "time", "score", "label", "threshold")]
    words = [name for name in names if before[name].dtype == object]
    about = {"template": template, "numbers": [name for name in names if name not in words], "categories": words,
             "score": "score"}  # fmt: skip
    (work / "about.json").write_text(json.dumps(about))
    shutil.rmtree(home, ignore_errors=True)
    return {name: item for name, item in told.items() if item is not None}


def _one(sandbox: Sandbox, inject: Any, path: Path, before: pd.DataFrame) -> Ours | None:
    with sandbox.stage(DAYS, "warmed") as stage:
        if inject is not None:
            inject(stage)
        stage.run((monitor,))
        table = _frame(stage.project, sandbox)
        table = table[table["time"] >= stage.start]
        refused = sum(reply.status != 200 for reply in stage.replies)
        if len(table) < refused:  # most never were rows: the contract refused them
            return None
        table.to_parquet(path)
        return Ours(tuple(stage.heard), len(stage.replies))


def _frame(project: Project, sandbox: Sandbox) -> pd.DataFrame:
    made = export(project, sandbox.bundle, most=1_000_000)
    table = pd.DataFrame(
        {name: values for name, values in made.columns.items() if name not in ("split", "score_again")}
    )
    threshold = sandbox.bundle.threshold.value
    return table.assign(label=table["label"].fillna(0.0), threshold=threshold).sort_values("time", ignore_index=True)


def at_scale(work: Path, features: int, rows: int) -> Sequence[Path]:
    """A reference of 100,000 rows and `rows` predictions of the same population, both of normal numbers."""
    chance, made = np.random.default_rng(1), []
    for name, many in (("reference", 100_000), ("current", rows)):
        columns = {f"x{at:03d}": chance.normal(size=many) for at in range(features)}
        table = pd.DataFrame({**columns, "score": chance.beta(1, 30, many)})
        made.append(work / f"{name}-{rows}.parquet")
        table.to_parquet(made[-1])
    return made
