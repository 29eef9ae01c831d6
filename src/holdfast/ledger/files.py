"""The five file operations the ledger trusts, behind one door: a test may drop, tear or refuse any of them."""

from __future__ import annotations

import os
from pathlib import Path


class Files:
    """The operating system's files, appended and synced. `sync=False` is for measuring what syncing costs."""

    def __init__(self, *, sync: bool = True) -> None:
        self._sync = sync

    def open(self, path: Path, *, create: bool) -> int:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if create else 0), 0o640)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """All of `data` at `offset`, or OSError (a part may then be there)."""
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, offset)
            view, offset = view[written:], offset + written

    def sync(self, fd: int) -> None:
        """The file's data and length are on the disk when this returns."""
        if self._sync:
            os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def sync_directory(self, path: Path) -> None:
        """Names created in or removed from `path` are on the disk when this returns."""
        if self._sync:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
