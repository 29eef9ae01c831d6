"""Features of a history larger than memory: parsed and sorted on disk, computed entity by entity, written in order.

The same points, windows and kernel as in memory, a bucket of entities at a time; answers lie in files until all groups
of aggregates are done. Memory holds one bucket, one chunk of rows, and what DuckDB is given to sort with.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from holdfast.contract.model import Contract, Label
from holdfast.features.answers import Rows, group_answers, groups
from holdfast.features.batch import FeatureTable, Tick, build, final_labels
from holdfast.features.buckets import deal, opened
from holdfast.features.history import (
    Ints,
    Outcomes,
    Records,
    Refuse,
    Report,
    check_labels,
    read_told,
    sources_in_use,
)
from holdfast.features.kernel.columns import evaluate
from holdfast.features.needs import deciding_fields, fields_in_use, labels_in_use
from holdfast.features.plan import Plan, Read, plan
from holdfast.features.sources import Input
from holdfast.features.spill import Spilled, ints, spill

AT_ONCE = 1_000_000
"""Events of a bucket, on average."""
MEMORY = "1GB"
"""What DuckDB may use to sort."""


@dataclass(frozen=True)
class Written:
    """What was written where; `labelled` rows have a known label, `positives` of them a true one."""

    path: Path
    rows: int
    features: int
    labelled: int
    positives: int
    report: Report


def build_to_parquet(
    contract: Contract,
    inputs: Mapping[str, Input],
    out: Path,
    progress: Tick | None = None,
    *,
    refuse: Refuse = "raise",
    at_once: int = AT_ONCE,
    memory: str = MEMORY,
) -> Written:
    """Write what `build(contract, inputs).write(out)` would, to the bit, in bounded memory.

    `at_once`: how many events are computed together. The temporary files lie beside `out`.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".features-", dir=out.parent) as folder:
        work = _Work(contract, inputs, Path(folder), refuse, at_once, memory, progress)
        work.load()
        work.answer()
        return work.write(out)


class _Work:
    def __init__(
        self,
        contract: Contract,
        inputs: Mapping[str, Input],
        place: Path,
        refuse: Refuse,
        at_once: int,
        memory: str,
        progress: Tick | None,
    ) -> None:
        self.contract, self.inputs, self.place = contract, inputs, place
        self.refuse: Refuse = refuse
        self.at_once, self.memory, self.progress = at_once, memory, progress
        self.plan: Plan = plan(contract)
        self.groups = groups(self.plan)
        self.report = Report()
        self.spilled: dict[str, Spilled] = {}
        self.told: dict[tuple[str, str], Outcomes] = {}
        self.done = 0
        self.total = 1

    def load(self) -> None:
        """Every source sorted on disk; outcomes given apart matched to their events."""
        fields, labels = fields_in_use(self.contract), labels_in_use(self.contract)
        names = sources_in_use(self.contract, self.inputs)
        for name in names:
            beside = [item for item in labels if item.source == name and f"{name}.{item.name}" not in self.inputs]
            source = self.contract.source(name)
            self.spilled[name] = spill(
                source, fields[name], beside, self.inputs[name], self.place, self.report, self.refuse, self.memory
            )
            check_labels(self.contract, name, [item for item in beside if item not in self.spilled[name].labels])
            for item in self.spilled[name].labels:
                self.report.outcomes_told(item, assumed=item.name not in self.spilled[name].received)
        for label in labels:
            if f"{label.source}.{label.name}" in self.inputs:
                self.told[label.source, label.name] = self._told(label)
        rows = self.spilled[self.contract.decide_on].rows
        dealt = sum(self._buckets(self.plan.reads[group[0]]) for group in self.groups)
        self.total = len(names) + dealt + math.ceil(rows / 131_072)
        self._tick(len(names))

    def answer(self) -> None:
        """Every aggregate of every row, into one file each."""
        rows = self.spilled[self.contract.decide_on].rows
        for group in self.groups:
            files = {i: self._answers(i, "w+", rows) for i in group}
            reads = [self.plan.reads[i] for i in group]
            events, asked = self._deal(reads)
            for bucket in range(len(asked)):
                self._bucket(group, events[bucket], asked[bucket], files)
                self._tick()
            for path in {*events, *asked}:
                path.unlink()

    def write(self, out: Path) -> Written:
        """Rows in order of (time, id), a chunk at a time."""
        contract, spilled = self.contract, self.spilled[self.contract.decide_on]
        names = tuple(item.name for item in contract.features)
        cells = sorted(deciding_fields(contract, self.plan))
        label = contract.target
        until = self._until()
        beside = [item for item in spilled.labels if item.name == label.name]
        files = [self._answers(i, "r", spilled.rows) for i in range(len(self.plan.reads))]
        written = labelled = positives = 0
        draft = out.with_name(out.name + ".part")
        writer: pq.ParquetWriter | None = None
        for start, part in spilled.chunks(["id", *spilled.columns(cells, beside)]):
            at = np.arange(start, start + len(part), dtype=np.int64)
            events = spilled.events(part, cells, at)
            matrix = evaluate(contract, events.cells, [np.array(file[start : start + len(part)]) for file in files])
            outcomes = spilled.outcomes(part, label) if beside else self._some(label, at)
            labels = final_labels(label, events, outcomes, until)
            table = FeatureTable(events.ids, events.times, matrix, names, labels, self.report).arrow(contract.label)
            writer = writer or pq.ParquetWriter(draft, table.schema)
            writer.write_table(table)
            written += len(part)
            valid = np.ones(len(part), dtype=np.bool_) if labels.valid is None else labels.valid
            labelled += int(valid.sum())
            positives += int(labels.values[valid].sum())
            self._tick()
        if writer is None:
            return self._nothing(out, names)
        writer.close()
        draft.replace(out)
        return Written(out, written, len(names), labelled, positives, self.report)

    # Steps

    def _tick(self, steps: int = 1) -> None:
        self.done += steps
        if self.progress is not None:
            self.progress(min(self.done, self.total), self.total)

    def _answers(self, i: int, mode: Any, rows: int) -> NDArray[np.float64]:
        if not rows:
            return np.zeros(0)
        return np.memmap(self.place / f"answer.{i}.f64", dtype=np.float64, mode=mode, shape=(rows,))

    def _buckets(self, read: Read) -> int:
        largest = max(self.spilled[read.aggregate.source].rows, self.spilled[self.contract.decide_on].rows)
        return max(1, math.ceil(largest / self.at_once))

    def _deal(self, reads: list[Read]) -> tuple[list[Path], list[Path]]:
        """Events by their keys and rows by the fields matched to them."""
        one = reads[0].aggregate
        source, deciding = self.spilled[one.source], self.spilled[self.contract.decide_on]
        buckets = self._buckets(reads[0])
        fields = sorted({item.name for read in reads for item in read.points.fields})
        labels = [item for item in source.labels if any(read.label == item for read in reads)]
        events = deal(source, one.keys, source.columns(fields, labels), self.place, "events", buckets)
        asked = deal(deciding, one.on, deciding.columns(self._own(reads), []), self.place, "rows", buckets)
        return events, asked

    def _own(self, reads: list[Read]) -> list[str]:
        own = {name for read in reads for name in read.aggregate.on}
        own |= {item.name for read in reads if read.aggregate.including_current for item in read.points.fields}
        return sorted(own)

    def _bucket(self, group: list[int], events: Path, asked: Path, files: Mapping[int, Any]) -> None:
        reads = [self.plan.reads[i] for i in group]
        source, deciding = self.spilled[reads[0].aggregate.source], self.spilled[self.contract.decide_on]
        rows = opened(asked)
        if not rows.num_rows:
            return
        points = opened(events)
        fields = sorted({item.name for read in reads for item in read.points.fields})
        labels = {read.label for read in reads if read.label is not None}
        loaded = source.events(points, fields, ints(points, "at"))
        outcomes = {}
        for label in labels:
            if label in source.labels:
                outcomes[label.source, label.name] = source.outcomes(points, label)
            else:
                some = self._some(label, loaded.rows)
                if some is not None:
                    outcomes[label.source, label.name] = some
        at = ints(rows, "at")
        decisions = deciding.events(rows, self._own(reads), at)
        records = Records({source.source.name: loaded}, outcomes)
        for i, values in group_answers(self.plan, group, records, Rows(decisions, decisions.times)):
            files[i][at] = values

    def _some(self, label: Label, at: Ints) -> Outcomes | None:
        """The outcomes told apart of the events at these positions (ascending), by place among them."""
        told = self.told.get((label.source, label.name))
        if told is None or not len(at):
            return None
        place = np.minimum(np.searchsorted(at, told.event), len(at) - 1)
        mine = at[place] == told.event
        return Outcomes(label, place[mine], told.version[mine], told.value[mine], told.known[mine], told.assumed)

    def _told(self, label: Label) -> Outcomes:
        """Outcomes of their own input with the positions of their events, matched by DuckDB."""
        told = read_told(self.contract.source(label.source), label, self.inputs[f"{label.source}.{label.name}"])
        asked = pa.table({"id": pa.array(told.ids, type=pa.large_string()), "spot": np.arange(len(told.ids))})
        with duckdb.connect(config={"memory_limit": self.memory, "temp_directory": str(self.place / "duckdb")}) as base:
            base.register("asked", asked)
            base.read_parquet(str(self.spilled[label.source].path), file_row_number=True).create_view("events")
            found = base.sql(
                "SELECT spot, file_row_number AS at, time FROM asked JOIN events USING (id) ORDER BY spot"
            ).fetchnumpy()
        spot, at, time = (np.asarray(found[name]).astype(np.int64) for name in ("spot", "at", "time"))
        self.report.outcomes_told(label, len(told.ids) - len(spot), assumed=told.arrived is None)
        return told.outcomes(label, spot, at, time)

    def _until(self) -> int:
        """The last instant at which anything became known."""
        latest = max((int(item.known.max()) for item in self.told.values() if len(item.known)), default=0)
        for spilled in self.spilled.values():
            for _, part in spilled.chunks(spilled.columns([], spilled.labels)):
                if len(part):
                    latest = max(latest, int(ints(part, "known").max()))
                for label in spilled.labels:
                    known = spilled.outcomes(part, label).known
                    latest = max(latest, int(known.max()) if len(known) else 0)
        return latest

    def _nothing(self, out: Path, names: tuple[str, ...]) -> Written:
        table = build(self.contract, self.inputs, refuse=self.refuse)
        table.write(out, self.contract.label)
        return Written(out, 0, len(names), 0, 0, self.report)
