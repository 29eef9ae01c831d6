"""Alerts are on disk before they are sent, and sent until they arrive; nobody waits for a receiver."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from tests.project.alerts.receivers import RULES, START, finding, web

from holdfast.errors import HoldfastError
from holdfast.monitoring.alerting import MINUTE, Book, advance
from holdfast.monitoring.finding import Finding
from holdfast.project.alerts import sending
from holdfast.project.alerts.door import Refused
from holdfast.project.alerts.message import Message, message
from holdfast.project.alerts.outbox import FILE, Outbox
from holdfast.project.alerts.sending import LONGEST, Sending, deliver, pause
from holdfast.project.alerts.webhook import WebhookDoor

OK = [Finding("WATCH-units", "ok", "units", "as ever", feature="amount")]


def record(outbox: Outbox, *looks: list[Finding], doors: tuple[str, ...] = ("here",), start: int = 0) -> list[Message]:
    """The looks of these minutes, each in a transaction of its own; what has to be sent."""
    made: list[Message] = []
    for number, found in enumerate(looks, start):
        book, notices = advance(outbox.book("shop"), {"3": found}, START + number * MINUTE, RULES)
        new = [message(notice, "shop") for notice in notices]
        outbox.record(book, [(item, doors) for item in new], time.time())
        made += new
    return made


class Here:
    """A door that does what it is told: take it, say no, or have trouble."""

    def __init__(self, *will: str, name: str = "here") -> None:
        self.name, self._will = name, list(will)
        self.got: list[Message] = []

    def send(self, message: Message) -> None:
        what = self._will.pop(0) if self._will else "take"
        if what == "refuse":
            raise Refused("no")
        if what == "trouble":
            raise HoldfastError("not now")
        if what == "bug":
            raise ZeroDivisionError("1/0")
        self.got.append(message)


def test_a_book_is_read_as_it_was_written(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "alerts")
    record(outbox, [finding(), finding("nulls", "hour", "critical")], [finding()], OK)
    book, plain = outbox.book("shop"), Book("shop")
    for number, found in enumerate(([finding(), finding("nulls", "hour", "critical")], [finding()], OK)):
        plain, _ = advance(plain, {"3": found}, START + number * MINUTE, RULES)
    assert Outbox(tmp_path / "alerts").book("shop") == book == plain
    assert [alert.cause for alert in outbox.open()] == [alert.cause for alert in plain.open]


def test_all_of_a_look_is_written_or_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    (first,) = record(outbox, [finding()])
    before = (outbox.book("shop"), outbox.owed("here"))
    book, notices = advance(outbox.book("shop"), {"3": [finding("nulls")]}, START + MINUTE, RULES)
    twice = [(message(notices[0], "shop"), ["here"]), (first, ["here"])]  # a key that was used before
    with pytest.raises(HoldfastError, match="cannot be written"):
        outbox.record(book, twice, time.time(), {"seen": 1})
    assert (outbox.book("shop"), outbox.owed("here"), outbox.recall("seen")) == (*before, None)


def test_news_of_one_alert_leave_in_order_and_others_do_not_wait_for_them(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    opened, nulls, resolved = record(outbox, [finding()], [finding(), finding("nulls")], [*OK, finding("nulls")],
                                     [*OK, finding("nulls")])  # fmt: skip
    assert [item.event for item in (opened, nulls, resolved)] == ["opened", "opened", "resolved"]
    door = Here("trouble")
    first = outbox.owed("here")
    assert [what.message for what in first] == [opened, nulls]
    assert not deliver(outbox, door, first[0])
    assert deliver(outbox, door, first[1])
    (late,) = outbox.owed("here")
    assert (late.message, late.tries) == (opened, 1)
    assert deliver(outbox, door, late)
    assert deliver(outbox, door, outbox.owed("here")[0])
    assert door.got == [nulls, opened, resolved]
    assert outbox.owed("here") == []


def test_pauses_grow_and_end_at_five_minutes() -> None:
    waits = [pause(tries) for tries in range(1, 40)]
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST == 300.0


def test_trouble_is_tried_again_and_a_no_is_not(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    record(outbox, [finding()], doors=("trouble", "refuse", "bug", "take"))
    for name in ("trouble", "refuse", "bug", "take"):
        (what,) = outbox.owed(name)
        deliver(outbox, Here(name, name=name), what, lambda: 1_000.0)
        owed = outbox.owed(name)
        assert [item.due - 1_000.0 for item in owed] == ([1.0] if name in ("trouble", "bug") else [])
    told = outbox.waiting(("trouble", "refuse", "bug", "take"), 0.0)
    assert told == [
        "units through bug: an alert did not arrive: ZeroDivisionError (it is tried again)",
        "units through refuse: no",
        "units through trouble: not now (it is tried again)",
    ]
    assert outbox.waiting(("refuse",), 1_001.0) == []
    fates = outbox.listed()[0]["sent"][0]["doors"]
    assert {name: item["fate"] for name, item in fates.items()} == {
        "trouble": "waiting", "refuse": "refused", "bug": "waiting", "take": "arrived",
    }  # fmt: skip


def test_each_door_sends_by_itself_and_one_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    outbox, hangs, released = Outbox(tmp_path), threading.Event(), threading.Event()

    class Slow(Here):
        def send(self, message: Message) -> None:
            hangs.set()
            released.wait(20)

    quick, slow = Here(name="quick"), Slow(name="slow")
    with Sending(outbox, [slow, quick]) as sender:
        for number in range(20):
            record(outbox, [finding(f"cause{number}")], doors=sender.names, start=number)
            sender.wake()
        assert hangs.wait(10)
        while outbox.owed("quick"):
            time.sleep(0.01)
        assert len(quick.got) == 20
        assert not sender.settle(0.1)
        released.set()
        assert sender.settle(10)


def test_a_receiver_that_is_down_at_first_gets_each_alert_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "FIRST", 0.05)
    with web(204) as (address, got):
        port = int(address.rsplit(":", 1)[1].strip("/"))
    assert got == []  # it is down now, and its port is free
    outbox = Outbox(tmp_path)
    with Sending(outbox, [WebhookDoor(address)]) as sender:
        sent = record(outbox, [finding()], [finding()], [finding(), finding("nulls")], doors=sender.names)
        sender.wake()
        while not outbox.owed("webhook") or min(what.tries for what in outbox.owed("webhook")) < 2:
            time.sleep(0.01)
        with web(204, port=port) as (_, got):
            assert sender.settle(20)
    assert sorted(item["key"] for item in got) == sorted(item.key for item in sent)


def test_somebody_acknowledges_by_the_beginning_of_an_id(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    (opened,) = record(outbox, [finding()])
    outbox.acknowledge(opened.alert[:6], "ada", "we know; a supplier changed cents to dollars", 5)
    assert outbox.listed()[0]["acknowledged"] == ["ada", "we know; a supplier changed cents to dollars", 5]
    for wrong in ("", "%", "nothing"):
        with pytest.raises(HoldfastError, match="there is no alert"):
            outbox.acknowledge(wrong, "ada", "why", 5)
    record(outbox, *[OK] * 3, start=1)
    assert [entry["alert"].cause for entry in outbox.listed()] == []
    assert [entry["acknowledged"][0] for entry in outbox.listed(past=5)] == ["ada"]


def test_an_outbox_of_a_later_format_is_left_alone(tmp_path: Path) -> None:
    Outbox(tmp_path)
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(HoldfastError, match="later Holdfast"):
        Outbox(tmp_path)
