"""Our own look at so many features and predictions, both ways: from what was counted while they were served, and
counted from the rows.

    python -m benchmarks.watching.scale count REFERENCE CURRENT HOME     count into a store, as serving does
    python -m benchmarks.watching.scale stored HOME                      a look at that store
    python -m benchmarks.watching.scale rows REFERENCE CURRENT           a look at rows that nobody has counted

Each in a process of its own, so that its memory is its own. There are no outcomes: watches that need them answer so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import lmdb
import numpy as np
import pandas as pd
import pyarrow.parquet
from benchmarks.watching.judges.shown import forget_peak, memory

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.calibration import Calibration
from holdfast.bundle.load import load
from holdfast.bundle.pack import pack
from holdfast.bundle.predictors.linear import Term, linear_spec
from holdfast.bundle.threshold import Threshold
from holdfast.contract import Contract, Events, days, real, text, timestamp
from holdfast.monitoring.catalog import looked
from holdfast.monitoring.counts import Counts, total
from holdfast.monitoring.reference import Bins
from holdfast.monitoring.store import SERVICE, Cursor, Keep, Store
from holdfast.project.monitor import LiveSeen
from holdfast.training.profile import profile
from holdfast.training.rows import Rows

BEGIN = 1_767_225_600_000_000
DAY = 86_400_000_000
HOUR = DAY // 24
CHUNK = 100_000
LIVE_DAYS = 14
VERSION = "1"
Part = tuple[Any, Any, Any]
"""Features, probabilities, times."""


def stored_at_scale(reference: Path, current: Path) -> dict[str, Any]:
    """A look at stored counts, with what counting had cost beside it."""
    with tempfile.TemporaryDirectory(dir=reference.parent) as home:
        counted = _process("count", str(reference), str(current), home)
        if "error" in counted:
            return counted
        cost = {"counting": counted["seconds"], "counting_mb": counted["peak_mb"], "kept_mb": counted["kept_mb"]}
        return _process("stored", home) | cost


def rows_at_scale(reference: Path, current: Path) -> dict[str, Any]:
    return _process("rows", str(reference), str(current))


def _process(*words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.watching.scale", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"error": done.stderr[-200:]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def bundle_of(reference: Path, place: Path) -> Bundle:
    """A bundle whose reference these rows are, sixty days of them."""
    table = pd.read_parquet(reference)
    names = tuple(name for name in map(str, table) if name.startswith("x"))
    fields: dict[str, Any] = {"id": text(), "at": timestamp(), **{name: real(nullable=True) for name in names}}
    events = Events("requests", id="id", time="at", fields=fields)
    label = events.label("bad", known_after=days(7), absent=False, final_after=days(14))
    made = Contract("scale", decide_on=events, label=label, features={name: events[name] for name in names})
    contract = made.freeze()
    times = np.sort(BEGIN - 1 - np.random.default_rng(0).integers(0, 60 * DAY, len(table)))
    X, p, y = table[list(names)].to_numpy(), table["score"].to_numpy(), table["label"].to_numpy(np.int8)
    every = Rows(names=names, X=X, y=y, times=times, known=times + 7 * DAY, ids=np.arange(len(table)).astype(str))
    name = pack(
        place, contract=contract, model=linear_spec([Term(weight=0.001, impute=0.0)] * len(names), -1.0),
        calibration=Calibration(), threshold=Threshold(0.1), golden_rows=X[:4],
        profile=profile(contract, every, p, y, 0.1, times=times), environment="", card="", training={"run": "none"},
    )  # fmt: skip
    (place.parent / "hash").write_text(name)
    return load(place, expect=name)


class Kept:
    """Stored counts as `holdfast monitor` reads them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.counts = store.counts
        self.hours = store.hours

    def service(self, start: int, end: int) -> Counts:
        return self._store.counts(SERVICE, start, end)


class Counted:
    """The same from counts in memory, by minutes."""

    def __init__(self, kept: dict[int, Counts]) -> None:
        self._hours: dict[int, list[Counts]] = {}
        for minute, found in kept.items():
            self._hours.setdefault(minute // HOUR * HOUR, []).append(found)

    def counts(self, version: str, start: int, end: int, bundle: str = "") -> Counts:
        hours = range(start // HOUR * HOUR, end, HOUR)
        inside = (item for hour in hours for item in self._hours.get(hour, ()) if start <= item.start < end)
        return total(inside, version, start, end)

    def hours(self, version: str, start: int, end: int, bundle: str = "") -> list[Counts]:
        known = [hour for hour in range(start // HOUR * HOUR, end, HOUR) if hour in self._hours]
        return [total(self._hours[hour], version, hour, hour + HOUR) for hour in known]

    def service(self, start: int, end: int) -> Counts:
        return Counts("", "", start, end)


class OneLook(LiveSeen):
    """What `holdfast monitor` looks at, without a project around it: no outcomes, no comparison with batch."""

    def others(self, start: int, end: int) -> tuple[int, int]:
        return 0, 0

    def skew(self) -> None:
        return None

    def outcomes(self, start: int, end: int) -> None:
        return None


def look(bundle: Bundle, bins: Bins, source: Kept | Counted) -> dict[str, Any]:
    now, nothing = BEGIN + LIVE_DAYS * DAY, cast(Any, None)
    seen = OneLook(nothing, now, VERSION, bundle, bins.expected(), cast(Any, source), BEGIN, nothing)
    found = looked(seen)
    heard = [item.code for item in found if item.status in ("alert", "crashed")]
    return {"raised": len(heard), "codes": heard, "predictions": seen.counts(BEGIN, now).decisions}


def _counted(bins: Bins, part: Part) -> dict[int, Counts]:
    X, p, at = part
    return bins.count(VERSION, X, p, (p >= 0.1).astype(np.float64), at)


def _times(first: int, many: int, rows: int) -> Any:
    return np.arange(first, first + many) * LIVE_DAYS * DAY // rows + BEGIN


def _parts(current: Path, names: tuple[str, ...]) -> Iterator[Part]:
    """From the file, so many rows at a time: serving does not hold them either."""
    file, first = pyarrow.parquet.ParquetFile(current), 0
    rows = file.metadata.num_rows
    for batch in file.iter_batches(CHUNK):
        table = batch.to_pandas()
        yield table[list(names)].to_numpy(), table["score"].to_numpy(), _times(first, len(table), rows)
        first += len(table)


def _count(reference: Path, current: Path, home: Path) -> dict[str, Any]:
    bundle = bundle_of(reference, home / "bundle")
    bins, seconds = Bins.of(bundle), 0.0
    store = Store(home / "profiles")
    forget_peak()
    for part in _parts(current, bins.names):
        began = time.process_time()
        _write(store, _counted(bins, part), int(part[2][-1]))
        seconds += time.process_time() - began
    store.close()
    kept = (home / "profiles" / "data.mdb").stat().st_blocks * 512 / 2**20
    return {"seconds": seconds, "peak_mb": memory("VmHWM"), "kept_mb": kept}


def _write(store: Store, found: dict[int, Counts], newest: int) -> None:
    """As the process that counts does: added, and rolled up."""
    for _ in range(3):
        try:
            with store.writing() as view:
                cursor: Cursor = view.cursor()
                cursor.newest, cursor.oldest = newest, BEGIN
                view.add(found.values(), cursor)
                view.roll_up(cursor, Keep())
                view.put_cursor(cursor)
            return
        except lmdb.MapFullError:
            store.grow()
    raise lmdb.MapFullError("it stays too small")


def _stored(home: Path) -> dict[str, Any]:
    bundle = load(home / "bundle", expect=(home / "hash").read_text())
    forget_peak()
    began = time.process_time()
    store = Store(home / "profiles", readonly=True)
    found = look(bundle, Bins.of(bundle), Kept(store))
    seconds = time.process_time() - began
    store.close()
    return {"seconds": seconds, "peak_mb": memory("VmHWM"), **found}


def _rows(reference: Path, current: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        began = time.process_time()
        bundle = bundle_of(reference, Path(home) / "bundle")
        profiled = time.process_time() - began
    table = pd.read_parquet(current)
    tables = memory("VmRSS")
    forget_peak()
    began = time.process_time()
    bins, kept = Bins.of(bundle), dict[int, Counts]()
    for first in range(0, len(table), CHUNK):
        some = table.iloc[first : first + CHUNK]
        part = some[list(bins.names)].to_numpy(), some["score"].to_numpy(), _times(first, len(some), len(table))
        for minute, counts in _counted(bins, part).items():
            kept[minute] = kept[minute] + counts if minute in kept else counts
    found = look(bundle, bins, Counted(kept))
    seconds = time.process_time() - began
    return {"seconds": seconds, "fit": profiled, "peak_mb": memory("VmHWM"), "tables_mb": tables, **found}


def main() -> None:
    ways: dict[str, Callable[..., dict[str, Any]]] = {"count": _count, "stored": _stored, "rows": _rows}
    print(json.dumps(ways[sys.argv[1]](*map(Path, sys.argv[2:]))))


if __name__ == "__main__":
    main()
