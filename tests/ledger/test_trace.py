"""What the kernel saw: the ledger's sync finished before the reply was written, and a missing sync is noticed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPLIES = 40
CALL = re.compile(
    r"^(?P<thread>\d+)\s+\d+\.\d+ "
    r"(?:(?P<name>pwrite64|write|fdatasync|fsync)\((?P<args>.*)|<\.\.\. (?P<resumed>\w+) resumed>.*)$"
)


def trace(folder: Path, *flags: str) -> list[str]:
    """The victim's writes and syncs in order of their *ends*, as ``ledger``, ``sync`` and ``reply``."""
    strace = shutil.which("strace")
    if strace is None:
        if os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1":
            pytest.fail("strace is required and is not installed")
        pytest.skip("strace is not installed")
    out = folder / "trace"
    command = [
        strace, "-f", "-y", "-ttt", "-s", "16", "-e", "trace=write,pwrite64,fdatasync,fsync", "-o", str(out),
        sys.executable, "-m", "tests.ledger.victim", str(folder), "0", str(REPLIES), "--one-by-one", *flags,
    ]  # fmt: skip
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
    subprocess.run(command, check=True, stdout=subprocess.PIPE, env=paths, timeout=120)
    return steps(out.read_text(errors="replace").splitlines())


def steps(lines: list[str]) -> list[str]:
    """A call counts where it returned: a sync that was still under way when the reply began did not come first."""
    found: list[str] = []
    begun: dict[str, str] = {}
    for line in lines:
        match = CALL.match(line)
        if match is None:
            continue
        name, thread = match["name"], match["thread"]
        if name is not None:
            what = kind(name, match["args"])
            if what == "reply":
                # A reply counts where it begins.
                found.append(what)
            elif "<unfinished ...>" in line:
                begun[thread] = what
            elif what:
                found.append(what)
        elif begun.get(thread):
            found.append(begun.pop(thread))
    return found


def kind(name: str, args: str) -> str:
    if name == "write" and args.startswith("1<"):
        return "" if '"ready' in args else "reply"
    if ".log>" in args:
        return "ledger" if name == "pwrite64" else "sync"
    return ""


def unsynced(order: list[str]) -> int:
    """Replies that began although what was appended before them was not synced. The victim waits for each reply."""
    wrong, synced = 0, False
    for step in order:
        if step == "reply":
            wrong += not synced
        else:
            synced = step == "sync"
    return wrong


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
