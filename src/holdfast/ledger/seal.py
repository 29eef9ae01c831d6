"""Whole days of the ledger as Parquet, one file per kind of record, for analysis.

The segments stay the truth; a sealed day can be made again and comes out the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.errors import HoldfastError
from holdfast.features.state.durability import sync_directory, sync_file
from holdfast.ledger import frames
from holdfast.ledger.frames import Segment
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Record, kind
from holdfast.ledger.writer import now_micros, utc_day

_BATCH = 50_000
_TYPES: dict[Any, pa.DataType] = {
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    str: pa.large_string(),
    bytes: pa.large_binary(),
}


def seal(ledger: Path, out: Path, *, clock: Callable[[], int] = now_micros) -> list[Path]:
    """Write every past UTC day that is not sealed yet to ``out/<day>/<kind>.parquet``; returns the files written.

    A day is sealed once its ``seal.json`` (records, and the hash of each file) is there. Raises HoldfastError when a
    sealed file is not what was sealed.
    """
    days: dict[str, list[Segment]] = {}
    for segment in frames.segments(ledger):
        days.setdefault(segment.day, []).append(segment)
    today = utc_day(clock())
    reader = LedgerReader(ledger)
    written = []
    for day, segments in sorted(days.items()):
        # Batches go to the segment of the day they are written on, so a past day's segments are complete.
        if day >= today:
            continue
        place = out / day
        if (place / "seal.json").exists():
            _verify(place)
            continue
        later = [item.first_seq for item in frames.segments(ledger) if item.first_seq > segments[-1].first_seq]
        written += _seal(reader, place, segments[0].first_seq, min(later) - 1 if later else None)
    return written


def _seal(reader: LedgerReader, place: Path, first: int, last: int | None) -> list[Path]:
    part = place.with_name(place.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    writers: dict[str, pq.ParquetWriter] = {}
    waiting: dict[str, list[Record]] = {}
    records = 0
    try:
        for record in reader.records(first - 1, last):
            name = kind(record)
            held = waiting.setdefault(name, [])
            held.append(record)
            records += 1
            if len(held) >= _BATCH:
                _write(writers, part, name, held)
                held.clear()
        for name, held in waiting.items():
            if held:
                _write(writers, part, name, held)
    finally:
        for writer in writers.values():
            writer.close()
    hashes = {f"{name}.parquet": _hash(part / f"{name}.parquet") for name in sorted(writers)}
    place.mkdir(parents=True, exist_ok=True)
    for name in hashes:
        sync_file(part / name)
        (part / name).rename(place / name)
    told = part / "seal.json"
    told.write_text(json.dumps({"format": 1, "records": records, "files": hashes}, indent=2) + "\n", encoding="utf-8")
    sync_file(told)
    told.rename(place / "seal.json")
    sync_directory(place)
    part.rmdir()
    return [place / name for name in hashes]


def _write(writers: dict[str, pq.ParquetWriter], place: Path, name: str, records: list[Record]) -> None:
    schema = _schema(type(records[0]))
    columns = []
    for column in schema:
        values = [getattr(record, column.name) for record in records]
        if column.metadata is not None:  # a list, as JSON
            values = [msgspec.json.encode(value).decode() for value in values]
        columns.append(pa.array(values, type=column.type))
    if name not in writers:
        writers[name] = pq.ParquetWriter(place / f"{name}.parquet", schema, compression="zstd")
    writers[name].write_table(pa.Table.from_arrays(columns, schema=schema))


def _schema(record: type[Record]) -> pa.Schema:
    fields = []
    for name, hint in get_type_hints(record).items():
        if name.startswith("__"):
            continue
        options = [item for item in get_args(hint) if item is not type(None)]
        plain = _TYPES.get(hint) or next((_TYPES[item] for item in options if item in _TYPES), None)
        if options and isinstance(options[0], str):  # one of a few words
            plain = pa.large_string()
        listed = getattr(hint, "__origin__", None) is list
        if listed or plain is None:
            fields.append(pa.field(name, pa.large_string(), metadata={"json": "true"}))
        elif name in ("received_at", "time", "known_until"):
            fields.append(pa.field(name, pa.timestamp("us", tz="UTC")))
        else:
            fields.append(pa.field(name, plain))
    return pa.schema(fields)


def _verify(place: Path) -> None:
    told = json.loads((place / "seal.json").read_text(encoding="utf-8"))
    for name, expected in told["files"].items():
        path = place / name
        if not path.exists() or _hash(path) != expected:
            raise HoldfastError(
                "this sealed file is not what was sealed",
                where=str(path),
                mend=f"delete {place} and seal again: the ledger holds the records",
            )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
