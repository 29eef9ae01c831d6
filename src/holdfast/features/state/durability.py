"""What a crash and a power cut leave of the state file, and when it may be trusted.

State is written without syncing (the ledger is what is synced). When a *process* dies, that is safe: LMDB's pages are
in the kernel, its meta page is written last, and the half-made transaction is not seen. When the *machine* loses
power it is not: without syncing, LMDB promises nothing, and even a file that was synced once may since have had pages
of that synced version overwritten. So no unsynced file is ever repaired in place. Beside the file lie

- ``boot``: the boot id under which it was last opened;
- ``clean``: present only while the file is synced and unchanged since. The first write removes it, durably, before it
  writes; an orderly close syncs the file and puts it back;
- ``checkpoint.mdb``: a whole copy, synced before it got its name.

A file from another boot without ``clean`` is discarded: the checkpoint takes its place, or nothing does, and the
ledger (with the pinned history) is replayed onto it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from uuid import uuid4

DATA, LOCK, CLEAN, BOOT, CHECKPOINT = "data.mdb", "lock.mdb", "clean", "boot", "checkpoint.mdb"
GATE, USE, BUILD = "open.lock", "use.lock", "build.lock"


class Found(Enum):
    """What an opening found: a new file, one to trust, or one discarded for its checkpoint or for nothing."""

    NEW = "new"
    TRUSTED = "trusted"
    CHECKPOINT = "checkpoint"
    DISCARDED = "discarded"


def boot_id() -> str:
    """Names the time since the machine's last start; where the system has no such name, one that never matches."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return uuid4().hex


def prepare(path: Path, boot: str) -> Found:
    """Decide what the state in `path` is worth under this boot, and leave only what may be trusted."""
    path.mkdir(parents=True, exist_ok=True)
    with gate(path):
        data = path / DATA
        if not data.exists():
            # A rename that a power cut took back would have left the copy.
            found = Found.CHECKPOINT if _restore(path) else Found.NEW
        elif _text(path / BOOT) == boot or (path / CLEAN).exists():
            found = Found.TRUSTED
        else:
            data.unlink()
            found = Found.CHECKPOINT if _restore(path) else Found.DISCARDED
        if _text(path / BOOT) != boot:
            (path / LOCK).unlink(missing_ok=True)
            _write(path / BOOT, boot.encode())
        return found


def _restore(path: Path) -> bool:
    copy = path / CHECKPOINT
    if not copy.exists():
        return False
    part = path / "restoring.mdb"
    shutil.copyfile(copy, part)
    sync_file(part)
    part.rename(path / DATA)
    sync_directory(path)
    return True


def unclean(path: Path) -> None:
    """Say, durably, that the file is about to be changed; call before the first write, under LMDB's write lock."""
    (path / CLEAN).unlink(missing_ok=True)
    sync_directory(path)


def clean(path: Path) -> None:
    """Say that the file is synced and unchanged; call under LMDB's write lock, after the sync."""
    _write(path / CLEAN, b"")


@contextmanager
def gate(path: Path) -> Iterator[None]:
    """One process at a time opens, checkpoints or replaces the state in `path`."""
    fd = os.open(path / GATE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def use(path: Path) -> int:
    """A shared lock on the state, held (by the descriptor returned) for as long as it is open."""
    fd = os.open(path / USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def in_use(path: Path) -> bool:
    """Whether any process has this state open for writing."""
    if not (path / USE).exists():
        return False
    fd = os.open(path / USE, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_directory(path: Path) -> None:
    sync_file(path)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    sync_file(part)
    part.rename(path)
    sync_directory(path.parent)
