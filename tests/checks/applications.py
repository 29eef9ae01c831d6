"""A small project of real files: loan applications with everything a check of data looks for, and a version of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.bundle.load import load
from holdfast.checks.subject import Subject
from holdfast.project.build import features
from holdfast.project.project import Project
from holdfast.training.settings import TrainingSettings
from holdfast.training.train import train

CONTRACT = """
from holdfast.contract import Contract, Events, category, days, integer, real, text, timestamp

asked = Events(
    "asked",
    id="id",
    time="at",
    fields={
        "id": text(),
        "at": timestamp(),
        "person": text(personal=True),
        "income": integer(at_least=0),
        "debt": integer(at_least=0),
        "late": integer(description="-2 nothing was due"),
        "score": real(nullable=True),
        "job": category("clerk", "cook", "driver", on_unknown="unknown"),
        "sex": category("f", "m", protected=True),
        **{f"noise_{at}": real() for at in range(5)},
    },
)
bad = asked.label("bad", known_after=days(2))
person = asked.per("person")

contract = Contract(
    "loans",
    decide_on=asked,
    label=bad,
    features={
        "income": asked.income,
        "debt": asked.debt,
        "late": asked.late,
        "score": asked.score,
        "job": asked.job,
        "asked_before": person.count(over=days(10)),
        **{f"noise_{at}": asked[f"noise_{at}"] for at in range(5)},
    },
)
"""
SETTINGS = """
contract = "contract.py"
[inputs]
asked = "asked.parquet"
"""
QUICK = TrainingSettings(folds=2, bootstrap=20, threads=1, params={"n_estimators": 30, "num_leaves": 7})
Columns = dict[str, Any]
Change = Callable[[Columns], None]


def columns(seed: int = 1, rows: int = 3_000) -> Columns:
    chance = np.random.default_rng(seed)
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    minutes = np.sort(chance.permutation(60 * 24 * 60)[:rows])
    income, debt = chance.integers(1_000, 9_000, rows), chance.integers(0, 20_000, rows)
    late, score = chance.integers(0, 9, rows), np.round(chance.normal(0, 1, rows), 6)
    job = chance.choice(["clerk", "cook", "driver"], rows)
    risk = debt / income / 4 + 0.3 * late + 0.8 * score + 0.6 * (job == "cook") + chance.normal(0, 1, rows)
    return {
        "id": [f"a{at:05d}" for at in range(rows)],
        "at": [begin + timedelta(minutes=int(at)) for at in minutes],
        "person": [f"p{at}" for at in chance.integers(0, 800, rows)],
        "income": income,
        "debt": debt,
        "late": late,
        "score": np.where(chance.random(rows) < 0.05, np.nan, score),
        "job": job.astype(object),
        "sex": chance.choice(["f", "m"], rows).astype(object),
        **{f"noise_{at}": np.round(chance.normal(0, 1, rows), 6) for at in range(5)},
        "bad": (risk > np.quantile(risk, 0.85)).astype(bool),
    }


def write(folder: Path, made: Columns) -> Project:
    """A project with this history; called again, another history for the same project."""
    folder.mkdir(exist_ok=True)
    (folder / "contract.py").write_text(CONTRACT)
    (folder / "holdfast.toml").write_text(SETTINGS)
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in made.items()})
    pq.write_table(table, folder / "asked.parquet")
    return Project.open(folder)


def version(folder: Path, change: Change | None = None, seed: int = 1, settings: TrainingSettings = QUICK) -> Subject:
    """A version trained on the history as it was changed."""
    made = columns(seed)
    if change is not None:
        change(made)
    project = write(folder, made)
    table = features(project)
    done = train(project.contract, table, settings, folder / "bundle", author="ada")
    return Subject("1", load(folder / "bundle", expect=done.bundle), table, None, project)


def looked_at_later(subject: Subject, change: Change, seed: int = 1) -> Subject:
    """The same version, and its history as it is now."""
    made = columns(seed)
    change(made)
    project = write(subject.place.folder, made)
    return Subject("1", subject.bundle, features(project), None, project)
