"""The duties of `holdfast watch`, in the order in which `--once` does them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.monitoring.finding import Finding
from holdfast.project.settings import Settings
from holdfast.project.watch import Seen, look
from holdfast.project.watching import Duty, Found, Place

DIFFERS = "WATCH598"
LONGEST = 3_000.0
"""Seconds that a comparison may take."""


class Server:
    """What a look from outside sees: does it answer, does it write, does it follow, what did it count."""

    name = "server"
    quick = True

    def __init__(self, every: float) -> None:
        self.every = every

    def look(self, place: Place) -> Found:
        kept = place.recall("server.seen")
        before = Seen(**kept) if kept else None
        found = look(place.project, place.address, before, key=place.key)
        seen = found.seen if found.seen.answers else before
        remember = {} if seen is None else {"server.seen": asdict(seen)}
        return Found(found.at, {"": found.findings}, found.as_dict(), found.lines(), remember)


class Parity:
    """The newest live answers computed again by the batch path, in a process of its own that gives way to others."""

    name = "parity"
    quick = False

    def __init__(self, every: float, sample: int) -> None:
        self.every, self._sample = every, sample

    def look(self, place: Place) -> Found | None:
        folder = str(place.project.folder)
        command = [sys.executable, "-m", "holdfast.cli.main", "-C", folder, "parity", "--live", "--json"]
        command += ["--sample", str(self._sample)]
        if nice := shutil.which("nice"):
            command = [nice, "-n", "10", *command]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
            told: dict[str, Any] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise HoldfastError(f"live parity gave no answer: {type(error).__name__}", where=folder) from None
        if "error" in told:
            if "nothing was answered" in told["error"]["what"]:
                return None
            raise HoldfastError(told["error"]["what"], where=told["error"]["where"], mend=told["error"]["mend"])
        at = time.time_ns() // 1_000
        return Found(at, {"": [parity_finding(told)]}, told, (), {"parity.last": {**told, "at": at}})


def parity_finding(told: dict[str, Any]) -> Finding:
    """What `holdfast parity --live --json` said, as a finding; values of clients are not in it."""
    replayed = told["replayed"]
    differing = {item["prediction_id"] for item in replayed["differences"]}
    where = Counter(str(item["what"]) for item in replayed["differences"])
    evidence = {
        "answers": replayed["decisions"], "differing": len(differing), "by_feature": dict(where.most_common(20)),
        "arrived_late": told["arrival_skew"]["decisions"],
    }  # fmt: skip
    if told["ok"]:
        why = f"{replayed['decisions']:,} live answers came out of the batch path bit for bit"
        return Finding(DIFFERS, "ok", "parity", why, evidence=evidence)
    named = ", ".join(name for name, _ in where.most_common(3))
    why = f"{len(differing):,} of {replayed['decisions']:,} live answers are not what the batch path computes ({named})"
    mend = "holdfast parity --live names each; see what was deployed or edited since it last was well"
    return Finding(DIFFERS, "alert", "parity", why, mend, severity="high", evidence=evidence)


def duties(settings: Settings, every: float) -> tuple[Duty, ...]:
    """All of them; `every` are the seconds between two looks at the server."""
    found: list[Duty] = [Server(every)]
    if settings.watch_parity_answers:
        found.append(Parity(settings.watch_parity_minutes * 60.0, settings.watch_parity_answers))
    return tuple(found)
