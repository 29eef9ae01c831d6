"""What the kernel saw: the ledger's sync finished before the reply was written, and a missing sync is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fire.trace import steps, tracer, unsynced

REPLIES = 40


def trace(folder: Path, *flags: str) -> list[str]:
    """The victim's writes and syncs in order of their *ends*, as ``ledger``, ``sync`` and ``reply``."""
    strace = tracer()
    if strace is None:
        pytest.skip("strace is not installed")
    out = folder / "trace"
    command = [
        strace, "-f", "-y", "-ttt", "-s", "16", "-e", "trace=write,pwrite64,fdatasync,fsync", "-o", str(out),
        sys.executable, "-m", "tests.ledger.victim", str(folder), "0", str(REPLIES), "--one-by-one", *flags,
    ]  # fmt: skip
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
    subprocess.run(command, check=True, stdout=subprocess.PIPE, env=paths, timeout=120)
    return steps(out.read_text(errors="replace").splitlines())


def test_each_reply_follows_a_finished_sync(tmp_path: Path) -> None:
    order = trace(tmp_path)
    assert [order.count(step) for step in ("ledger", "reply")] == [REPLIES, REPLIES]
    assert unsynced(order) == 0


def test_replies_without_a_sync_are_noticed(tmp_path: Path) -> None:
    order = trace(tmp_path, "--no-sync")
    assert [order.count(step) for step in ("ledger", "reply")] == [REPLIES, REPLIES]
    assert unsynced(order) == REPLIES


def test_a_sync_still_under_way_when_the_reply_begins_is_noticed() -> None:
    lines = [
        '7  1.0 pwrite64(5</x/1.log>, "abc", 3, 0) = 3',
        "7  2.0 fdatasync(5</x/1.log> <unfinished ...>",
        '8  3.0 write(1<pipe:[1]>, "p1", 2) = 2',
        "7  4.0 <... fdatasync resumed>) = 0",
    ]
    assert unsynced(steps(lines)) == 1
    assert unsynced(steps([lines[0], "7  2.0 fdatasync(5</x/1.log>) = 0", lines[2]])) == 0


def test_a_sync_that_failed_does_not_count() -> None:
    lines = [
        '7 pwrite64(5</x/1.log>, "abc", 3, 0) = 3',
        "7 fdatasync(5</x/1.log>) = -1 EIO (Input/output error) (INJECTED)",
        '8 write(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "HTTP/1.1 200 OK\\r"..., 157) = 157',
    ]
    assert unsynced(steps(lines)) == 1
    lines[1:2] = [
        "7 fdatasync(5</x/1.log> <unfinished ...>",
        "7 <... fdatasync resumed>) = -1 EIO (Input/output error)",
    ]
    assert unsynced(steps(lines)) == 1
