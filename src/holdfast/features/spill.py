"""A source parsed once into a Parquet file in order of (time, id), each id once: what does not fit memory lies there.

Cells are stored as they are computed with (scaled integers, codes, µs), so reading them back decides nothing anew.
DuckDB sorts and finds repeated ids, on disk where memory is short; it evaluates no expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from holdfast.contract.model import Field, Label, Source
from holdfast.features import sources
from holdfast.features.columns import Column
from holdfast.features.duplicates import surplus
from holdfast.features.history import Events, Ints, Outcomes, Refuse, Report, beside_events, id_texts
from holdfast.features.needs import label_field
from holdfast.features.sources import Input
from holdfast.features.tables import columns_of, parse_table

CHUNK = 131_072


@dataclass(frozen=True)
class Spilled:
    """A sorted file and how its columns are read back."""

    source: Source
    fields: tuple[Field, ...]
    labels: tuple[Label, ...]
    """Labels that stand beside the events."""
    received: frozenset[str]
    """Those of them with an arrival column."""
    path: Path
    rows: int

    def chunks(self, names: Sequence[str] | None = None) -> Iterator[tuple[int, pa.Table]]:
        """The file from its beginning, each part with the position of its first row."""
        start = 0
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=CHUNK, columns=None if names is None else list(names)):
                yield start, pa.Table.from_batches([batch])
                start += batch.num_rows

    def empty(self, names: Sequence[str]) -> pa.Table:
        """A table with these columns and no rows."""
        return pq.read_schema(self.path).empty_table().select(list(names))

    def events(self, table: pa.Table, names: Sequence[str], at: Ints) -> Events:
        """Rows of the file as events, with these fields; ids only where the table has them."""
        by_name = {item.name: item for item in self.fields}
        cells = {name: from_arrow(by_name[name], table.column(f"cell {name}")) for name in names}
        if "id" in table.column_names:
            ids = table.column("id").to_numpy(zero_copy_only=False)
        else:
            ids = np.empty(table.num_rows, dtype=object)
        return Events(self.source, ids, ints(table, "time"), ints(table, "known"), cells, at)

    def outcomes(self, table: pa.Table, label: Label) -> Outcomes:
        """The outcomes of a label in these rows, by position among them."""
        value = from_arrow(label_field(label), table.column(f"label {label.name}"))
        arrived = None
        if label.name in self.received:
            arrived = from_arrow(Field("", "timestamp"), table.column(f"arrived {label.name}"))
        return beside_events(ints(table, "time"), label, value, arrived)

    def columns(self, names: Sequence[str], labels: Sequence[Label]) -> list[str]:
        """What to read for these fields and labels."""
        wanted = ["time", "known", *(f"cell {name}" for name in names)]
        for label in labels:
            wanted.append(f"label {label.name}")
            if label.name in self.received:
                wanted.append(f"arrived {label.name}")
        return wanted


def spill(
    source: Source,
    fields: tuple[Field, ...],
    labels: Sequence[Label],
    given: Input,
    place: Path,
    report: Report,
    refuse: Refuse,
    memory: str,
) -> Spilled:
    """Parse, leave out refused and repeated rows, sort."""
    columns = columns_of(source, fields, labels, sources.names_of(given, source.name))
    beside = tuple(item for item in labels if item.name in columns)
    received = frozenset(item.name for item in beside if item.received_at in columns)
    shape = Spilled(source, fields, beside, received, place / f"{source.name}.parquet", 0)
    raw = place / f"{source.name}.raw.parquet"
    writer: pq.ParquetWriter | None = None
    row = 0
    wanted = list(dict.fromkeys(columns.values()))
    report.rows[source.name] = 0
    try:
        for part in sources.stream(given, wanted, source.name, CHUNK):
            read = parse_table(source, fields, labels, columns, part, row, given=given)
            report.take_in(source.name, read, refuse, given)
            table = _stored(shape, read.cells, row).filter(pa.array(~read.refused))
            writer = writer or pq.ParquetWriter(raw, table.schema, compression="lz4")
            writer.write_table(table)
            row += part.num_rows
        if writer is None:  # an input without rows still has columns
            empty = sources.read(given, wanted, source.name)
            table = _stored(shape, parse_table(source, fields, labels, columns, empty).cells, 0)
            writer = pq.ParquetWriter(raw, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    dropped = _sort(raw, shape, memory)
    report.duplicates[source.name] = dropped
    raw.unlink()
    return Spilled(source, fields, beside, received, shape.path, pq.read_metadata(shape.path).num_rows)


def to_arrow(column: Column) -> pa.Array:
    if column.values.dtype == object:
        return pa.array(column.values, type=pa.large_string())
    return pa.array(column.values, mask=None if column.valid is None else ~column.valid)


def from_arrow(field: Field, array: pa.ChunkedArray) -> Column:
    if field.type == "text":
        return Column(array.to_numpy(zero_copy_only=False))
    if field.type in ("real", "category"):
        return Column(array.to_numpy())
    if not array.null_count:
        return Column(array.to_numpy())
    return Column(array.fill_null(0).to_numpy(), array.is_valid().to_numpy())


def ints(table: pa.Table, name: str) -> Ints:
    values: NDArray[np.int64] = table.column(name).to_numpy()
    return values


def _stored(shape: Spilled, cells: Any, first_row: int) -> pa.Table:
    source = shape.source
    times = cells[source.time].values
    known = cells[source.known_at].values if source.known_at is not None else times + source.lag
    columns = {
        "row": pa.array(np.arange(first_row, first_row + len(times), dtype=np.int64)),
        "id": pa.array(id_texts(cells[source.id]), type=pa.large_string()),
        "time": pa.array(times),
        "known": pa.array(known),
        **{f"cell {item.name}": to_arrow(cells[item.name]) for item in shape.fields},
        **{f"label {item.name}": to_arrow(cells[item.name]) for item in shape.labels},
    }
    for label in shape.labels:
        if label.name in shape.received and label.received_at is not None:
            columns[f"arrived {label.name}"] = to_arrow(cells[label.received_at])
    return pa.table(columns)


def _sort(raw: Path, shape: Spilled, memory: str) -> int:
    """Write the sorted file; how many repeated rows were left out."""
    with duckdb.connect(config={"memory_limit": memory, "temp_directory": str(raw.parent / "duckdb")}) as base:
        base.from_parquet(str(raw)).create_view("raw")
        again: pa.Table = base.sql(
            "SELECT * FROM raw WHERE id IN (SELECT id FROM raw GROUP BY id HAVING count(*) > 1) ORDER BY row"
        ).to_arrow_table()
        left_out = np.zeros(0, dtype=np.int64)
        if again.num_rows:
            left_out = _surplus(shape, again)
        base.register("left_out", pa.table({"row": left_out}))
        kept = base.sql("SELECT * FROM raw WHERE row NOT IN (SELECT row FROM left_out) ORDER BY time, id")
        kept.to_parquet(str(shape.path), compression="lz4")
    return len(left_out)


def _surplus(shape: Spilled, again: pa.Table) -> Ints:
    """Rows of the input to leave out, of those whose id stands more than once."""
    events = shape.events(again, [item.name for item in shape.fields], ints(again, "row"))
    columns = {item.name: again.column(f"label {item.name}") for item in shape.labels}
    labels = {item.name: from_arrow(label_field(item), columns[item.name]) for item in shape.labels}
    spots = surplus(events.ids, events.times, events.known, lambda: {**events.cells, **labels}, shape.source.name)
    return events.rows[spots]
