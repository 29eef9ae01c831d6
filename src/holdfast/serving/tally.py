"""Counts of several workers, added up by whichever is asked.

Each worker keeps its counts in a small file of its own, of a fixed size so that a full disk does not matter. It writes
there every second and whenever it is asked, so every answer is the sum of the *files*: whoever is asked, a counter
never falls, and after a second of rest it is exact. A worker that is started again goes on from its file. Gauges say
how a worker stands, so those of one that has not written for a while are left out.
"""

from __future__ import annotations

import mmap
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from time import monotonic
from typing import Any
from zlib import crc32

import msgspec

from holdfast.serving.metrics import OVER, Counts, Histogram

SIZE = 256 * 1024
_HEAD = Struct("<II")
FOLDER = "workers"
ALIVE = 5.0
"""Seconds for which a worker's gauges hold after it wrote them."""


class Tally:
    """The counts of worker `number` of those whose files lie in `home`'s folder for them."""

    def __init__(self, home: Path, number: int, counts: Counts, gauges: Callable[[], dict[str, float]]) -> None:
        self._folder = home / FOLDER
        self._own = self._folder / f"{number}.counts"
        self._gauges = gauges
        self._folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._own, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.posix_fallocate(fd, 0, SIZE)
            self._file = mmap.mmap(fd, SIZE)
        finally:
            os.close(fd)
        self.counts = counts
        """This worker's, from its first start on: what it counted before it was started again is added here."""
        found = _read(self._own)
        if found is not None:
            add(self.counts, found["counts"])

    def publish(self) -> None:
        """Called on the event loop, or where it stands still: counts must not change meanwhile."""
        told = {"counts": parts(self.counts), "gauges": self._gauges(), "at": monotonic()}
        data = msgspec.msgpack.encode(told)
        if len(data) <= SIZE - _HEAD.size:
            self._file[: _HEAD.size + len(data)] = _HEAD.pack(len(data), crc32(data)) + data

    def total(self) -> tuple[Counts, dict[str, float]]:
        """Counts of all workers, added up, and gauges, each as `OVER` says."""
        self.publish()
        counts, gauges = Counts(), dict[str, float]()
        for path in sorted(self._folder.glob("*.counts")):
            found = _read(path)
            if found is not None:
                add(counts, found["counts"])
                if monotonic() - found["at"] < ALIVE:
                    merge(gauges, found["gauges"])
        return counts, gauges

    def close(self) -> None:
        self.publish()
        self._file.close()


def begin(home: Path) -> None:
    """No counts yet: before the first worker of a server is started."""
    shutil.rmtree(home / FOLDER, ignore_errors=True)


def _read(path: Path) -> dict[str, Any] | None:
    """What a file holds; None when nothing was written yet. One that is being written is read again."""
    for _ in range(100):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        if len(content) < _HEAD.size:
            return None
        size, sum_ = _HEAD.unpack_from(content)
        data = content[_HEAD.size : _HEAD.size + size]
        if not size:
            return None
        if crc32(data) == sum_:
            found: dict[str, Any] = msgspec.msgpack.decode(data)
            return found
    return None


def merge(gauges: dict[str, float], told: dict[str, float]) -> None:
    """Put one worker's gauges to those of the workers before it."""
    for name, value in told.items():
        if name not in gauges:
            gauges[name] = value
        elif OVER[name] == "max":
            gauges[name] = max(gauges[name], value)
        elif OVER[name] == "min":
            gauges[name] = min(gauges[name], value)
        else:
            gauges[name] += value


def parts(counts: Counts) -> dict[str, Any]:
    """Counts as plain values: numbers, histograms as buckets and sum, and tables of either as pairs."""
    return {
        name: [[key, _plain(n)] for key, n in value.items()] if isinstance(value, dict) else _plain(value)
        for name, value in vars(counts).items()
    }


def _plain(value: int | Histogram) -> Any:
    return [value.buckets, value.total] if isinstance(value, Histogram) else value


def add(counts: Counts, told: dict[str, Any]) -> None:
    """Add what `parts` told to these counts."""
    for name, value in told.items():
        own = getattr(counts, name, None)
        if isinstance(own, dict):
            for key, item in value:
                at = tuple(key) if isinstance(key, list) else key
                if isinstance(item, list):
                    _add(own[at], item)
                else:
                    own[at] += item
        elif isinstance(own, Histogram):
            _add(own, value)
        elif own is not None:
            setattr(counts, name, own + value)


def _add(own: Histogram, told: list[Any]) -> None:
    buckets, total = told
    own.buckets[:] = [a + b for a, b in zip(own.buckets, buckets, strict=True)]
    own.total += total
