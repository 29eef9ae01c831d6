"""A bundle as a side: the environment, seed and data it was trained with, how its columns looked, and that it computes.

Opening it scores its golden rows on this machine, to the bit; a bundle that does not give them cannot be opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.contract.model import Contract
from holdfast.doctor.shapes import from_profile
from holdfast.doctor.side import UNTOLD, Environment, Model, Role, Side, Source
from holdfast.doctor.sides.plain import libraries_of
from holdfast.explain.words import vocabulary
from holdfast.project.bundles import named, opened
from holdfast.project.project import Project

TRAINING_DATA = "training data"
HASH = 64


def bundle(role: Role, folder: Path) -> Side:
    """The side of a bundle's folder. Raises HoldfastError when it is damaged."""
    return of_bundle(role, load(folder), str(folder), folder)


def named_bundle(role: Role, project: Project, word: str) -> Side:
    """The side of a bundle of the project, by its hash (or the beginning of it), version or alias."""
    found = sorted(project.bundles_path.glob(f"{word}*")) if len(word) >= 8 else []
    if len(found) == 1 and len(found[0].name) == HASH:
        return of_bundle(role, opened(project, found[0].name), found[0].name, found[0])
    version, made = named(project, word)
    return of_bundle(role, made, f"version {version}", project.bundles_path / made.hash, version)


def of_bundle(role: Role, made: Bundle, place: str, folder: Path, version: str = "") -> Side:
    training = made.manifest.training
    words = words_of(made)
    rows = int(made.profile.get("rows", 0))
    told = made.profile.get("features", {})
    lock = folder / "environment.lock"
    listed = libraries_of(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    return Side(
        role=role,
        place=place,
        kind="bundle",
        environment=recorded_environment(training, listed),
        seed=training.get("settings", {}).get("seed", UNTOLD),
        sources=recorded_data(training),
        model=model_of(made, version),
        learned={name: from_profile(item, rows, words.get(name, ())) for name, item in told.items()},
        vocabulary=words,
        proved=True,
        id_field=made.contract.deciding.id,
        windowed=windowed(made.contract),
        predict=lambda matrix: made.predict_matrix(np.ascontiguousarray(matrix))[1],
        untold=("no rows: a bundle keeps how its training data looked, not the rows",),
    )


def windowed(contract: Contract) -> tuple[str, ...]:
    """Features with an aggregate in them."""
    return tuple(item.name for item in contract.features if any(node.op == "aggregate" for node in item.expr.walk()))


def model_of(made: Bundle, version: str = "") -> Model:
    return Model(
        name=made.name,
        version=version,
        hash=made.manifest.model_hash,
        bundle=made.hash,
        contract=made.manifest.contract,
        threshold=made.threshold.value,
        features=made.features,
    )


def words_of(made: Bundle) -> dict[str, tuple[str, ...]]:
    """The words of each category feature."""
    features = [item for item in made.contract.features if item.expr.kind == "category"]
    return {item.name: tuple(vocabulary(made.contract, item)) for item in features}


def recorded_environment(training: Mapping[str, Any], libraries: Mapping[str, str]) -> Environment:
    """Where a version was trained."""
    listed = libraries or training.get("libraries", {})
    return Environment(str(training.get("python", "")), str(training.get("platform", "")), dict(listed))


def recorded_data(training: Mapping[str, Any]) -> dict[str, Source]:
    """What a version was trained on: content whatever the order, with the contract it was made by."""
    data = training.get("data")
    if not data:
        return {}
    return {TRAINING_DATA: Source(fingerprint=f"{data['content']}", rows=data["rows"])}
