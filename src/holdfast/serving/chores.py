"""What a server does beside answering: look at the registry, free dead readers' slots, keep a synced copy of state.

A thread of its own, so that a registry that hangs delays no promotion.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, time

from holdfast.features.state.state import State
from holdfast.serving.live import Live
from holdfast.serving.metrics import Counts

log = logging.getLogger("holdfast.serving")

TICK = 0.25

Probe = Callable[[], Mapping[str, object]]
"""What the registry says now; ``reachable`` is the one name it must have."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so many seconds."""

    every: float
    run: Callable[[], None]
    at_once: bool = True
    """Do it when the server starts, too."""


class Chores(threading.Thread):
    """Does each chore when it is due; one that fails is logged and tried again in its turn."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        super().__init__(name="holdfast-chores", daemon=True)
        self._chores = chores
        self._end = threading.Event()

    def run(self) -> None:
        now = monotonic()
        due = [now if chore.at_once else now + chore.every for chore in self._chores]
        while not self._end.wait(TICK):
            for at, chore in enumerate(self._chores):
                if monotonic() >= due[at]:
                    due[at] = monotonic() + chore.every
                    try:
                        chore.run()
                    except Exception:
                        log.exception("a chore failed; it will be tried again")

    def stop(self) -> None:
        """Ends after the chore under way."""
        self._end.set()
        self.join(10)


def watch(live: Live, probe: Probe) -> Chore:
    """Look at the registry every few seconds."""

    def run() -> None:
        live.registry = seen(probe, live.registry)

    return Chore(5.0, run)


def seen(probe: Probe, before: Mapping[str, object]) -> Mapping[str, object]:
    """What a probe saw, with the time (seconds) when the registry was last reached."""
    try:
        found = dict(probe())
    except Exception as error:  # noqa: BLE001 — a registry that is away must not trouble the server
        found = {"reachable": False, "why": str(error)}
    return {**found, "last_reached": time() if found.get("reachable") else before.get("last_reached")}


def free_readers(state: State) -> Chore:
    """Slots of processes that died while they read; their pages would never be used again."""

    def run() -> None:
        state.check_readers()

    return Chore(60.0, run)


def tell_refusals(counts: Counts, *, every: float = 60.0) -> Chore:
    """What was refused and turned away since the last time, in one line of the log; none when nothing was."""
    told = [dict(counts.refusals), dict(counts.turned_away)]

    def run() -> None:
        now = [dict(counts.refusals), dict(counts.turned_away)]
        problems, away = (
            {code: n - before.get(code, 0) for code, n in seen.items() if n > before.get(code, 0)}
            for seen, before in zip(now, told, strict=True)
        )
        told[:] = now
        if problems or away:
            extra = {"event": "refusals", "problems": problems, "turned_away": away}
            log.info("%d problems refused, %d turned away", sum(problems.values()), sum(away.values()), extra=extra)

    return Chore(every, run, at_once=False)


def keep_copy(state: State, *, every: float = 900.0, records: int = 50_000) -> Chore:
    """A synced copy of state once in a while, so that after a power cut little of the ledger is to be replayed."""
    kept = state.applied_seq

    def run() -> None:
        nonlocal kept
        now = state.applied_seq
        if now - kept >= records:
            state.checkpoint()
            kept = now

    return Chore(every, run, at_once=False)
