"""A file in, a file out: any number of rows, a chunk at a time, by a version's own bundle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.errors import HoldfastError, Problem
from holdfast.project.bundles import named
from holdfast.project.project import Project

if TYPE_CHECKING:
    import pyarrow as pa

    from holdfast.bundle.bundle import Bundle
    from holdfast.features.state.snapshot import Snapshot

Tick = Callable[[int, int | None], None]
HOWS = ("snapshot", "history")
_WAYS_OUT = (".parquet", ".csv")


@dataclass
class Scored:
    """What was scored, by what, and as of when."""

    out: str
    version: str
    how: str
    read_seq: int | None
    """The last record that a snapshot held; None for history."""
    rows: int = 0
    positives: int = 0
    refused: int = 0
    seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        rate = self.rows / self.seconds if self.seconds else 0
        when = "as of record " + format(self.read_seq, ",") if self.read_seq is not None else "each as of its own time"
        counts = f"{self.positives:,} positive, {self.refused:,} refused, {rate:,.0f} rows/s"
        head = f"{self.rows:,} rows by version {self.version}, {when}: {counts}"
        return [head, self.out, *(f"  - {problem}" for problem in self.problems)]


@dataclass(frozen=True)
class Chunk:
    """Rows with their features: ids, times (µs UTC), matrix (rows, features), and how many were refused."""

    ids: NDArray[Any]
    times: NDArray[np.int64]
    matrix: NDArray[np.float64]
    refused: int = 0
    problems: tuple[Problem, ...] = ()


def score(
    project: Project,
    source: Path,
    out: Path,
    *,
    model: str = "champion",
    how: str = "snapshot",
    chunk: int = 10_000,
    drop: bool = False,
    progress: Tick | None = None,
) -> Scored:
    """Score the rows of a Parquet or CSV file into another.

    ``snapshot``: every row as if asked now, in one request; rows do not see each other. ``history``: each row as of its
    own time, from the configured history and the rows before it. Refused rows stop it, or are left out with `drop`.
    """
    from holdfast.features import sources

    if how not in HOWS:
        raise HoldfastError(f"{how!r} is no way to score", mend="one of: " + ", ".join(HOWS))
    if out.suffix not in _WAYS_OUT:
        raise HoldfastError(f"{out.name} is neither Parquet nor CSV", mend="name it .parquet or .csv")
    if chunk < 1:
        raise HoldfastError("a chunk has at least one row", mend="give --chunk 10000")
    version, bundle = named(project, model)
    total = sources.count(source, str(source))
    begun = time.perf_counter()
    done = Scored(str(out), version, how, None)
    make = _snapshot if how == "snapshot" else _history
    with _written(out) as write:
        for part in make(project, bundle, source, chunk, drop, done):
            scores, probabilities = bundle.predict_matrix(part.matrix)
            write(_answers(bundle, version, part, scores, probabilities))
            done.rows += len(part.ids)
            done.refused += part.refused
            done.problems += part.problems[: max(0, 10 - len(done.problems))]
            done.positives += int((probabilities >= bundle.threshold.value).sum())
            if progress is not None:
                progress(done.rows + done.refused, total)
    done.seconds = time.perf_counter() - begun
    return done


def _snapshot(project: Project, bundle: Bundle, source: Path, chunk: int, drop: bool, done: Scored) -> Iterator[Chunk]:
    from holdfast.features import sources
    from holdfast.features.plan import plan
    from holdfast.project.rows import Reader

    contract = bundle.contract
    steps = plan(contract)
    reader = Reader(contract, sources.names_of(source, str(source)), str(source), drop=drop)
    with project.reading() as state:
        unready = [series for series in steps.series if not state.ready(series)]
        if unready:
            raise HoldfastError(
                f"the state does not keep what this version needs ({len(unready)} series)",
                where=str(project.state_path),
                mend="promote it (under an alias of its own if not as champion), or score --as history",
            )
        with state.snapshot() as snapshot:
            done.read_seq = snapshot.applied_seq
            windows = _windows(snapshot, bundle)
            for table in sources.stream(source, reader.columns, str(source), chunk):
                yield reader.chunk(table, windows)


def _windows(
    snapshot: Snapshot, bundle: Bundle
) -> Callable[[list[tuple[Any, ...]], NDArray[np.int64]], list[NDArray[np.float64]]]:
    """Window answers of many rows at one snapshot, by the reads that serve one."""
    from holdfast.features.plan import plan
    from holdfast.features.state.reads import compile_reads

    reads, count = compile_reads(plan(bundle.contract)), len(bundle.contract.aggregates)

    def answer(rows: list[tuple[Any, ...]], times: NDArray[np.int64]) -> list[NDArray[np.float64]]:
        found = np.empty((len(rows), count), dtype=np.float64)
        for at, (cells, t) in enumerate(zip(rows, times.tolist(), strict=True)):
            found[at] = reads(snapshot, cells, t)
        return [np.ascontiguousarray(found[:, at]) for at in range(count)]

    return answer


def _history(project: Project, bundle: Bundle, source: Path, chunk: int, drop: bool, done: Scored) -> Iterator[Chunk]:
    from holdfast.features.batch import build_from, rows_of
    from holdfast.features.history import Report, read_records
    from holdfast.project.rows import beside

    contract = bundle.contract
    report = Report()
    asked = rows_of(contract, source, report, "drop" if drop else "raise")
    records = read_records(contract, project.inputs(contract), refuse="drop")
    table = build_from(contract, beside(contract, records, asked), asked)
    order = np.argsort(asked.rows, kind="stable")  # as the file has them
    refused = report.refused.get("rows", 0)
    for first in range(0, len(order), chunk):
        at = order[first : first + chunk]
        whole = (refused, tuple(report.problems)) if first == 0 else (0, ())
        yield Chunk(table.ids[at], table.times[at], np.ascontiguousarray(table.matrix[at]), *whole)


def _answers(
    bundle: Bundle, version: str, part: Chunk, scores: NDArray[np.float64], probabilities: NDArray[np.float64]
) -> pa.Table:
    import pyarrow as pa

    contract = bundle.contract
    decisions = probabilities >= bundle.threshold.value
    return pa.table(
        {
            contract.deciding.id: pa.array(part.ids, type=pa.string()),
            contract.deciding.time: pa.array(part.times).cast(pa.timestamp("us", tz="UTC")),
            "score": scores,
            "probability": probabilities,
            "decision": decisions,
            "threshold": np.full(len(scores), bundle.threshold.value),
            "version": pa.array([version] * len(scores), type=pa.string()),
        }
    )


@contextmanager
def _written(out: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Chunks into one file, which appears whole or not at all."""
    import pyarrow.csv
    import pyarrow.parquet

    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    writer: Any = None

    def write(table: pa.Table) -> None:
        nonlocal writer
        if writer is None:
            if out.suffix == ".csv":
                writer = pyarrow.csv.CSVWriter(part, table.schema)
            else:
                # Ids and scores hardly repeat: looking for repetitions would cost more than writing them.
                writer = pyarrow.parquet.ParquetWriter(part, table.schema, use_dictionary=["version", "threshold"])
        writer.write_table(table)

    try:
        yield write
        if writer is None:
            raise HoldfastError("there is no row to score", where=str(out), mend="give a file with rows")
        writer.close()
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
