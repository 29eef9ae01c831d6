"""The verdict beside the version in MLflow: both files on its run, its digest as a tag of the version."""

from __future__ import annotations

from pathlib import Path

from holdfast.errors import HoldfastError
from holdfast.project.project import Project

FOLDER = "gate"
TAG = "holdfast.verdict"


def attach(project: Project, version: str, digest: str, *files: Path) -> tuple[str, ...]:
    """What could not be done, in words; nothing when all is attached. It never raises for a registry that is away."""
    from holdfast.bundle.mlflow_quiet import open_mlflow, pointed_at

    registry = project.registry
    if why := registry.away():
        return (f"not attached in MLflow, which is away: {why}",)
    try:
        run = registry.version(version).run
        with pointed_at(registry.uri):
            client = open_mlflow().MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
            for file in files:
                client.log_artifact(run, str(file), FOLDER)
            client.set_model_version_tag(registry.name, version, TAG, digest)
    except (HoldfastError, ImportError) as error:
        return (f"not attached in MLflow: {error}",)
    except Exception as error:  # noqa: BLE001 — MLflow raises what its store raises; the verdict is kept all the same
        return (f"not attached in MLflow: {type(error).__name__}: {error}",)
    return ()
