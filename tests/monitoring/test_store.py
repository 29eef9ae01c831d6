"""The store: what is rolled up stays exact, what is too old goes, and a transaction is all or nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.monitoring.test_counts import BINS

from holdfast.contract.model import DAY
from holdfast.monitoring.counts import Counts, total
from holdfast.monitoring.store import HOUR, MINUTE, Cursor, Keep, Store

START = 1_700_000_000_000_000 // DAY * DAY
KEEP = Keep(minutes=2, hours=5, days=12)


def minutes(day: int, seed: int = 0) -> list[Counts]:
    random = np.random.default_rng((day, seed))
    times = START + day * DAY + np.sort(random.integers(0, DAY, 300))
    found = BINS.count("1", random.normal(size=(300, 4)).round(2), random.random(300), np.zeros(300), times)
    return list(found.values())


def test_minutes_become_hours_and_days_and_nothing_is_lost_on_the_way(tmp_path: Path) -> None:
    store, cursor, everything = Store(tmp_path), Cursor(), []
    for day in range(10):
        given = minutes(day)
        late = minutes(max(0, day - 8), seed=day + 1)[:20]  # comes when its minutes are hours or days already
        everything += [*given, *late]
        cursor.newest = max(item.start for item in given)
        with store.writing() as view:
            view.add([*given, *late], cursor)
            view.roll_up(cursor, KEEP)
            view.put_cursor(cursor)
    whole = store.counts("1", START, START + 10 * DAY)
    assert whole == total(everything, "1", START, START + 10 * DAY)
    assert whole.decisions == sum(item.decisions for item in everything)

    recent = cursor.hours_before
    assert recent == (cursor.newest - 2 * DAY) // HOUR * HOUR
    for start in range(recent, recent + DAY, 97 * MINUTE):
        inside = [item for item in everything if start <= item.start < start + 97 * MINUTE]
        assert store.counts("1", start, start + 97 * MINUTE) == total(inside, "1", start, start + 97 * MINUTE)
    hour = cursor.days_before + 5 * HOUR
    inside = [item for item in everything if hour <= item.start < hour + HOUR]
    assert store.counts("1", hour, hour + HOUR) == total(inside, "1", hour, hour + HOUR)
    told = store.hours("1", hour, hour + 10 * HOUR)
    assert [item.start for item in told] == [hour + at * HOUR for at in range(10)]
    assert told[0] == store.counts("1", hour, hour + HOUR)
    day_ = START + 3 * DAY
    inside = [item for item in everything if day_ <= item.start < day_ + DAY]
    assert store.counts("1", day_, day_ + DAY) == total(inside, "1", day_, day_ + DAY)
    store.close()


def test_what_is_older_than_all_that_is_kept_is_gone_and_does_not_come_back(tmp_path: Path) -> None:
    store, cursor = Store(tmp_path), Cursor()
    for day in (0, 1, 30):
        cursor.newest = START + day * DAY + DAY - 1
        with store.writing() as view:
            view.add(minutes(day), cursor)
            view.roll_up(cursor, KEEP)
            view.add(minutes(0, seed=1) if day == 30 else [], cursor)
            view.put_cursor(cursor)
    assert store.counts("1", 0, START + 20 * DAY).decisions == 0
    assert store.counts("1", 0, START + 40 * DAY).decisions == 300
    store.close()


def test_a_transaction_that_fails_leaves_counts_and_cursor_as_they_were(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.writing() as view:
        view.add(minutes(0), Cursor())
        view.put_cursor(Cursor(seq=7))

    def fails() -> None:
        with store.writing() as view:
            view.add(minutes(1), Cursor())
            view.put_cursor(Cursor(seq=9))
            raise OSError

    with pytest.raises(OSError):
        fails()
    assert store.cursor().seq == 7
    assert store.counts("1", 0, START + 9 * DAY).decisions == 300
    store.close()


def test_versions_are_told_apart_and_one_without_counts_is_empty(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.writing() as view:
        given = minutes(0)
        for item in given[:50]:
            item.version = "10"
        view.add(given, Cursor())
    assert {version for version, _ in store.versions()} == {"1", "10"}
    assert store.counts("10", 0, START + DAY).decisions == sum(item.decisions for item in given[:50])
    assert store.counts("2", 0, START + DAY).decisions == 0
    assert Store(tmp_path / "none", readonly=True).counts("1", 0, START).decisions == 0
    assert not (tmp_path / "none").exists()
    store.close()
