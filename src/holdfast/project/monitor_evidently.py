"""Evidently's drift report of live features beside training's, for those who like it; nothing is decided by it."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.errors import HoldfastError
from holdfast.project.monitor import Report
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle

ROWS = 10_000
"""Of each side; more only take longer."""


def write_report(project: Project, bundle: Bundle, report: Report, file: Path) -> None:
    """The last live decisions beside rows of the training table. Raises HoldfastError where either is away."""
    os.environ.setdefault("DO_NOT_TRACK", "1")  # it would tell its makers of each use
    try:
        from evidently import DataDefinition, Dataset
        from evidently import Report as Drawn
        from evidently.presets import DataDriftPreset
    except ImportError:
        raise HoldfastError(
            "Evidently is not installed", where="--evidently", mend="pip install evidently, or use --html"
        ) from None
    categories = [item.name for item in bundle.contract.features if item.expr.kind in ("category", "boolean")]
    numbers = [item.name for item in bundle.contract.features if item.name not in categories]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    sides = [
        Dataset.from_pandas(_frame(bundle, rows, categories), data_definition=definition)
        for rows in (_live(project, bundle, report), _trained(project, bundle))
    ]
    Drawn([DataDriftPreset()]).run(*sides).save_html(str(file))


def _frame(bundle: Bundle, rows: Any, categories: list[str]) -> Any:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list(bundle.features))
    for name in categories:
        frame[name] = frame[name].map(lambda code: "null" if np.isnan(code) else str(int(code)))
    return frame


def _live(project: Project, bundle: Bundle, report: Report) -> Any:
    from holdfast.ledger.records import Decision

    found: deque[bytes] = deque(maxlen=ROWS)
    for item in project.reader.records():
        ours = isinstance(item, Decision) and (item.version, item.contract) == (report.version, bundle.contract.hash)
        if ours and isinstance(item, Decision) and item.time < report.now:
            found.append(item.features)
    if not found:
        raise HoldfastError("nothing was answered yet", where="--evidently", mend="send requests to /predict first")
    return np.frombuffer(b"".join(found), "<f8").reshape(-1, len(bundle.features))


def _trained(project: Project, bundle: Bundle) -> Any:
    import pyarrow.parquet as pq

    path = project.settings.where(project.folder, project.settings.features_path)
    if not path.exists():
        raise HoldfastError(
            "there is no table of features to compare with", where=str(path), mend="holdfast features build"
        )
    table = pq.read_table(path, columns=list(bundle.features))
    keep = np.sort(np.random.default_rng(0).permutation(table.num_rows)[:ROWS])
    table = table.take(keep)
    return np.column_stack(
        [table.column(name).to_numpy(zero_copy_only=False).astype(np.float64) for name in bundle.features]
    )
