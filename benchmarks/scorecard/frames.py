"""A project before the gate as two tables: the rows it learned from, and those that came then.

Columns are what came in (no personal field, no time) and what was computed beside it, in their natural types; `label`
(0, 1 or missing), `score` (the probability) and `id`. A field of one of these names is called `given_…`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.scorecard.fault import Fault, Frames
from tests.doctor.places import Place

from holdfast.checks.subject import Subject
from holdfast.contract.model import Contract
from holdfast.project.project import Project
from holdfast.training.split import Part

LABEL, SCORE, KEY = "label", "score", "id"
OURS = (LABEL, SCORE, KEY)
LEFT_OUT = ("score_again", "split", "time")


def of(subject: Subject) -> Frames:
    """Training rows and test rows of a version."""
    raw = came_in(subject.place)
    made = subject.split
    return Frames(
        _frame(subject, raw, made.train, subject.train_probability),
        _frame(subject, raw, made.test, subject.test_probability),
    )


def since(then: Frames, project: Project) -> Frames:
    """Training rows as they were, and the test rows with what the project's history says of them now."""
    return Frames(then.reference, _renewed(then.current, came_in(project)))


def came_in(project: Project) -> pd.DataFrame:
    """The history's own file, by the event's id; of ids that stand there twice the first."""
    contract = project.contract
    frame = pd.read_parquet(project.inputs(contract)[contract.decide_on])
    deciding = contract.deciding
    frame = frame.set_index(frame[deciding.id].astype(str)).loc[lambda item: ~item.index.duplicated()]
    found = {
        _called(item.name): _natural(frame[item.name], item.type)
        for item in deciding.fields
        if item.name in frame and not item.personal and item.name not in (deciding.id, deciding.time)
    }
    return pd.DataFrame(found, index=frame.index)


def _natural(values: pd.Series, kind: str) -> pd.Series:
    """Numbers that are kept as text, as numbers; left alone where one of them is none."""
    if kind != "decimal":
        return values
    try:
        return values.astype(float)
    except (TypeError, ValueError):
        return values


def _called(name: str) -> str:
    return f"given_{name}" if name in OURS else name


def _frame(subject: Subject, raw: pd.DataFrame, part: Part, probability: np.ndarray) -> pd.DataFrame:
    rows, ids = subject.rows, subject.rows.ids[part.index].astype(str)
    frame = raw.reindex(ids).reset_index(drop=True)
    for at, name in enumerate(rows.names):
        if name not in _fields(subject.contract):
            frame[_called(name)] = rows.X[part.index, at]
    label = rows.y[part.index].astype(float)
    frame[LABEL] = pd.Series(np.where(label < 0, np.nan, label)).astype("Int64")
    frame[SCORE] = probability
    frame[KEY] = ids
    return frame


def _fields(contract: Contract) -> set[str]:
    """Features that are a field as it came in, and need no column of their own."""
    return {item.name for item in contract.features if item.expr.op == "field" and item.expr["name"] == item.name}


def _renewed(frame: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    there = frame[frame[KEY].isin(raw.index)].reset_index(drop=True)
    for name in raw:
        there[name] = raw[name].reindex(there[KEY]).to_numpy()
    return there


def of_places(ours: Place, theirs: Place) -> Frames:
    """Research's export and production's. A column that one of them lacks is empty there."""
    made = [
        pd.DataFrame({name: pd.Series(values) for name, values in place.columns.items() if name not in LEFT_OUT})
        for place in (ours, theirs)
    ]
    columns = list(dict.fromkeys([*made[0], *made[1]]))
    reference, current = (frame.reindex(columns=columns) for frame in made)
    for frame in (reference, current):
        frame[LABEL] = frame[LABEL].astype("Int64")
    return Frames(reference, current)


def write(
    folder: Path, name: str, base: str, made: Frames, *, fault: Fault | None = None, sound: Frames | None = None
) -> None:
    """The folder of one fault or clean twin. What no table can show is given as the clean one, and said to be so."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = fault is None or (fault.in_the_data and not _equal(made, sound))
    told = made if shown or sound is None else sound
    told.reference.to_parquet(folder / "reference.parquet", index=False)
    told.current.to_parquet(folder / "current.parquet", index=False)
    words = [item for item in told.reference if item != KEY and not pd.api.types.is_numeric_dtype(told.reference[item])]
    about = {
        "id": name, "base": base, "clean": fault is None, "label": LABEL, "score": SCORE, "key": KEY,
        "categories": words, "in_the_data": fault is not None and shown,
        "columns": [] if fault is None or not shown else list(fault.columns),
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about, indent=1))


def _equal(made: Frames, sound: Frames | None) -> bool:
    return sound is not None and made.reference.equals(sound.reference) and made.current.equals(sound.current)
