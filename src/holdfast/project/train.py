"""Training a version: from the built features to a registered bundle, once or over a sweep."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from holdfast.errors import HoldfastError
from holdfast.project.people import person
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.training.evaluate import Metric
    from holdfast.training.settings import TrainingSettings
    from holdfast.training.sweep import Swept
    from holdfast.training.track import Store
    from holdfast.training.train import Trained

SHOWN = ("average_precision", "roc_auc", "f1", "precision", "recall", "brier", "log_loss")


def quiet(_: str) -> None:
    """Nobody wants to hear what is done now."""


@dataclass(frozen=True)
class Version:
    """A training, and the version it became (empty when it was not registered)."""

    version: str
    trained: Trained
    tried: Swept | None = None
    """Every setting of a sweep, the best first."""

    @property
    def metrics(self) -> Any:
        return self.trained.metrics

    def metric_rows(self) -> list[tuple[str, str, str, str]]:
        """Metric, and its value on train, test, and for the baseline on test."""
        train, test, baseline = (self.metrics[part] for part in ("train", "test", "baseline"))
        return [(name, _shown(train[name]), _shown(test[name]), _shown(baseline[name])) for name in SHOWN]

    def lines(self) -> list[str]:
        registered = f"version {self.version}" if self.version else "not registered"
        record = self.trained.record
        return [
            (
                f"{self.trained.name} {registered}: {self.trained.settings.family}, bundle {self.trained.bundle[:12]}, "
                f"model {self.trained.model_hash[:12]}"
            ),
            f"baseline: {record['baseline']}; run {self.trained.run}",
        ]

    def as_dict(self) -> dict[str, Any]:
        trained = self.trained
        return {
            "version": self.version or None,
            "bundle": trained.bundle,
            "model_hash": trained.model_hash,
            "run": trained.run,
            "record": dict(trained.record),
            "tried": [trial.as_dict() for trial in self.tried.trials] if self.tried else [],
        }


def train(
    project: Project,
    *,
    family: str | None = None,
    without: Sequence[str] = (),
    sweep: str | None = None,
    changes: Sequence[str] = (),
    register: bool = True,
    progress: Callable[[int, int | None], None] | None = None,
    phase: Callable[[str], None] = quiet,
) -> Version:
    """Train on the project's features (built first when they are not there, or of another contract).

    `changes` are ``key=value`` training settings for this run. Raises HoldfastError for every setting that cannot be
    meant, and where the data does not allow the split asked for.
    """
    from holdfast.project.build import features
    from holdfast.training.track import train_tracked

    settings = told(project, family, without, changes)
    table = features(project, progress=progress)
    store = place(project)
    swept: Swept | None = None
    if sweep is not None:
        from holdfast.training.sweep import sweep as search

        swept = search(project.contract, table, settings, _way(sweep), progress=phase)
        settings = swept.best
    out = project.bundles_path / ".training"
    proved = person(project)
    author = proved.name if proved.key else ""
    shutil.rmtree(out, ignore_errors=True)
    trained = train_tracked(
        project.contract, table, settings, out, store, author=author, code=project.folder, progress=phase
    )
    kept = _keep(project, trained)
    version = project.registry.register(kept) if register else ""
    return Version(version, kept, swept)


def told(project: Project, family: str | None, without: Sequence[str], changes: Sequence[str]) -> TrainingSettings:
    """The training settings of ``holdfast.toml``, with what this run changes."""
    from holdfast.training.settings import settings_from

    values = dict(project.settings.training)
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise HoldfastError(f"{change!r} changes nothing", mend="write it as key=value")
        try:
            values[name] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name] = text
    if family is not None:
        if family != values.get("family", "lightgbm"):
            values.pop("params", None)  # they were another family's
        values["family"] = family
    if without:
        values["without"] = list(without)
    return settings_from(values)


def _way(sweep: str) -> Literal["grid", "optuna"]:
    if sweep == "grid":
        return "grid"
    if sweep == "optuna":
        return "optuna"
    raise HoldfastError(f"{sweep!r} is no way to sweep", mend="one of: grid, optuna")


def place(project: Project) -> Store:
    """Where runs go: the registry's store; artifacts of a local one lie in the project."""
    from holdfast.training.track import Store

    local = project.registry_uri.startswith("sqlite:")
    artifacts = project.folder / project.settings.registry_artifacts if local else None
    return Store(project.registry_uri, project.name, artifacts)


def _keep(project: Project, trained: Trained) -> Trained:
    """The bundle under its hash, where serving and replay look for it."""
    from dataclasses import replace

    home = project.bundles_path / trained.bundle
    if home.exists():
        shutil.rmtree(trained.directory)
    else:
        Path(trained.directory).rename(home)
    return replace(trained, directory=home)


def _shown(metric: Metric) -> str:
    if metric.low is None or metric.high is None:
        return f"{metric.value:.4f}"
    return f"{metric.value:.4f} ({metric.low:.4f}–{metric.high:.4f})"
