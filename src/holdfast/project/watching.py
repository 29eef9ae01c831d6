"""`holdfast watch` as one process: duties done again and again, each in a thread; what they find becomes alerts.

A duty looks and answers findings. What they mean is decided in `monitoring.alerting`, written down in the outbox, and
sent by threads of its own: no receiver holds up a look. All that must outlive the process is in the outbox, so it may
be killed at any time. Two never watch the same project: the second one is refused.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from holdfast.errors import HoldfastError
from holdfast.monitoring.alerting import Book, advance
from holdfast.monitoring.finding import Finding
from holdfast.project.alerts.message import Message, message
from holdfast.project.alerts.outbox import FOLDER, Outbox
from holdfast.project.alerts.sending import Sending
from holdfast.project.alerts.ways import rules
from holdfast.project.alerts.words import cleaned
from holdfast.project.followed import Followed
from holdfast.project.project import Project

log = logging.getLogger("holdfast.watch")
LOCK = "watch.lock"
OWN_CLOCK = 3_600_000_000
"""Looks whose time is further from now are of recorded traffic, µs."""
REST = 10.0
"""A duty that computes for long is done less often, so that each takes a tenth of a core at most."""
FAILED = "WATCH599"
"""A duty of the watch itself that cannot be done."""


@dataclass(frozen=True)
class Place:
    """What a duty may look at. `recall` answers what the duty asked to remember; `followed` is what all duties know of
    the ledger."""

    project: Project
    address: str
    key: str
    recall: Callable[[str], Any]
    followed: Followed


@dataclass(frozen=True)
class Found:
    """What one duty found. `at` is the time it is of, µs UTC; `by_version` the findings by version that answers, ``""``
    for the server as such. A version that is not in it answers no more.

    `ours` are the words that may be written down and leave in an alert; None where a client's word cannot be in it.
    """

    at: int
    by_version: Mapping[str, Sequence[Finding]]
    told: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[str] = ()
    remember: Mapping[str, Any] = field(default_factory=dict)
    """Kept on disk with the alerts, in one transaction."""
    ours: Collection[str] | None = None


class Duty(Protocol):
    """Something to be done every so many seconds."""

    name: str
    every: float
    quick: bool
    """Done by `--once` too, and at once when the watch begins; others wait until their time has come."""

    def look(self, place: Place) -> Found | None:
        """What is found now; None where there is nothing to look at. Raises HoldfastError where it cannot look."""
        ...


@dataclass(frozen=True)
class Round:
    """One duty done: what it found, and what somebody has to be told of."""

    duty: str
    found: Found
    messages: Sequence[Message]


class Watching:
    """The duties of one project. What it decides is in the outbox before anybody hears of it."""

    def __init__(
        self, project: Project, outbox: Outbox, sending: Sending, duties: Sequence[Duty], *, address: str, key: str = ""
    ) -> None:
        self._project, self._outbox, self._sending, self.duties = project, outbox, sending, duties
        self.followed = Followed(project)
        self._place = Place(project, address, key, outbox.recall, self.followed)
        self._rules = rules(project.settings)
        self._books: dict[str, Book] = {}
        self._unwritten: dict[str, list[tuple[Message, Sequence[str]]]] = {}

    def round(self, duty: Duty) -> Round:
        """Do a duty once. What it cannot do is found too."""
        book = self._books.get(duty.name) or self._outbox.book(f"{self._project.name}/{duty.name}")
        try:
            found = duty.look(self._place) or _nothing(book)
            trouble = _crashed(found) or [Finding(FAILED, "ok", "watching", "it could be done", feature=duty.name)]
        except Exception as error:  # one duty that fails must not end the others; it is told
            what = error.what if isinstance(error, HoldfastError) else type(error).__name__
            log.warning("a duty of the watch failed: %s", duty.name, exc_info=error, extra={"event": "watch"})
            why = f"the watch cannot do one of its duties ({duty.name}): {what}"
            mend = "run `holdfast watch --once`, and read what it says"
            found = _nothing(book)
            trouble = [Finding(FAILED, "alert", "watching", why, mend, feature=duty.name)]
        by_version = dict(found.by_version)
        if found.ours is not None:
            by_version = {name: [cleaned(item, found.ours) for item in items] for name, items in by_version.items()}
        by_version[""] = [*by_version.get("", ()), *trouble]
        after, notices = advance(book, by_version, found.at, self._rules)
        messages = [message(notice, self._project.name) for notice in notices]
        self._write(duty.name, after, messages, found)
        return Round(duty.name, found, messages)

    def follow(self, ended: threading.Event, told: Callable[[Round], None]) -> None:
        """Do all duties until `ended`; each round is told."""

        def keep(duty: Duty) -> None:
            last = 0.0 if duty.quick else float(self._outbox.recall(f"{duty.name}.at") or 0.0)
            wait = max(0.0, min(last + duty.every - time.time(), duty.every))  # clocks go back, too
            while not ended.wait(wait):
                begun, worked = time.monotonic(), time.thread_time()
                try:
                    told(self.round(duty))
                except Exception:  # the outbox could not be read: there is another round
                    log.exception("a round of the watch failed: %s", duty.name, extra={"event": "watch"})
                rest = (time.thread_time() - worked) * REST
                wait = max(0.0, begun + max(duty.every, rest) - time.monotonic())

        threads = [threading.Thread(target=keep, args=(duty,), name=f"duty-{duty.name}") for duty in self.duties]
        for thread in threads:
            thread.daemon = True
            thread.start()
        ended.wait()
        for thread in threads:
            thread.join(1.0)

    def _write(self, name: str, book: Book, messages: Sequence[Message], found: Found) -> None:
        """Into the outbox, in one transaction. Where it cannot be written (a full disk is one thing to be told of), the
        doors get it at once, and what they did not take is written as soon as it can be."""
        self._books[name] = book
        owed = [*self._unwritten.get(name, []), *((item, self._sending.names) for item in messages)]
        memory = {**found.remember, f"{name}.at": time.time()}
        try:
            self._outbox.record(book, owed, time.time(), memory)
        except HoldfastError as error:
            log.error("alerts cannot be written down: %s", error.what, extra={"event": "outbox"})
            left = [(item, self._sending.direct(item, doors)) for item, doors in owed]
            self._unwritten[name] = [(item, doors) for item, doors in left if doors]
            return
        self._unwritten.pop(name, None)
        if owed:
            self._sending.wake()


def _nothing(book: Book) -> Found:
    """Nothing was said, of no version that has alerts, either. Where traffic has its own clock, that stands still."""
    now = time.time_ns() // 1_000
    at = now if not book.at or abs(now - book.at) < OWN_CLOCK else book.at
    return Found(at, {alert.version: () for alert in book.alerts})


def _crashed(found: Found) -> list[Finding]:
    """Watches that could not look: blind is not well. What they stumbled over may be a client's, and is not told."""
    codes = {item.code for items in found.by_version.values() for item in items if item.status == "crashed"}
    mend = "holdfast monitor says what it stumbled over"
    return [Finding(FAILED, "alert", "watching", f"{code} cannot look", mend, code) for code in sorted(codes)]


@contextmanager
def alone(project: Project) -> Iterator[Outbox]:
    """The project's outbox, for the one process that watches it. Raises HoldfastError where another does."""
    outbox = Outbox(project.home / FOLDER)
    lock = os.open(project.home / FOLDER / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.pread(lock, 20, 0).decode().strip()
            mend = "end it first; `holdfast alerts` shows what it found"
            what = f"this project is being watched already, by process {pid or '?'}"
            raise HoldfastError(what, where=str(project.folder), mend=mend) from None
        # Only who reads the number wants it: a disk that is full must not keep the watch from beginning.
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
        except OSError:
            pass
        yield outbox
    finally:
        os.close(lock)
