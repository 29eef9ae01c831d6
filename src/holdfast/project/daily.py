"""Each day's production metrics, as far as its labels have settled: for MLflow, and for the triggers of retraining.

A day's figures are final once its labels are in; before that the day has none. One run holds one version's days, a
step for each, so that MLflow draws them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from holdfast.contract.model import DAY
from holdfast.monitoring.judged import Judged
from holdfast.monitoring.matured import enough
from holdfast.monitoring.measured import f1, performance
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.contract.model import Label

TAG = "holdfast.production"
LEAST = 10
"""Positives, and negatives, of a day for its ROC-AUC to be told."""


@dataclass(frozen=True)
class Daily:
    """One UTC day of decisions. Figures are None where the day has too little of what they are made of."""

    start: int
    """µs UTC."""
    count: int
    positives: int
    roc_auc: float | None
    precision: float | None
    recall: float | None
    f1: float | None

    @property
    def day(self) -> str:
        return datetime.fromtimestamp(self.start / 1e6, UTC).strftime("%Y-%m-%d")

    def metrics(self) -> dict[str, float]:
        """What is told of it, by the names that MLflow keeps."""
        told = {name: getattr(self, name) for name in ("roc_auc", "precision", "recall", "f1")}
        known = {name: value for name, value in told.items() if value is not None and math.isfinite(value)}
        # The count comes last: it says that the day is there, also in a store that takes one figure after another.
        return {**known, "positives": float(self.positives), "count": float(self.count)}

    def as_dict(self) -> dict[str, Any]:
        return {"day": self.day, **self.metrics()}


def daily(rows: Judged, label: Label, now: int) -> list[Daily]:
    """The days among these decisions whose labels had all the time they need at `now` (µs UTC), in order."""
    if not len(rows):
        return []
    first, last = int(rows.times[0]) // DAY, (now - label.settled_after) // DAY
    days = (rows.between(at * DAY, (at + 1) * DAY).settled for at in range(first, last))
    return [_of(item, at * DAY) for at, item in zip(range(first, last), days, strict=True) if len(item)]


def log_daily(project: Project, version: str, bundle: str, days: Sequence[Daily]) -> tuple[str, int]:
    """Log days to the version's run in MLflow, those that are there already left alone; (run, how many were new).

    The run is made when it is first needed. Raises HoldfastError or MLflow's own error when the store is away.
    """
    from holdfast.bundle.mlflow_quiet import pointed_at
    from holdfast.project.train import place

    store = place(project)
    with pointed_at(store.uri) as mlflow:
        client = mlflow.MlflowClient()
        found = client.get_experiment_by_name(store.experiment)
        if found is None:
            local = store.artifacts.resolve().as_uri() if store.artifacts is not None else None
            experiment = client.create_experiment(store.experiment, artifact_location=local)
        else:
            experiment = found.experiment_id
        runs = client.search_runs([experiment], filter_string=f"tags.`{TAG}` = '{bundle}'", max_results=1)
        if runs:
            run = runs[0].info.run_id
            there = {item.step for item in client.get_metric_history(run, "count")}
        else:
            tags = {TAG: bundle, "holdfast.version": version, "mlflow.runName": f"production, version {version}"}
            run, there = client.create_run(experiment, tags=tags).info.run_id, set()
        new = [item for item in days if item.start // DAY not in there]
        for item in new:
            values = [
                mlflow.entities.Metric(name, value, item.start // 1_000, item.start // DAY)
                for name, value in item.metrics().items()
            ]
            client.log_batch(run, metrics=values)
        if new and client.get_run(run).info.status != "FINISHED":
            client.set_terminated(run)
    return str(run), len(new)


def _of(rows: Judged, start: int) -> Daily:
    found, said, true = performance(rows), bool(rows.decided.any()), bool((rows.truth == 1).any())
    return Daily(
        start,
        len(rows),
        int((rows.truth == 1).sum()),
        found["roc_auc"].value if enough(rows, LEAST) else None,
        found["precision"].value if said else None,
        found["recall"].value if true else None,
        f1(rows) if said or true else None,
    )
