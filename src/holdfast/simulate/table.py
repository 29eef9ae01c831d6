"""A simulated history as columns: written to Parquet or CSV, or sent as request bodies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

Cells = np.ndarray[Any, np.dtype[Any]]

DAY = 86_400 * 1_000_000
"""Microseconds in a day."""


def this_minute() -> int:
    """The start of the current minute, in microseconds since 1970: where a simulated history ends."""
    return int(datetime.now(UTC).timestamp()) // 60 * 60_000_000


def names(prefix: str, numbers: Cells, width: int) -> Cells:
    """Text ids such as ``pay_0000042``."""
    return np.array([f"{prefix}_{number:0{width}d}" for number in numbers.tolist()], dtype=object)


def only(mask: Cells, values: Cells) -> Cells:
    """The values where the mask is true, None elsewhere."""
    kept = values.astype(object)
    kept[~mask] = None
    return kept


@dataclass(frozen=True)
class Table:
    """Columns of equal length.

    Integers are int64, reals float64, booleans bool (or object with None), text an object array. Columns named in
    `scales` are decimals held as int64 ``k`` (value k / 10**scale); columns in `times` are microseconds UTC, where
    a negative one is null.
    """

    columns: Mapping[str, Cells]
    scales: Mapping[str, int]
    times: frozenset[str]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def take(self, rows: Cells) -> Table:
        """The rows at these positions, or where this mask is true."""
        return Table({name: column[rows] for name, column in self.columns.items()}, self.scales, self.times)

    def arrow(self) -> pa.Table:
        """Decimals stay exact (decimal128), times are timestamp[us, UTC]."""
        return pa.table({name: self._array(name, column) for name, column in self.columns.items()})

    def write(self, path: Path) -> Path:
        """Write Parquet, or CSV when the name ends so."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".csv":
            pyarrow.csv.write_csv(self.arrow(), path)
        else:
            pyarrow.parquet.write_table(self.arrow(), path, row_group_size=100_000)
        return path

    def bodies(self, leave_out: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
        """Each row as a JSON request body: decimals as numbers, times in ISO 8601, without the columns left out."""
        kept = {name: self._plain(name, column) for name, column in self.columns.items() if name not in leave_out}
        for row in zip(*kept.values(), strict=True):
            yield dict(zip(kept, row, strict=True))

    def known(self, label: str, at: int) -> Table:
        """The same rows as they looked at `at` (µs UTC): outcomes of `label` received later are still missing."""
        received = self.columns[f"{label}_received_at"]
        heard = (received >= 0) & (received < at)
        changed = {
            label: only(heard, self.columns[label]),
            f"{label}_received_at": np.where(heard, received, -1),
        }
        return Table({**self.columns, **changed}, self.scales, self.times)

    def _array(self, name: str, column: Cells) -> pa.Array:
        if name in self.scales:
            return exact(column, self.scales[name])
        if name in self.times:
            return pa.array(column, mask=column < 0).cast(pa.timestamp("us", tz="UTC"))
        return pa.array(column, from_pandas=column.dtype == np.float64)

    def _plain(self, name: str, column: Cells) -> list[Any]:
        if name in self.scales:
            return [k / 10 ** self.scales[name] for k in column.tolist()]
        if name in self.times:
            return [iso(value) if value >= 0 else None for value in column.tolist()]
        if column.dtype == np.float64:
            return [None if value != value else value for value in column.tolist()]
        return list(column.tolist())


def exact(k: Cells, scale: int) -> pa.Array:
    """The decimals k / 10**scale as decimal128, without passing through a float."""
    words = np.empty((len(k), 2), dtype=np.int64)  # little-endian 128-bit two's complement
    words[:, 0] = k
    words[:, 1] = k >> 63
    return pa.Array.from_buffers(pa.decimal128(18, scale), len(k), [None, pa.py_buffer(words.tobytes())])


def iso(moment: int) -> str:
    """Microseconds UTC as ``2026-03-01T12:00:00Z``, with a fraction only where there is one."""
    seconds, micros = divmod(moment, 1_000_000)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{micros:06d}Z" if micros else f"{stamp}Z"
