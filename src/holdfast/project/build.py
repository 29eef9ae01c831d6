"""Training data: the contract replayed over the project's history, kept as Parquet and made again when it is stale."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError
from holdfast.project.project import Project

if TYPE_CHECKING:
    import pyarrow as pa

Tick = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Built:
    """What was built, from what, and what happened to the rows on the way in."""

    path: str
    contract: str
    rows: int
    features: int
    labelled: int
    positives: int
    seconds: float
    report: dict[str, Any]
    inputs: dict[str, list[int | str]]
    """Each input with its path, size and time of change: other ones make the table stale."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        words = [
            f"{self.rows:,} rows × {self.features} features in {self.seconds:.1f} s: {self.path}",
            f"{self.labelled:,} with a settled label, {self.positives:,} positive",
        ]
        for name in ("duplicates", "refused"):
            words += [f"{count:,} {name} in {source}" for source, count in self.report[name].items() if count]
        if self.report["assumed_labels"]:
            words.append(f"no receipts, so assumed known in time: {', '.join(self.report['assumed_labels'])}")
        return words


@dataclass(frozen=True)
class Labels:
    """The target: 0 or 1 where valid, known at `received_at` (µs UTC)."""

    values: NDArray[np.int8]
    valid: NDArray[np.bool_] | None
    received_at: NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """A feature table as training reads it: one row for each decision, null is NaN."""

    ids: NDArray[Any]
    times: NDArray[np.int64]
    matrix: NDArray[np.float64]
    names: tuple[str, ...]
    labels: Labels


def build(project: Project, *, out: Path | None = None, progress: Tick | None = None) -> Built:
    """Build the features of every event the contract decides on, and write them.

    Raises HoldfastError with every fault of the history at once.
    """
    return _build(project, project.contract, out or project.features_path, progress)


def features(project: Project, *, contract: Contract | None = None, progress: Tick | None = None) -> Table:
    """The feature table of this contract over the history as it is now; built when the one on disk is of another."""
    chosen = contract or project.contract
    path = project.features_path
    if contract is not None and contract != project.contract:
        path = path.with_name(f"{path.stem}-{contract.hash[:12]}.parquet")
    if not _fresh(project, chosen, path):
        _build(project, chosen, path, progress)
    return read(path, chosen)


def read(path: Path, contract: Contract) -> Table:
    """A feature table from Parquet. Raises HoldfastError when it is not of this contract."""
    import pyarrow.parquet as pq

    table: pa.Table = pq.read_table(path)
    names = tuple(feature.name for feature in contract.features)
    wanted = ("id", "time", *names, contract.label, f"{contract.label}_known_at")
    if tuple(table.column_names) != wanted:
        raise HoldfastError(
            "this is not a feature table of the contract", where=str(path), mend="run `holdfast features build`"
        )
    matrix = np.empty((table.num_rows, len(names)), dtype=np.float64)
    for at, name in enumerate(names):
        matrix[:, at] = table.column(name).to_numpy()
    label = table.column(contract.label).combine_chunks()
    known = table.column(f"{contract.label}_known_at").combine_chunks()
    valid = None if label.null_count == 0 else np.asarray(label.is_valid())
    return Table(
        ids=table.column("id").to_numpy(),
        times=_micros(table.column("time").combine_chunks()),
        matrix=matrix,
        names=names,
        labels=Labels(np.asarray(label.fill_null(0)).astype(np.int8), valid, _micros(known)),
    )


def _build(project: Project, contract: Contract, path: Path, progress: Tick | None) -> Built:
    from holdfast.features.batch import build as compute

    inputs = project.inputs(contract)
    marks = _marks(inputs)
    begun = time.perf_counter()
    table = compute(contract, inputs, progress=progress)
    table.write(path, contract.label)
    valid = np.ones(len(table), dtype=np.bool_) if table.labels.valid is None else table.labels.valid
    built = Built(
        path=str(path),
        contract=contract.hash,
        rows=len(table),
        features=len(table.names),
        labelled=int(valid.sum()),
        positives=int(table.labels.values[valid].sum()),
        seconds=round(time.perf_counter() - begun, 3),
        report=table.report.as_dict(),
        inputs=marks,
    )
    _beside(path).write_text(json.dumps(built.as_dict(), indent=2), encoding="utf-8")
    return built


def _fresh(project: Project, contract: Contract, path: Path) -> bool:
    try:
        told = json.loads(_beside(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    marks = json.loads(json.dumps(_marks(project.inputs(contract))))
    return path.is_file() and bool(told.get("contract") == contract.hash and told.get("inputs") == marks)


def _beside(path: Path) -> Path:
    """What a table was built from stands in a file beside it."""
    return path.with_suffix(".json")


def _marks(inputs: dict[str, Path]) -> dict[str, list[int | str]]:
    marks: dict[str, list[int | str]] = {}
    for name, path in inputs.items():
        files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
        stats = [item.stat() for item in files]
        newest = max((stat.st_mtime_ns for stat in stats), default=0)
        marks[name] = [str(path), len(stats), sum(stat.st_size for stat in stats), newest]
    return marks


def _micros(array: pa.Array) -> NDArray[np.int64]:
    import pyarrow as pa

    return np.asarray(array.cast(pa.int64()).fill_null(0))
