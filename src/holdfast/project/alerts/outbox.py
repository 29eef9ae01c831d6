"""The outbox: alerts and what is to be sent of them, on disk before anything is sent (`.holdfast/alerts/outbox.db`).

One SQLite file with a rollback journal, synced at each commit: the state of the alerts, the messages and which door
still owes them change in one transaction, so a process may be killed between any two instructions. What was committed
is sent at least once; what is sent again has the same key. Several processes may read and acknowledge; one sends.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.monitoring.alerting import Alert, Book
from holdfast.project.alerts.message import Message

FOLDER, FILE = "alerts", "outbox.db"
FORMAT = 1
KEPT_DAYS = 400
"""Resolved alerts and messages that arrived are kept for so long."""
_TABLES = """
CREATE TABLE IF NOT EXISTS books (name TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS alerts (id TEXT PRIMARY KEY, book TEXT NOT NULL, kept INTEGER NOT NULL,
    opened INTEGER NOT NULL, resolved INTEGER, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS acknowledged (alert TEXT PRIMARY KEY, who TEXT NOT NULL, why TEXT NOT NULL,
    at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS messages (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE NOT NULL,
    alert TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (number INTEGER NOT NULL, door TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL, ended REAL, fate TEXT NOT NULL DEFAULT 'waiting', told TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (number, door));
CREATE INDEX IF NOT EXISTS waiting ON deliveries (door, number) WHERE fate = 'waiting';
CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Delivery:
    """A message that a door owes somebody; `tries` came before."""

    number: int
    door: str
    tries: int
    due: float
    message: Message


class Outbox:
    """Times of delivery are Unix seconds, times of alerts µs. May be used by several threads and processes."""

    def __init__(self, folder: Path) -> None:
        """In this folder, which is made. Raises HoldfastError where its format is of a later version."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = folder / FILE
        with self._changing() as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found > FORMAT:
                raise HoldfastError("the outbox is of a later Holdfast", where=str(self._file), mend="use that one")
            for line in _TABLES.split(";\n"):
                db.execute(line)
            db.execute(f"PRAGMA user_version = {FORMAT}")

    # -- what is known ---------------------------------------------------------------------------------------------

    def book(self, name: str) -> Book:
        """The alerts of one source as they were after its last look."""
        with self._reading() as db:
            at = db.execute("SELECT at FROM books WHERE name = ?", (name,)).fetchone()
            found = db.execute("SELECT body FROM alerts WHERE book = ? AND kept = 1 ORDER BY opened, id", (name,))
            return Book(name, tuple(Alert.of(json.loads(body)) for (body,) in found), at[0] if at else 0)

    def open(self) -> list[Alert]:
        """Every open alert, of all sources."""
        with self._reading() as db:
            found = db.execute("SELECT body FROM alerts WHERE resolved IS NULL ORDER BY opened, id")
            return [Alert.of(json.loads(body)) for (body,) in found]

    def listed(self, *, past: int = 0) -> list[dict[str, Any]]:
        """Open alerts and the newest `past` others: the alert, who acknowledged it, and what each door did with it."""
        with self._reading() as db:
            rows = db.execute("SELECT id, body FROM alerts WHERE resolved IS NULL ORDER BY opened, id").fetchall()
            rows += db.execute(
                "SELECT id, body FROM alerts WHERE resolved IS NOT NULL ORDER BY resolved DESC, id LIMIT ?", (past,)
            ).fetchall()
            said = {alert: more for alert, *more in db.execute("SELECT alert, who, why, at FROM acknowledged")}
            return [
                {"alert": Alert.of(json.loads(body)), "acknowledged": said.get(name), "sent": _sent(db, name)}
                for name, body in rows
            ]

    def recall(self, name: str, otherwise: Any = None) -> Any:
        """What was remembered under this name."""
        with self._reading() as db:
            found = db.execute("SELECT body FROM memory WHERE name = ?", (name,)).fetchone()
            return otherwise if found is None else json.loads(found[0])

    # -- what happens ----------------------------------------------------------------------------------------------

    def record(
        self,
        book: Book,
        messages: Sequence[tuple[Message, Sequence[str]]],
        now: float,
        memory: Mapping[str, Any] | None = None,
    ) -> None:
        """All of it or nothing: the book after a look, what is to be sent through which doors, what to remember."""
        with self._changing() as db:
            db.execute("INSERT OR REPLACE INTO books VALUES (?, ?)", (book.name, book.at))
            db.execute("UPDATE alerts SET kept = 0 WHERE book = ?", (book.name,))
            for alert in book.alerts:
                row = (alert.id, book.name, alert.opened, alert.resolved, json.dumps(alert.as_dict(), default=str))
                db.execute("INSERT OR REPLACE INTO alerts VALUES (?, ?, 1, ?, ?, ?)", row)
            for item, doors in messages:
                told = (item.key, item.alert, now, json.dumps(item.as_dict(), default=str))
                number = db.execute("INSERT INTO messages (key, alert, at, body) VALUES (?, ?, ?, ?)", told).lastrowid
                for door in doors:
                    db.execute("INSERT INTO deliveries (number, door, due) VALUES (?, ?, ?)", (number, door, now))
            for name, value in (memory or {}).items():
                db.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (name, json.dumps(value, default=str)))
            if messages:
                _forget(db, now)

    def remember(self, name: str, value: Any) -> None:
        with self._changing() as db:
            db.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (name, json.dumps(value, default=str)))

    def acknowledge(self, alert: str, who: str, why: str, at: int) -> str:
        """Somebody answers for it; its whole id. Raises HoldfastError where none has this id, or several begin so."""
        with self._changing() as db:
            begins = f"{alert}%" if alert.isalnum() else ""
            found = db.execute("SELECT id FROM alerts WHERE id LIKE ?", (begins,)).fetchall()
            if len(found) != 1:
                what = f"there is no alert {alert!r}" if not found else f"{len(found)} alerts begin with {alert!r}"
                raise HoldfastError(what, where="alerts", mend="holdfast alerts shows them all")
            name: str = found[0][0]
            db.execute("INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?, ?)", (name, who, why, at))
        return name

    # -- what is owed ----------------------------------------------------------------------------------------------

    def owed(self, door: str) -> list[Delivery]:
        """What this door owes, the first of each alert only: news of one alert arrive in order."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT d.number, d.tries, d.due, m.body, MIN(m.number) "
                "FROM deliveries d JOIN messages m USING (number) "
                "WHERE d.door = ? AND d.fate = 'waiting' GROUP BY m.alert ORDER BY d.due, d.number",
                (door,),
            )
            return [
                Delivery(number, door, tries, due, Message.of(json.loads(body)))
                for number, tries, due, body, _ in rows.fetchall()
            ]

    def ended(self, what: Delivery, fate: str, now: float, told: str = "") -> None:
        """``arrived``, or ``refused`` with what the receiver said."""
        with self._changing() as db:
            db.execute(
                "UPDATE deliveries SET tries = tries + 1, ended = ?, fate = ?, told = ? WHERE number = ? AND door = ?",
                (now, fate, told, what.number, what.door),
            )

    def later(self, what: Delivery, due: float, told: str) -> None:
        """It did not arrive now."""
        with self._changing() as db:
            db.execute(
                "UPDATE deliveries SET tries = tries + 1, due = ?, told = ? WHERE number = ? AND door = ?",
                (due, told, what.number, what.door),
            )

    def waiting(self, doors: Sequence[str], since: float) -> list[str]:
        """What these doors still owe, or were refused since then, in words."""
        with self._reading() as db:
            marks = ",".join("?" * len(doors))
            rows = db.execute(
                f"SELECT m.body, d.door, d.fate, d.told FROM deliveries d JOIN messages m USING (number) "  # noqa: S608
                f"WHERE d.door IN ({marks}) AND (d.fate = 'waiting' OR d.fate = 'refused' AND d.ended >= ?) "
                "ORDER BY d.number, d.door",
                (*doors, since),
            )
            return [
                f"{json.loads(body)['rule']} through {door}: {told or 'not sent yet'}"
                + (" (it is tried again)" if fate == "waiting" else "")
                for body, door, fate, told in rows.fetchall()
            ]

    # -- the file --------------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._opened()) as db:
                yield db
        except sqlite3.Error as error:
            raise HoldfastError(f"the outbox cannot be read: {error}", where=str(self._file)) from None

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it on disk when the block has ended, or nothing."""
        try:
            with closing(self._opened()) as db:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")  # where it is not reached, closing rolls back
        except sqlite3.Error as error:
            raise HoldfastError(f"the outbox cannot be written: {error}", where=str(self._file)) from None

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, timeout=30.0, isolation_level=None)
        db.execute("PRAGMA journal_mode = DELETE")  # no WAL: the system's SQLite may be one that corrupts it
        db.execute("PRAGMA synchronous = FULL")
        return db


def _sent(db: sqlite3.Connection, alert: str) -> list[dict[str, Any]]:
    """What was told of an alert, and what each door did with it."""
    found: dict[str, dict[str, Any]] = {}
    for key, at, body, door, fate, tries, told in db.execute(
        "SELECT m.key, m.at, m.body, d.door, d.fate, d.tries, d.told FROM messages m JOIN deliveries d USING (number) "
        "WHERE m.alert = ? ORDER BY m.number, d.door",
        (alert,),
    ):
        entry = found.setdefault(key, {"key": key, "event": json.loads(body)["event"], "at": at, "doors": {}})
        entry["doors"][door] = {"fate": fate, "tries": tries} | ({"told": told} if told else {})
    return list(found.values())


def _forget(db: sqlite3.Connection, now: float) -> None:
    """What is long over."""
    before = now - KEPT_DAYS * 86_400
    db.execute("DELETE FROM alerts WHERE kept = 0 AND resolved < ?", (int(before * 1e6),))
    db.execute("DELETE FROM messages WHERE at < ? AND number NOT IN "
               "(SELECT number FROM deliveries WHERE fate = 'waiting')", (before,))  # fmt: skip
    db.execute("DELETE FROM deliveries WHERE number NOT IN (SELECT number FROM messages)")
