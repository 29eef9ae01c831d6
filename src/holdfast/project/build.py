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
    from holdfast.features.out_of_core import build_to_parquet

    inputs = project.inputs(contract)
    marks = _marks(inputs)
    memory = project.settings.features_memory_mb
    begun = time.perf_counter()
    if _needs(contract, inputs) > memory << 20:
        # Half for sorting on disk, half for the entities that are computed together.
        written = build_to_parquet(contract, inputs, path, progress, memory=f"{max(64, memory // 2)}MB")
        rows, labelled, positives, report = written.rows, written.labelled, written.positives, written.report
    else:
        table = compute(contract, inputs, progress=progress)
        table.write(path, contract.label)
        valid = np.ones(len(table), dtype=np.bool_) if table.labels.valid is None else table.labels.valid
        rows, labelled, report = len(table), int(valid.sum()), table.report
        positives = int(table.labels.values[valid].sum())
    built = Built(
        path=str(path),
        contract=contract.hash,
        rows=rows,
        features=len(contract.features),
        labelled=labelled,
        positives=positives,
        seconds=round(time.perf_counter() - begun, 3),
        report=report.as_dict(),
        inputs=marks,
    )
    _beside(path).write_text(json.dumps(built.as_dict(), indent=2), encoding="utf-8")
    return built


def _needs(contract: Contract, inputs: dict[str, Path]) -> int:
    """Bytes that computing it all at once would hold, about: some eight-byte copies of each column in use."""
    from holdfast.features import sources

    held = 0
    for name, path in inputs.items():
        rows = sources.count(path, name)
        if rows is None:  # CSV is not counted without reading it; a row has at least this many bytes
            files = path.rglob("*") if path.is_dir() else [path]
            rows = sum(file.stat().st_size for file in files if file.is_file()) // 20
        columns = len(contract.aggregates) + len(contract.features) if name == contract.decide_on else 0
        held += rows * 8 * 3 * (columns + 8)
    return held


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
