"""Where a row stands, in words that a person finds it by: its file among several, its number, its line, its id."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from holdfast.features import sources
from holdfast.features.sources import Input

Place = Callable[[int], str]
"""Tells where a row stands, by its position in the array that is read."""
LONGEST = 64 << 20
"""Bytes of a CSV file, at most, for a line to be looked up in it."""


def numbered(first_row: int = 0) -> Place:
    """By its number alone, from 0."""
    return lambda row: f"row {row + first_row}"


def placed(given: Input, ids: pa.ChunkedArray | pa.Array | None, first_row: int = 0) -> Place:
    """By everything that is known of it: `row 17, line 19 (id 18)`; the file's own name first, where a folder has many.

    Rows count from 0, as a data frame's do; lines from 1 with the header, as an editor's do. A line is told only where
    the id stands in it, for a quoted cell may span several.
    """

    def told(row: int) -> str:
        name = None if ids is None or row >= len(ids) else ids[row].as_py()
        words = f"row {row + first_row}"
        if isinstance(given, str | Path):
            words = _in_file(Path(given), row + first_row, name)
        return words if name is None else f"{words} (id {name})"

    return told


def _in_file(given: Path, row: int, name: Any) -> str:
    files = sources.files(given, "")
    path, before = files[0], ""
    if len(files) > 1:
        for path in files:
            rows = _rows(path, path.stat().st_mtime_ns)
            if row < rows:
                break
            row -= rows
        before = f"{path.name} "
    line = ""
    if name is not None and path.name.endswith(sources.CSV) and path.stat().st_size <= LONGEST:
        lines = _lines(path, path.stat().st_mtime_ns)
        if row + 1 < len(lines) and str(name).encode() in lines[row + 1]:
            line = f", line {row + 2}"
    return f"{before}row {row}{line}"


@lru_cache(maxsize=256)
def _rows(path: Path, changed: int) -> int:
    known = sources.count(path)
    return sources.read(path, sources.names_of(path)[:1]).num_rows if known is None else known


@lru_cache(maxsize=1)
def _lines(path: Path, changed: int) -> tuple[bytes, ...]:
    data = path.read_bytes()
    return tuple((gzip.decompress(data) if path.name.endswith(".gz") else data).splitlines())
