"""What the kernel saw, by strace: whether each reply began after a finished sync of what it acknowledges."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable

CALL = re.compile(
    r"^(?P<thread>\d+)\s+(?:\d+\.\d+ )?"
    r"(?:(?P<name>pwrite64|write|writev|sendto|sendmsg|fdatasync|fsync)\((?P<args>.*)"
    r"|<\.\.\. (?P<resumed>\w+) resumed>(?P<rest>.*))$"
)
TRACED = "trace=write,writev,sendto,sendmsg,pwrite64,fdatasync,fsync"


def tracer() -> str | None:
    """The path of strace; None where it is not installed and need not be. Raises where it must be."""
    found = shutil.which("strace")
    if found is None and os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1":
        raise RuntimeError("strace is required and is not installed")
    return found


def steps(lines: Iterable[str]) -> list[str]:
    """Appends, syncs and replies in order: ``ledger``, ``sync``, ``failed`` (either of the two) and ``reply``.

    A call counts where it returned: a sync that was still under way when the reply began did not come first. A reply
    counts where it begins.
    """
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
                found.append(what)
            elif "<unfinished ...>" in line:
                begun[thread] = what
            elif what:
                found.append("failed" if failed(match["args"]) else what)
        elif begun.get(thread):
            what = begun.pop(thread)
            found.append("failed" if failed(match["rest"]) else what)
    return found


def failed(text: str) -> bool:
    return ") = -1 " in text


def kind(name: str, args: str) -> str:
    """A reply is an id on standard output (of a process that tells what it did) or a 200 on a connection."""
    if ".log>" in args:
        return {"pwrite64": "ledger", "fdatasync": "sync", "fsync": "sync"}.get(name, "")
    if name == "write" and args.startswith("1<"):
        return "reply" if '"p' in args else ""
    if name in ("write", "writev", "sendto", "sendmsg") and "TCP" in args and '"HTTP/1.1 200' in args:
        return "reply"
    return ""


def unsynced(order: Iterable[str]) -> int:
    """Replies that began although what was appended before them was not synced, one client asking after another."""
    wrong, synced = 0, False
    for step in order:
        if step == "reply":
            wrong += not synced
        else:
            synced = step == "sync"
    return wrong
