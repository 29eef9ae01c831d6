"""Write a model version as a folder of plain data and its manifest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from holdfast import __version__
from holdfast.bundle.bundle import Bundle
from holdfast.bundle.calibration import Calibration
from holdfast.bundle.golden import MOST, check_golden, write_golden
from holdfast.bundle.manifest import MANIFEST, Manifest, model_hash, sha256
from holdfast.bundle.predictors.catalog import open_predictor
from holdfast.bundle.predictors.spec import Matrix, ModelSpec
from holdfast.bundle.reference import REFERENCE_FILE, Reference, reference_from
from holdfast.bundle.threshold import Threshold
from holdfast.contract.model import Contract, canonical
from holdfast.errors import HoldfastError


def pack(
    directory: Path | str,
    *,
    contract: Contract,
    model: ModelSpec,
    calibration: Calibration,
    threshold: Threshold,
    golden_rows: Matrix,
    profile: Mapping[str, Any],
    environment: str,
    card: str,
    training: Mapping[str, Any],
    reference: Reference | None = None,
) -> str:
    """Write the bundle and answer its hash (sha256 of the manifest). The folder appears whole or not at all.

    `golden_rows`: up to 1,000 feature rows, shape (rows, features), see `golden.choose_golden`. `training`: JSON that
    names the run. `reference`: whom reasons are told against; without it they say that there is none. Raises
    HoldfastError when the folder exists or the parts do not fit together.
    """
    target = Path(directory)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise HoldfastError("there is something here already", where=str(target), mend="choose a new folder")
    rows = np.ascontiguousarray(golden_rows, dtype=np.float64)
    _fitting(contract, model, rows)
    files = {
        "contract.json": canonical(contract.as_json()),
        "model.json": canonical(
            {
                "family": model.family,
                "trained_as": model.trained_as,
                "link": model.link,
                "features": model.features,
                "parameters": dict(model.parameters),
            }
        ),
        **model.files,
        "calibration.json": canonical(calibration.as_json()),
        "threshold.json": canonical(threshold.as_json()),
        "reference/profile.json": canonical(dict(profile)),
        "golden.json": canonical({"rows": len(rows), "features": model.features, "outputs": ["score", "probability"]}),
        "environment.lock": environment.encode(),
        "model_card.md": card.encode(),
    }
    if reference is not None:
        reference = reference_from(reference.as_json(), model.features)
        files[REFERENCE_FILE] = canonical(reference.as_json())
    manifest = Manifest(
        name=contract.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        family=model.trained_as,
        contract=contract.hash,
        model_hash=model_hash(files),
        holdfast=__version__,
        training=training,
    )
    open_now = Bundle(
        hash="", manifest=manifest, contract=contract, predictor=open_predictor(model), link=model.link,
        calibration=calibration, threshold=threshold, profile=profile, reference=reference,
    )  # fmt: skip
    files["golden.f64"] = write_golden(rows, open_now.predict_matrix)
    check_golden(files["golden.f64"], model.features, len(rows), open_now.predict, open_now.predict_matrix)
    listed = {path: (sha256(data), len(data)) for path, data in files.items()}
    contents = replace(manifest, files=listed).as_bytes()
    _write(target, {**files, MANIFEST: contents})
    return sha256(contents)


def _fitting(contract: Contract, model: ModelSpec, rows: Matrix) -> None:
    expected = len(contract.features)
    if model.features != expected:
        raise HoldfastError(
            f"the model was fitted on {model.features} features, the contract has {expected}",
            mend="train on the feature table of this contract",
        )
    if rows.ndim != 2 or rows.shape[1] != expected or not 0 < len(rows) <= MOST:
        raise HoldfastError(f"golden rows of shape {rows.shape}; 1 to {MOST} rows of {expected} features expected")
    if np.isinf(rows).any():
        raise HoldfastError("a golden row holds an infinity, which no feature row does")


def _write(target: Path, files: Mapping[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.parent / f".{target.name}.{os.getpid()}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        for path, data in files.items():
            place = draft / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        os.replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
