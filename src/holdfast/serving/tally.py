"""Counts of several workers, added up by whichever is asked.

Each worker keeps its counts in a small file of its own, of a fixed size so that a full disk does not matter. It writes
there every second and whenever it is asked, so every answer is the sum of the *files*: whoever is asked, a counter
never falls, and after a second of rest it is exact. A worker that is started again goes on from its file.
"""

from __future__ import annotations

import mmap
import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from typing import Any
from zlib import crc32

import msgspec

from holdfast.serving.metrics import Counts

SIZE = 256 * 1024
_HEAD = Struct("<II")
FOLDER = "workers"


class Tally:
    """The counts of worker `number` of those whose files lie in `home`'s folder for them."""

    def __init__(self, home: Path, number: int, gauges: Callable[[], dict[str, float]]) -> None:
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
        self.counts = Counts()
        """This worker's, from its first start on."""
        found = _read(self._own)
        if found is not None:
            add(self.counts, found["counts"])

    def publish(self) -> None:
        """Called on the event loop, or where it stands still: counts must not change meanwhile."""
        told = {"counts": parts(self.counts), "gauges": self._gauges()}
        data = msgspec.msgpack.encode(told)
        if len(data) <= SIZE - _HEAD.size:
            self._file[: _HEAD.size + len(data)] = _HEAD.pack(len(data), crc32(data)) + data

    def total(self) -> tuple[Counts, dict[str, float]]:
        """Counts and gauges of all workers, added up."""
        self.publish()
        counts, gauges = Counts(), dict[str, float]()
        for path in sorted(self._folder.glob("*.counts")):
            found = _read(path)
            if found is not None:
                add(counts, found["counts"])
                for name, value in found["gauges"].items():
                    gauges[name] = gauges.get(name, 0.0) + value
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


def parts(counts: Counts) -> dict[str, Any]:
    """Counts as plain values: numbers, lists of numbers, and tables as pairs."""
    return {
        name: [[key, n] for key, n in value.items()] if isinstance(value, dict) else value
        for name, value in vars(counts).items()
    }


def add(counts: Counts, told: dict[str, Any]) -> None:
    """Add what `parts` told to these counts."""
    for name, value in told.items():
        own = getattr(counts, name, None)
        if isinstance(own, defaultdict):
            for key, n in value:
                own[tuple(key) if isinstance(key, list) else key] += n
        elif isinstance(own, list):
            own[:] = [a + b for a, b in zip(own, value, strict=True)]
        elif own is not None:
            setattr(counts, name, own + value)
