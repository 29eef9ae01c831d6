"""Public data as a model meets it: trained on its first part as the product trains, the rest judged in order."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.contract.loading import load_file
from holdfast.contract.model import DAY, Contract
from holdfast.features.batch import FeatureTable, build
from holdfast.monitoring.judged import Judged, segments_of, truth_at
from holdfast.training.rows import rows_of
from holdfast.training.settings import settings_from
from holdfast.training.train import train

ROOT = Path(__file__).parents[2]
FILES = {
    "ulb": "ulb_transactions.parquet",
    "credit_default": "default_credit_card_clients.parquet",
    "bank_marketing": "bank_marketing_full.parquet",
}


def shared(data: Path | None) -> Path:
    """The folder of the data: as told, else HOLDFAST_SHARED_DATA, else beside the checkout."""
    return data or Path(os.environ.get("HOLDFAST_SHARED_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True)
class Lived:
    """A trained bundle, and every decision it would have made on the rows it never learned from."""

    contract: Contract
    bundle: Bundle
    after: Judged
    """All settled, with the labels' arrivals."""


def lived(name: str, data: Path, *, until: int | None = None, settings: dict[str, Any] | None = None) -> Lived:
    """Train on what happened before `until` (µs UTC; None: the half that a keyed hash of the ids deals out) and judge
    the rest. Labels arrive `known_after` their decisions."""
    contract = load_file(ROOT / "examples" / name / "contract.py")
    raw = pq.read_table(data / FILES[name])
    if name != "ulb":
        raw = _example(name).prepare(raw)
    table = build(contract, {contract.decide_on: raw})
    rows, _ = rows_of(table, contract)
    if until is not None:
        learned = rows.times < until
    else:
        from holdfast.training.split import hashed

        learned = hashed(rows.ids, "estimates") < 0.5
    place = {item: at for at, item in enumerate(table.ids.tolist())}
    order = np.array([place[item] for item in rows.ids.tolist()])
    with tempfile.TemporaryDirectory() as folder:
        made = train(contract, _some(table, order[learned]), settings_from(settings or {}), Path(folder) / "bundle")
        bundle = load(made.directory, expect=made.bundle)
    rest = rows.take(np.flatnonzero(~learned))
    rest = rest.take(np.flatnonzero(rest.y >= 0))
    _, probability = bundle.predict_matrix(rest.X)
    arrived = rest.times + contract.target.known_after
    judged = Judged(
        times=rest.times, probability=probability, decided=probability >= bundle.threshold.value, truth=rest.y,
        arrived=arrived, X=rest.X, names=rest.names, segments=segments_of(contract, rest.X),
    )  # fmt: skip
    return Lived(contract, bundle, judged)


def as_of(whole: Judged, contract: Contract, start: int, end: int, now: int) -> Judged:
    """What a look at `now` sees of [start, end)."""
    some = whole.between(start, end)
    truth = truth_at(now, contract.target, some.times, some.truth, some.arrived)
    seen = np.where(some.arrived <= now, some.arrived, 0)
    return Judged(
        some.times, some.probability, some.decided, truth, seen, some.X, some.names, some.groups, some.segments
    )


def _some(table: FeatureTable, at: Any) -> Any:
    from holdfast.project.build import Labels, Table

    known = table.labels
    valid = None if known.valid is None else known.valid[at]
    return Table(
        ids=np.asarray(table.ids)[at], times=table.times[at], matrix=table.matrix[at], names=table.names,
        labels=Labels(known.values[at].astype(np.int8), valid, known.received_at[at]),
    )  # fmt: skip


def _example(name: str) -> Any:
    """The `run.py` of an example."""
    home = ROOT / "examples" / name
    sys.path.insert(0, str(home.parent))
    spec = importlib.util.spec_from_file_location(f"example_{name}", home / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Look:
    """One look at what was lived, for watches that need decisions and outcomes alone."""

    def __init__(self, one: Lived, now: int) -> None:
        self.now = now
        self.bundle = one.bundle
        self.version = "1"
        self.memo: dict[str, Any] = {}
        self._one = one

    def outcomes(self, start: int, end: int) -> Judged:
        return as_of(self._one.after, self._one.contract, start, end, self.now)


def later(one: Lived, wait: int) -> Lived:
    """The same with labels that arrive `wait` (µs) after their decisions."""
    return replace(one, after=replace(one.after, arrived=one.after.times + wait))


def midnight(instant: int) -> int:
    return instant // DAY * DAY
