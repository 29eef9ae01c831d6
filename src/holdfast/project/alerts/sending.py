"""Sending: a thread for each door, which nobody waits for; what did not arrive is tried again after growing pauses."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from holdfast.errors import HoldfastError
from holdfast.project.alerts.door import Door, Refused
from holdfast.project.alerts.message import Message
from holdfast.project.alerts.outbox import Delivery, Outbox

log = logging.getLogger("holdfast.alerts")
FIRST, LONGEST = 1.0, 300.0


def pause(tries: int) -> float:
    """Seconds until the next try after so many: 1, 2, 4 … and at last every five minutes, for ever."""
    return min(LONGEST, FIRST * 2.0 ** min(tries - 1, 16))


def deliver(outbox: Outbox, door: Door, what: Delivery, clock: Callable[[], float] = time.time) -> bool:
    """Try once, and write down what came of it; whether it has arrived. A door that fails stops nobody."""
    try:
        door.send(what.message)
    except Refused as error:
        outbox.ended(what, "refused", clock(), error.what)
        log.error("an alert was refused by the %s", door.name, extra={"event": "alert_refused"})
        return False
    except HoldfastError as error:
        told = error.what
    except Exception as error:  # noqa: BLE001  # a door is another's code: it must not end the sender
        told = f"an alert did not arrive: {type(error).__name__}"
    else:
        outbox.ended(what, "arrived", clock())
        return True
    outbox.later(what, clock() + pause(what.tries + 1), told)
    log.error("an alert did not arrive through the %s yet", door.name, extra={"event": "alert_late"})
    return False


class Sending:
    """While the block lasts, what the outbox owes is sent. `wake` says that there is something new."""

    def __init__(self, outbox: Outbox, doors: Sequence[Door]) -> None:
        self._outbox = outbox
        self._doors = {door.name: door for door in doors}
        self._news = {name: threading.Event() for name in self._doors}
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(door,), name=f"door-{name}", daemon=True)
            for name, door in self._doors.items()
        ]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._doors)

    def direct(self, message: Message, doors: Sequence[str]) -> tuple[str, ...]:
        """Past the outbox, once, where it cannot be written; the doors that did not take it."""
        left = []
        for name in doors:
            try:
                self._doors[name].send(message)
            except Exception:  # noqa: BLE001  # as in `deliver`
                log.error("an alert did not arrive through the %s yet", name, extra={"event": "alert_late"})
                left.append(name)
        return tuple(left)

    def wake(self) -> None:
        for name in self._doors:
            self._news[name].set()

    def settle(self, patience: float) -> bool:
        """Wait until nothing is owed any more, at most so many seconds; whether that came."""
        end = time.monotonic() + patience
        while any(self._outbox.owed(name) for name in self._doors):
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        return True

    def __enter__(self) -> Sending:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for event in self._news.values():
            event.set()
        # A receiver that hangs is not waited for: what it owes is in the outbox.
        for thread in self._threads:
            thread.join(0.5)

    def _run(self, door: Door) -> None:
        news = self._news[door.name]
        while not self._ended.is_set():
            news.clear()
            try:
                wait = self._round(door)
            except Exception:  # the outbox's disk may be full or away; the thread must outlive it
                log.exception("the outbox cannot be read or written", extra={"event": "outbox"})
                wait = 5.0
            if wait is None or wait > 0:
                news.wait(wait)

    def _round(self, door: Door) -> float | None:
        """Everything that is due; seconds until the next is, 0 for at once, None where nothing is owed."""
        owed = self._outbox.owed(door.name)
        for what in owed:
            if self._ended.is_set():
                return None
            if what.due <= time.time():
                deliver(self._outbox, door, what)
        if not owed:
            return None
        due = min((what.due for what in self._outbox.owed(door.name)), default=None)
        return None if due is None else max(0.0, min(due - time.time(), LONGEST))
