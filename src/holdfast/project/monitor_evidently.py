"""Evidently's drift report of live features beside training's, for those who like it; nothing is decided by it."""

from __future__ import annotations

import os
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.project.monitor import Report
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle

INSTALL = "pip install 'holdfast[evidently]'"
ROWS = 10_000
"""Of each side, at most; more only take longer."""
DAYS = 7
"""Of event time before the look: longer stretches hide what came lately."""
WHERE = "--evidently"


def ready(project: Project) -> None:
    """Raises HoldfastError where Evidently or the table of features is away; it imports nothing, so ask it first."""
    if find_spec("evidently") is None:
        raise HoldfastError("Evidently is not installed", where=WHERE, mend=f"{INSTALL}; or use --html")
    path = _table(project)
    if not path.exists():
        raise HoldfastError(
            "there is no table of features to compare with", where=str(path), mend="holdfast features build"
        )


def write_report(project: Project, bundle: Bundle, report: Report, file: Path) -> None:
    """Live decisions of the days before the look beside rows of the training table, as one HTML file of about 5 MB that
    fetches nothing. Raises HoldfastError where either side is away."""
    ready(project)
    live = _live(project, bundle, report)
    os.environ["DO_NOT_TRACK"] = "1"  # it would tell its makers of each use, and any value stops that
    from evidently import DataDefinition, Dataset
    from evidently import Report as Drawn
    from evidently.presets import DataDriftPreset

    from holdfast.monitoring.reference import Bins

    words = {item.name: Bins.of(bundle).words(item.name) for item in bundle.contract.features}
    flags = {item.name for item in bundle.contract.features if item.expr.kind == "boolean"}
    words |= dict.fromkeys(flags, ("no", "yes"))
    categories = [name for name in bundle.features if words[name]]
    numbers = [name for name in bundle.features if not words[name]]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    sides = [
        Dataset.from_pandas(_frame(bundle, rows, words), data_definition=definition)
        for rows in (live, _trained(project, bundle))
    ]
    Drawn([DataDriftPreset()]).run(*sides).save_html(str(file))


def _frame(bundle: Bundle, rows: Any, words: dict[str, tuple[str, ...]]) -> Any:
    """(rows × features), categories and booleans in words."""
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list(bundle.features))
    for name, known in words.items():
        if known:
            frame[name] = frame[name].map(lambda code, known=known: _word(code, known))
    return frame


def _word(code: float, known: tuple[str, ...]) -> str:
    if np.isnan(code):
        return "(null)"
    return known[int(code)] if int(code) < len(known) else f"code {int(code)}"


def _live(project: Project, bundle: Bundle, report: Report) -> Any:
    from holdfast.ledger.records import Decision

    found: deque[bytes] = deque(maxlen=ROWS)
    for item in project.reader.records():
        if not isinstance(item, Decision) or not report.now - DAYS * DAY <= item.time < report.now:
            continue
        if (item.version, item.contract) == (report.version, bundle.contract.hash):
            found.append(item.features)
    if not found:
        raise HoldfastError(
            f"version {report.version} answered nothing in the {DAYS} days before the look",
            where=WHERE,
            mend="send requests to /predict first, or look as of another instant with --at",
        )
    return np.frombuffer(b"".join(found), "<f8").reshape(-1, len(bundle.features))


def _table(project: Project) -> Path:
    return project.settings.where(project.folder, project.settings.features_path)


def _trained(project: Project, bundle: Bundle) -> Any:
    import pyarrow.parquet as pq

    path = _table(project)
    known = set(pq.read_schema(path).names)
    missing = [name for name in bundle.features if name not in known]
    if missing:
        raise HoldfastError(
            f"the table of features was built by another contract: it has no {missing[0]}",
            where=str(path),
            mend="holdfast features build",
        )
    table = pq.read_table(path, columns=list(bundle.features))
    keep = np.sort(np.random.default_rng(0).permutation(table.num_rows)[:ROWS])
    table = table.take(keep)
    return np.column_stack(
        [table.column(name).to_numpy(zero_copy_only=False).astype(np.float64) for name in bundle.features]
    )
