"""What was counted while it was served is what the ledger says: several workers, restarts, and processes killed."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from tests.serving.shop import Server, first, pack_model, payment, serving, shop
from tests.traffic.stage import experiment, write

from holdfast.ledger.records import Arm, Decision, Refusal
from holdfast.monitoring.counting import Projection, read_warning
from holdfast.monitoring.store import HOUR, MINUTE, Store
from holdfast.project.counted import Counted, recomputed
from holdfast.project.project import Project

SEED = int(os.environ.get("COUNTED_SEED", "7"))
ROUNDS = int(os.environ.get("COUNTED_ROUNDS", "2"))
BEFORE = "from holdfast.monitoring.store import Keep"
MORE = "profiles=Keep(minutes=2, hours=4, days=30)"
EVER = 1 << 61


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A shop with an experiment under way, so that two versions answer."""
    home = tmp_path / ".holdfast"
    home.mkdir()
    champion = shop(home)
    other = pack_model(home, first(), weight=0.01)
    arms = [
        Arm(name=name, version=version, bundle=bundle, contract=first().hash)
        for name, version, bundle in (("champion", "1", champion), ("challenger", "2", other))
    ]
    write(home, experiment(arms))
    (tmp_path / "holdfast.toml").write_text("[profiles]\nminutes_days = 2\nhours_days = 4\ndays = 30\n")
    return Project.open(tmp_path)


def bodies(dice: random.Random, name: str) -> Iterator[bytes]:
    """Payments of the last six days, some of them late, some refused for one reason or another."""
    for number in range(1_000_000):
        ago = timedelta(days=dice.random() ** 3 * 6)
        body = payment(f"{name}-{number}", occurred_at=(datetime.now(UTC) - ago).isoformat(), hour=dice.randrange(24))
        odd = dice.random()
        if odd < 0.05:
            body["merchant_category"] = f"new {dice.randrange(300)}"
        elif odd < 0.1:
            body |= {"amount": -1, "surprise": 3}
        yield json.dumps(body).encode()


def ask(address: str, stop: threading.Event, name: str, seed: int, answered: list[int]) -> None:
    """Send one after the other until told to stop; servers that die meanwhile are asked again."""
    given = bodies(random.Random(seed), name)
    while not stop.is_set():
        with suppress(httpx.HTTPError), httpx.Client(base_url=address, timeout=5) as client:
            for body in given:
                answered.append(client.post("/predict", content=body).status_code)
                if stop.is_set():
                    return
        time.sleep(0.05)


def children(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children(recursive=True)


def is_counting(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "profiling" in process.cmdline()
    return False


def counted_beyond(project: Project, seq: int) -> None:
    """Wait until the server has counted so far."""
    with Counted(project) as counted:
        for _ in range(600):
            if counted.cursor().seq > seq:
                return
            time.sleep(0.1)
    raise AssertionError("the server does not count")


def under_fire(project: Project, dice: random.Random, last: str) -> Counter[int]:
    """Two workers under load while one of them, and the process that counts, are killed; then all, or in order."""
    answered: list[int] = []
    stop = threading.Event()
    with serving(project.home, workers=2, before=BEFORE, more=MORE) as server:
        threads = [
            threading.Thread(target=ask, args=(server.address, stop, f"{last}{at}", dice.randrange(1 << 30), answered))
            for at in range(2)
        ]
        for thread in threads:
            thread.start()
        for _ in range(2):
            time.sleep(0.4 + dice.random() * 0.8)
            process = dice.choice(children(server))
            counting = [item for item in children(server) if is_counting(item)]
            for victim in {process, *counting[:1]}:
                with suppress(psutil.Error):
                    victim.send_signal(signal.SIGKILL)
        counted_beyond(project, project.reader.last_seq())
        if last == "killed":
            for victim in [psutil.Process(server.process.pid), *children(server)]:
                with suppress(psutil.Error):
                    victim.send_signal(signal.SIGKILL)
            server.process.wait()
        stop.set()
        for thread in threads:
            thread.join()
    return Counter(answered)


def test_what_was_counted_is_what_the_ledger_says_after_kills_and_restarts(project: Project) -> None:
    print(f"seed {SEED}")
    dice, answered = random.Random(SEED), Counter[int]()
    for turn in range(ROUNDS):
        answered += under_fire(project, dice, "killed" if turn % 2 == 0 else "ended")
    with Counted(project) as counted:
        counted.catch_up()
        cursor = counted.cursor()
        records = list(project.reader.records(0, cursor.seq))
        decisions = [item for item in records if isinstance(item, Decision)]
        refusals = [item for item in records if isinstance(item, Refusal)]
        assert len(decisions) >= answered[200] > 50
        assert len(refusals) > 5
        whole = {version: counted.counts(version, 0, EVER) for version in ("1", "2")}
        for version, told in whole.items():
            mine = [item for item in decisions if item.version == version]
            assert told.decisions == len(mine) > 20
            assert told.positive == sum(item.decision for item in mine)
            assert told == recomputed(project, version, 0, EVER)
        assert sum(whole["1"].refusals.values()) == len(refusals)
        assert sum(n for (field, _), n in whole["1"].unknown.items() if field == "merchant_category") == sum(
            problem["code"] == "unknown_value" for item in refusals for problem in item.problems
        )
        # Minute by minute where minutes are kept, hour by hour before.
        minutes = {item.time // MINUTE * MINUTE for item in decisions if item.time >= cursor.hours_before}
        for start in dice.sample(sorted(minutes), min(8, len(minutes))):
            assert counted.counts("1", start, start + MINUTE) == recomputed(project, "1", start, start + MINUTE)
        hours = {
            item.time // HOUR * HOUR for item in decisions if cursor.days_before <= item.time < cursor.hours_before
        }
        assert hours
        for start in dice.sample(sorted(hours), min(4, len(hours))):
            assert counted.counts("2", start, start + HOUR) == recomputed(project, "2", start, start + HOUR)
        assert cursor.newest == max(item.time for item in decisions)
        # What the servers know alone: a kill loses the last seconds of it.
        served = counted.service(0, EVER)
        assert served.latency.sum() == sum(served.replies.values())
        assert 0 <= served.replies["200"] <= len(decisions) + answered[200]


def test_counting_some_records_twice_is_noticed(project: Project) -> None:
    with serving(project.home, before=BEFORE, more=MORE) as server:
        for body, _ in zip(bodies(random.Random(1), "p"), range(60), strict=False):
            server.client.post("/predict", content=body)
    with Counted(project) as counted:
        counted.catch_up()
        assert counted.counts("1", 0, EVER) == recomputed(project, "1", 0, EVER)
        assert counted.service(0, EVER).replies["200"] > 40, "an orderly end tells everything"
        store = Store(project.home / "profiles")
        cursor = store.cursor()
        with store.writing() as view:
            cursor.seq -= 20  # as if counts and cursor were not written together
            last = project.reader.record(cursor.seq)
            assert last is not None
            cursor.received_at = last.received_at
            view.put_cursor(cursor)
        store.close()
        counted.catch_up()
        assert counted.counts("1", 0, EVER) != recomputed(project, "1", 0, EVER)


def test_any_portions_and_two_who_count_at_once_give_the_same(project: Project) -> None:
    with serving(project.home) as server:  # nobody counts while it serves
        for body, _ in zip(bodies(random.Random(2), "p"), range(80), strict=False):
            server.client.post("/predict", content=body)
    assert not (project.home / "profiles").exists()
    last = project.reader.last_seq()
    one, other = Projection(project.home), Projection(project.home)
    dice = random.Random(3)
    while one.seq < last or other.seq < last:
        dice.choice((one, other)).catch_up(min(last, max(one.seq, other.seq) + dice.randrange(1, 9)))
    with Counted(project) as counted:
        assert counted.cursor().seq == last
        for version in ("1", "2"):
            assert counted.counts(version, 0, EVER) == recomputed(project, version, 0, EVER)
    one.close()
    other.close()


def test_counts_of_another_ledger_are_begun_anew(project: Project, tmp_path: Path) -> None:
    with serving(project.home) as server:
        for body, _ in zip(bodies(random.Random(4), "p"), range(30), strict=False):
            server.client.post("/predict", content=body)
    with Counted(project) as counted:
        counted.catch_up()
        before = counted.counts("1", 0, EVER).decisions
        store = Store(project.home / "profiles")
        cursor = store.cursor()
        with store.writing() as view:  # as after a restore from an older backup, on which others were answered since
            cursor.received_at += 1
            view.put_cursor(cursor)
        store.close()
        Projection(project.home).close()
        assert counted.counts("1", 0, EVER).decisions == 0
        counted.catch_up()
        assert counted.counts("1", 0, EVER).decisions == before
        assert counted.counts("1", 0, EVER) == recomputed(project, "1", 0, EVER)


def test_counts_made_by_other_rules_are_made_again(project: Project) -> None:
    with serving(project.home) as server:
        for body, _ in zip(bodies(random.Random(5), "p"), range(30), strict=False):
            server.client.post("/predict", content=body)
    with Counted(project) as counted:
        counted.catch_up()
        told = counted.counts("1", 0, EVER)
        store = Store(project.home / "profiles")
        cursor = store.cursor()
        with store.writing() as view:  # as an earlier Holdfast left them
            cursor.format = 1
            newest = cursor.newest // MINUTE * MINUTE
            view.add([replace(told, start=newest, end=newest + MINUTE)], cursor)
            view.put_cursor(cursor)
        store.close()
        assert counted.counts("1", 0, EVER) != told
        counted.catch_up()
        assert counted.counts("1", 0, EVER) == told
        assert counted.catch_up() == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: 'zoo' is not a known value, unknown", ("unknown", "kind", "zoo")),
        ("kind: 'is missing' is not a known value, read as missing", ("unknown", "kind", "is missing")),
        ("card: the value is not a known value, unknown", ("unknown", "card", "(personal)")),
        ("amount: is null, imputed 0", ("null", "amount", "")),
        ("amount: is missing, imputed 0", ("missing", "amount", "")),
        ("amount: 999 read as missing", ("placeholder", "amount", "")),
        ("amount: 999 read as missing, imputed 1", ("placeholder", "amount", "")),
        ("amount: 70000 is above 50000, kept", ("odd", "amount", "")),
        ("something else happened", ("other", "", "")),
    ],
)
def test_warnings_are_read_as_they_are_written(text: str, told: tuple[str, str, str]) -> None:
    assert read_warning(text) == told
