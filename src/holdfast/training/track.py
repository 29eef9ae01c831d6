"""One training as one MLflow run: what was asked, what was found, with what, and the bundle as a model.

MLflow is imported when a run begins and not before.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from holdfast.bundle.mlflow_model import log_bundle
from holdfast.bundle.mlflow_quiet import open_mlflow, pointed_at
from holdfast.contract.model import Contract
from holdfast.training.learn import Progress, silent
from holdfast.training.plots import draw
from holdfast.training.rows import Table
from holdfast.training.settings import TrainingSettings
from holdfast.training.sweep import How, Swept, Trial, sweep
from holdfast.training.train import Trained, train


@dataclass(frozen=True)
class Store:
    """Where runs go. `artifacts` is the folder of a local store; a server has its own place (None)."""

    uri: str
    experiment: str
    artifacts: Path | None = None


def train_tracked(
    contract: Contract,
    table: Table,
    settings: TrainingSettings,
    out: Path,
    store: Store,
    *,
    author: str = "",
    code: Path | None = None,
    parent: str | None = None,
    progress: Progress = silent,
) -> Trained:
    """Train inside a run; the answer names the run and the logged model. A fault ends the run as failed.

    `parent` is the run of the sweep this training belongs to.
    """
    with running(store, f"{contract.name} {settings.family}", parent=parent) as run:
        trained = train(contract, table, settings, out, author=author, code=code, run=run, progress=progress)
        progress("track")
        return replace(trained, source=record(trained))


@contextmanager
def running(store: Store, name: str, *, parent: str | None = None) -> Iterator[str]:
    """An active MLflow run in the store; yields its id. The process's own MLflow store is put back afterwards."""
    with pointed_at(store.uri) as mlflow:
        experiment = _experiment(mlflow, store)
        tags = {"mlflow.parentRunId": parent} if parent else None
        with mlflow.start_run(
            experiment_id=experiment, run_name=name, nested=parent is not None, tags=tags, log_system_metrics=False
        ) as run:
            yield run.info.run_id


def _experiment(mlflow: Any, store: Store) -> str:
    found = mlflow.get_experiment_by_name(store.experiment)
    if found is not None:
        return str(found.experiment_id)
    place = store.artifacts.resolve().as_uri() if store.artifacts is not None else None
    try:
        return str(mlflow.create_experiment(store.experiment, artifact_location=place))
    except mlflow.exceptions.MlflowException:
        # Another process made it between the two calls.
        return str(mlflow.get_experiment_by_name(store.experiment).experiment_id)


def sweep_tracked(
    contract: Contract,
    table: Table,
    settings: TrainingSettings,
    how: How,
    store: Store,
    *,
    progress: Progress = silent,
) -> tuple[Swept, str]:
    """Sweep inside a run, each trial a child of it; answers what was found and the parent's run.

    Give the parent to `train_tracked` for the training with the best settings.
    """
    with running(store, f"{contract.name} sweep {how}") as parent:
        mlflow = open_mlflow()

        def report(trial: Trial) -> None:
            with running(store, f"trial {trial.number}", parent=parent):
                mlflow.log_params({name: str(value) for name, value in trial.changes.items()})
                mlflow.log_metrics(_over_folds(trial.summary) | {"seconds": trial.seconds})

        swept = sweep(contract, table, settings, how, report=report, progress=progress)
        mlflow.log_params({"how": how, "judged_by": swept.judged_by, "best_trial": swept.trials[0].number})
        mlflow.log_dict({"trials": [trial.as_dict() for trial in swept.trials]}, "trials.json")
        mlflow.log_table({name: list(column) for name, column in _columns(swept)}, "trials_table.json")
    return swept, parent


def _columns(swept: Swept) -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield from zip(swept.columns(), zip(*swept.rows(), strict=True), strict=True)


def _over_folds(summary: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, over in summary.items():
        found |= {f"validation_{name}_mean": over["mean"], f"validation_{name}_sd": over["sd"]}
    return found


def record(trained: Trained) -> str:
    """Write the training to the active run and log its bundle as a model; answers the model's URI."""
    mlflow = open_mlflow()
    written = trained.record
    mlflow.log_params(_params(written))
    mlflow.log_metrics(_metrics(trained))
    mlflow.set_tags(
        {
            "holdfast.bundle": trained.bundle,
            "holdfast.model_hash": trained.model_hash,
            "holdfast.contract": written["contract"],
            "holdfast.data": written["data"]["content"],
            "holdfast.who": written["who"],
            "holdfast.python": written["python"],
            "holdfast.code": written["code"].get("commit", ""),
            **{f"holdfast.library.{name}": version for name, version in written["libraries"].items()},
        }
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "plots").mkdir()
        draw(trained, folder / "plots")
        (folder / "training.json").write_text(json.dumps(dict(written), indent=2), encoding="utf-8")
        (folder / "importance.json").write_text(json.dumps(written["importance"], indent=2), encoding="utf-8")
        for name in ("model_card.md", "environment.lock"):
            (folder / name).write_bytes((trained.directory / name).read_bytes())
        mlflow.log_artifacts(str(folder))
    return log_bundle(trained.directory, example=trained.example)


def _params(written: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(written["settings"])
    own = settings.pop("params")
    del settings["sweep"], settings["trials"], settings["judged_by"]
    params = {**settings, **{f"params.{name}": value for name, value in own.items()}}
    params |= {f"split.{name}": value for name, value in written["split"].items() if name != "folds"}
    return {name: str(value)[:500] for name, value in params.items()}


def _metrics(trained: Trained) -> dict[str, float]:
    found = {}
    for part, metrics in trained.metrics.items():
        for name, metric in metrics.items():
            found[f"{part}_{name}"] = metric.value
            if metric.low is not None and metric.high is not None:
                found |= {f"{part}_{name}_low": metric.low, f"{part}_{name}_high": metric.high}
    found |= _over_folds(trained.record["validation"]["summary"])
    return found | {f"test_{name}": float(count) for name, count in trained.confusion.as_dict().items()}
