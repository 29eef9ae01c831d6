"""Log a bundle as an MLflow pyfunc model: the folder as it is, a loader module, no pickle and no code.

MLflow is imported inside the functions: nothing that serves pays for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.bundle.load import load
from holdfast.bundle.mlflow_quiet import open_mlflow
from holdfast.bundle.predictors.spec import Matrix
from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError

LOADER = "holdfast.bundle.pyfunc"
HASH_KEY = "holdfast_bundle"
"""Metadata key of a logged model: the hash of the bundle in it."""


def log_bundle(
    directory: Path | str,
    *,
    name: str | None = None,
    registered: str | None = None,
    example: Matrix | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Log the bundle to the active MLflow run and answer its URI (``models:/m-…``).

    `registered` also makes it a version of that registered model. `example`: feature rows for the input example, shape
    (rows, features); golden rows when left out. The bundle is verified before it is logged.
    """
    import pandas

    mlflow = open_mlflow()
    bundle = load(directory)
    names = [feature.name for feature in bundle.contract.features]
    rows = _golden_rows(Path(directory), len(names)) if example is None else example
    info = mlflow.pyfunc.log_model(
        name=name or bundle.name,
        loader_module=LOADER,
        data_path=str(Path(directory).resolve()),
        signature=signature(bundle.contract),
        input_example=pandas.DataFrame(rows[:5], columns=names),
        pip_requirements=requirements(bundle.manifest.family),
        metadata={HASH_KEY: bundle.hash, "holdfast_contract": bundle.contract.hash},
        registered_model_name=registered,
        tags=dict(tags or {}),
    )
    return str(info.model_uri)


def signature(contract: Contract) -> Any:
    """Every feature a double (category: its code), the answer one double for each row.

    All are optional to MLflow, so that a call without them reaches our own answer, which says how to get them.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    inputs = Schema([ColSpec(DataType.double, feature.name, required=False) for feature in contract.features])
    return ModelSignature(inputs=inputs, outputs=Schema([TensorSpec(np.dtype(np.float64), (-1,))]))


def requirements(family: str) -> list[str]:
    """What scoring needs, pinned to what is installed here; nothing is looked up on a network."""
    packages = ["holdfast", "numpy", *(["lightgbm"] if family == "lightgbm" else [])]
    pinned = []
    for package in packages:
        try:
            pinned.append(f"{package}=={version(package)}")
        except PackageNotFoundError:
            pinned.append(package)  # run from a source tree: there is no version to pin
    return pinned


def bundle_folder(model: Path | str) -> Path:
    """The bundle folder inside a downloaded MLflow model. Raises HoldfastError when there is not exactly one."""
    found = sorted(path.parent for path in Path(model).glob("data/*/manifest.json"))
    if len(found) != 1:
        raise HoldfastError(
            f"{len(found)} bundles in an MLflow model, one expected",
            where=str(model),
            mend="register models with `holdfast train`, which logs the bundle",
        )
    return found[0]


def _golden_rows(directory: Path, features: int) -> Matrix:
    table = np.frombuffer((directory / "golden.f64").read_bytes(), "<f8").reshape(-1, features + 2)
    return table[:, :features].astype(np.float64)
