"""History from before the ledger: which inputs it is, that they are unchanged, and where it ends.

Pinned in `.holdfast/history.json`. State is rebuilt from these inputs and the ledger, so a changed one is refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np

from holdfast.contract.model import DAY, Contract
from holdfast.contract.values import timestamp_text
from holdfast.errors import HoldfastError, Problem
from holdfast.features.history import Records, read_records
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Event


class Pinned(msgspec.Struct, frozen=True):
    """One input: `source` (or ``source.label`` for outcomes), its path, and what it was when it was pinned."""

    source: str
    path: str
    fingerprint: str
    rows: int
    known_until: int
    """The last instant (µs UTC) at which anything in it became known."""
    ends: int
    """The last event time in it (µs UTC)."""
    silence: int
    """The longest time (µs) between two of its events."""


class _File(msgspec.Struct):
    format: int
    inputs: list[Pinned]


def pin(file: Path, contract: Contract, inputs: Mapping[str, Path], ledger: Path | None = None) -> list[Pinned]:
    """Pin the inputs of a contract's history, replacing what was pinned of them before; answers these pins.

    Other contracts' inputs stay pinned. Paths are kept relative to `file`. Raises HoldfastError when they do not fit
    the contract, or when the ledger begins long after they end.
    """
    records = read_records(contract, inputs, refuse="drop")
    made = [_pinned(file, name, Path(path), records) for name, path in inputs.items()]
    if ledger is not None:
        refuse_gap(made, LedgerReader(ledger))
    others = [item for item in pinned(file) if item.source not in inputs]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    with part.open("wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(_File(1, [*others, *made])), indent=2) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    part.rename(file)
    return made


def _pinned(file: Path, name: str, path: Path, records: Records) -> Pinned:
    times = records.events[name].times if name in records.events else np.zeros(0, dtype=np.int64)
    return Pinned(
        name,
        os.path.relpath(path.resolve(), file.parent.resolve()),
        fingerprint(path),
        len(times),
        records.until,
        int(times.max()) if len(times) else 0,
        int(np.diff(times).max()) if len(times) > 1 else 0,
    )


def fingerprint(path: Path) -> str:
    """Names the content of a file, or of a folder's files with their names; 32 hex digits."""
    total = blake2b(digest_size=16)
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    for item in files:
        if path.is_dir():
            total.update(item.relative_to(path).as_posix().encode() + b"\0")
        with item.open("rb") as content:
            while block := content.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def pinned(file: Path) -> list[Pinned]:
    """What is pinned; nothing when there is no file. Raises HoldfastError when it cannot be read."""
    try:
        content = msgspec.json.decode(file.read_bytes(), type=_File)
    except FileNotFoundError:
        return []
    except (msgspec.DecodeError, OSError) as error:
        raise HoldfastError(f"the pinned history cannot be read: {error}", where=str(file)) from error
    return content.inputs


def pinned_inputs(file: Path) -> dict[str, Path]:
    """The pinned inputs by source, verified. Raises HoldfastError naming each that is missing or has changed."""
    problems = []
    inputs = {}
    for item in pinned(file):
        path = file.parent / item.path
        inputs[item.source] = path
        if not path.exists():
            problems.append(Problem(item.source, "missing", f"{item.path} is not there", "put it back"))
        elif fingerprint(path) != item.fingerprint:
            mend = "put the pinned file back, or pin the new one and rebuild the state"
            problems.append(Problem(item.source, "changed", f"{item.path} is not what was pinned", mend))
    if problems:
        raise HoldfastError("pinned history is not what it was", where=str(file), problems=problems)
    return inputs


def refuse_gap(inputs: Sequence[Pinned], ledger: LedgerReader) -> None:
    """Raise HoldfastError when the ledger's first event of a source comes long after the source's history ends."""
    gaps = find_gaps(inputs, ledger)
    if gaps:
        raise HoldfastError("there is a gap between history and ledger", problems=gaps)


def find_gaps(inputs: Sequence[Pinned], ledger: LedgerReader) -> list[Problem]:
    """Sources whose ledger begins later than their history could make one expect.

    A gap can be known only where there are events on both sides: it is one when it is longer than a day and than
    twice the longest silence in the history.
    """
    starts: dict[str, int] = {}
    wanted = {item.source for item in inputs if item.rows}
    if wanted:
        for record in ledger.records():
            if isinstance(record, Event | Decision) and record.source in wanted:
                starts.setdefault(record.source, record.time)
                if len(starts) == len(wanted):
                    break
    problems = []
    for item in inputs:
        start = starts.get(item.source)
        if start is not None and start - item.ends > max(DAY, 2 * item.silence):
            problems.append(
                Problem(
                    item.source,
                    "gap",
                    f"history ends at {timestamp_text(item.ends)}, the ledger begins at {timestamp_text(start)}",
                    "pin a history that reaches the ledger's beginning",
                )
            )
    return problems
