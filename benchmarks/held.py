"""A file whose pages stay in memory while something is measured.

Some kernels page out whatever nobody touched for a while, however much memory is free: a state of a million events,
asked about at random, would then be measured at the disk's speed, and differently each time.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Reads the file and locks it in memory; answers whether that was allowed. No file: nothing to hold."""
    if not path.exists() or not path.stat().st_size:
        yield False
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as pages:
        view = np.frombuffer(pages, dtype=np.uint8)
        libc = ctypes.CDLL(None)
        place, size = ctypes.c_void_p(view.ctypes.data), ctypes.c_size_t(len(view))
        locked = libc.mlock(place, size) == 0
        if not locked:
            view[::4_096].sum()  # at least it is there when the measurement begins
        try:
            yield locked
        finally:
            libc.munlock(place, size)
            del view
