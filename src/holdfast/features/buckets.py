"""Events and rows dealt into buckets by entity: each holds all there is of its entities and fits memory alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.features.columns import Column, given
from holdfast.features.spill import Spilled, from_arrow

Ints = NDArray[np.int64]
_ODD = np.uint64(0x9E3779B97F4A7C15)
_NULL = np.uint64(0x5851F42D4C957F2D)


def deal(
    spilled: Spilled, keys: Sequence[str], columns: Sequence[str], place: Path, name: str, buckets: int
) -> list[Path]:
    """One Arrow file per bucket with `columns` and the row's position `at`, in the order of the sorted file."""
    by_name = {item.name: item for item in spilled.fields}
    read = list(dict.fromkeys([*columns, *(f"cell {key}" for key in keys)]))
    paths = [place / f"{name}.{i}.arrow" for i in range(buckets)]
    writers: list[pa.ipc.RecordBatchFileWriter] = []
    with ExitStack() as open_files:
        for start, table in spilled.chunks(read):
            cells = {key: from_arrow(by_name[key], table.column(f"cell {key}")) for key in keys}
            bucket = bucket_of([cells[key] for key in keys], buckets)
            kept = table.select(list(columns)).append_column("at", pa.array(np.arange(start, start + len(table))))
            if not writers:
                writers = [open_files.enter_context(pa.ipc.new_file(path, kept.schema)) for path in paths]
            for i, writer in enumerate(writers):
                writer.write_table(kept.filter(pa.array(bucket == i)))
        if not writers:  # no rows at all: files that hold the columns
            empty = spilled.empty(columns).append_column("at", pa.array([], type=pa.int64()))
            for path in paths:
                open_files.enter_context(pa.ipc.new_file(path, empty.schema))
    return paths


def bucket_of(keys: Sequence[Column], buckets: int) -> Ints:
    """The bucket of each row by its key cells; equal keys give equal buckets, within one process."""
    mixed = np.zeros(len(keys[0]), dtype=np.uint64)
    for column in keys:
        mixed = (mixed ^ _hashes(column)) * _ODD
        mixed ^= mixed >> np.uint64(29)
    return (mixed % np.uint64(buckets)).astype(np.int64)


def opened(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def _hashes(column: Column) -> NDArray[np.uint64]:
    values = column.values
    if values.dtype == object:
        found = np.fromiter(map(hash, values.tolist()), dtype=np.int64, count=len(values)).view(np.uint64)
    elif values.dtype == np.float64:
        found = values.view(np.uint64)
    else:
        found = values.astype(np.int64).view(np.uint64)
    there = given(column) if values.dtype != np.int32 else np.ones(len(values), dtype=np.bool_)
    return np.where(there, found * _ODD, _NULL)
