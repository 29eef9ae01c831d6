"""A real server's /metrics before Prometheus' own parser: whole, by convention, and right with one worker and two."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tests.serving.shop import Server, first, payment, serving, shop

from holdfast.serving.metrics import BATCH, FALLBACKS, FAMILIES, STAGES, Counts, exposition
from holdfast.serving.stages import Times, measure
from holdfast.serving.tally import Tally, begin, merge

UNITS = ("seconds", "info", "total", "requests", "records", "workers", "connections", "seq", "in_flight", "allowed")
STATES = ("holdfast_ledger_writable", "holdfast_promotion_followed", "holdfast_registry_reachable")
"""Gauges that are 1 or 0."""


class Page:
    """A page of metrics as Prometheus reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families: dict[str, Metric] = {item.name: item for item in text_string_to_metric_families(text)}
        self.samples = {
            (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name: str, *labels: str) -> float:
        return self.samples[(f"holdfast_{name}", *labels)]


def answered(page: Page) -> float:
    """Replies to what was sent, those to the asking left out."""
    replies = page.families["holdfast_replies"].samples
    return sum(sample.value for sample in replies if sample.labels["route"] != "/metrics")


def page(server: Server) -> Page:
    return Page(server.get("/metrics").text)


def wait(server: Server, done: Callable[[Page], bool], seconds: float = 15.0) -> Page:
    end = time.monotonic() + seconds
    while not done(found := page(server)):
        assert time.monotonic() < end, found.text
        time.sleep(0.1)
    return found


def send(server: Server, method: str, path: str, body: object = None) -> int:
    """On a connection of its own, so that any worker may be the one that answers."""
    with closing(HTTPConnection("127.0.0.1", int(server.address.rpartition(":")[2]), timeout=20)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body).encode())
        reply = connection.getresponse()
        reply.read()
        return reply.status


SENT = 60 + 11 + 7 + 1 + 1 + 1 + 4


def traffic(server: Server) -> None:
    """60 new decisions, 10 repeats, 7 refusals, a batch with a repeat and a refusal, an event, a route that is not."""
    rows = [payment(f"b{number}") for number in range(3)]
    asked: list[tuple[str, str, object]] = [
        *(("POST", "/predict", payment(number)) for number in range(60)),
        *(("POST", "/predict", payment(f"bad{number}", hour=99)) for number in range(7)),
        ("POST", "/predict/batch", {"rows": [*rows, payment("b-bad", hour=99)]}),
        ("POST", "/events", {"event": payment("e1", hour=99)}),
        ("POST", "/invocations", {"nonsense": 1}),
        *(("GET", f"/no-such-route/{number}", None) for number in range(4)),
    ]
    same = payment("same")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: send(server, *item), asked))
        for _ in range(11):
            assert send(server, "POST", "/predict", same) == 200


@pytest.mark.parametrize("workers", [1, 2])
def test_the_sums_are_what_was_sent(tmp_path: Path, workers: int) -> None:
    home = tmp_path / ".holdfast"
    bundle = shop(home)
    with serving(home, workers=workers) as server:
        traffic(server)
        told = wait(server, lambda told: answered(told) == SENT and told("ledger_waiting_requests") == 0)
        assert (
            told("decisions_total", "decision=false", "variant=champion", "version=1")
            + told.samples.get(("holdfast_decisions_total", "decision=true", "variant=champion", "version=1"), 0)
            == 64
        )
        assert told("repeated_requests_total") == 10
        assert told("refusals_total", "code=range") == 9
        assert told("replies_total", "route=/predict", "status=200") == 71
        assert told("replies_total", "route=/predict", "status=400") == 7
        assert told("replies_total", "route=/predict/batch", "status=200") == 1
        assert told("replies_total", "route=/events", "status=400") == 1
        assert told("replies_total", "route=/invocations", "status=400") == 1
        assert told("replies_total", "route=(guard)", "status=404") == 4
        assert told("turned_away_total", "reason=route") == 4
        assert told("request_duration_seconds_count", "route=/predict") == 78
        # Each job counts in its batch: those that decide, those that keep a refusal, and one piece of the bulk.
        asked = told("stage_duration_seconds_count", "stage=decide")
        assert asked == told("stage_duration_seconds_count", "stage=reply") == told("batch_requests_sum")
        assert asked == told("stage_duration_seconds_count", "stage=wait") >= 71 + 7 + 1
        assert told("stage_duration_seconds_sum", "stage=commit") > 0
        assert told("ledger_seq") == told("state_seq") == 1 + 64 + 8
        assert told("state_lag_records") == 0
        assert told("ledger_last_sync_seconds") > 0
        assert told("ledger_writable") == told("promotion_followed") == 1
        assert told("workers") == workers
        assert told("connections") >= 1
        assert told("requests_in_flight") >= 1  # the one that asks
        assert told("worker_starts_total") == workers
        assert 0 <= time.time() - told("model_promoted_timestamp_seconds") < 600
        (model,) = told.families["holdfast_model_info"].samples
        assert (model.labels["version"], model.labels["name"], model.value) == ("1", "fraud", 1)
        assert (model.labels["bundle"], model.labels["contract"]) == (bundle, first().hash)
        assert {key[1] for key in told.samples if key[0] == "holdfast_fallbacks_total"} == {
            f"kind={kind}" for kind in FALLBACKS
        }


def names(text: str) -> Iterator[str]:
    return (line.split()[2] for line in text.splitlines() if line.startswith("# TYPE"))


def faults(text: str) -> list[str]:
    """Where a page breaks Prometheus' conventions."""
    found: list[str] = []
    told = [line.split(" ", 3) for line in text.splitlines() if line.startswith("# ")]
    kinds = {name: rest for _, kind, name, rest in told if kind == "TYPE"}
    helps = {name: rest for _, kind, name, rest in told if kind == "HELP"}
    if len(list(names(text))) != len(kinds):
        found.append("a family comes twice")
    for name, kind in kinds.items():
        last = name.rpartition("_")[2]
        if not re.fullmatch("holdfast_[a-z][a-z_]*", name) or not helps.get(name, "").endswith("."):
            found.append(f"{name}: name or help")
        if (kind == "counter") != (last == "total"):
            found.append(f"{name}: a counter ends in _total, and nothing else does")
        if name not in STATES and not name.endswith(UNITS):
            found.append(f"{name}: no unit")
        if re.search("milli|micro|minutes|_ms$|_us$|bucket|_count$|_sum$", name):
            found.append(f"{name}: not a base unit, or a word of the format's own")
    return found


def test_every_family_is_named_by_convention_and_comes_once(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        server.post("/predict", payment(1))
        told = page(server)
    assert faults(told.text) == []
    assert list(names(told.text)) == [family.name for family in FAMILIES]
    for family in told.families.values():
        labels = {key for sample in family.samples for key in sample.labels}
        assert labels <= {
            "route", "status", "stage", "le", "version", "variant", "decision", "code", "reason", "kind", "fate",
            "name", "bundle", "contract", "python",
        }  # fmt: skip


def test_the_conventions_find_what_breaks_them() -> None:
    good = exposition(Counts(), {}, {})
    assert faults(good) == []
    for bad in (
        good + "# HELP holdfast_workers Again.\n# TYPE holdfast_workers gauge\n",
        good + "# HELP holdfast_took_ms Long.\n# TYPE holdfast_took_ms gauge\n",
        good.replace("holdfast_warnings_total", "holdfast_warnings"),
        good.replace("# HELP holdfast_workers Workers that gave a sign of life in the last seconds.", ""),
    ):
        assert faults(bad)


def test_counters_go_on_when_a_worker_is_started_again_and_its_gauges_do_not_stay(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, workers=2) as server:
        traffic(server)
        wait(server, lambda told: answered(told) == SENT)
        before = page(server)
        victim = psutil.Process(server.process.pid).children()[0]
        victim.kill()
        victim.wait()
        after = wait(server, lambda told: told("worker_starts_total") >= 3)
        for key, value in before.samples.items():
            if key[0].endswith(("_total", "_bucket", "_count")):
                assert after.samples[key] >= value, key
        wait(server, lambda told: told("workers") == 2)


def test_gauges_of_several_workers_become_one_as_each_should() -> None:
    told: dict[str, float] = {}
    for waiting, oldest, followed in ((3.0, 0.5, 1.0), (4.0, 0.1, 0.0)):
        merge(told, {
            "holdfast_ledger_waiting_requests": waiting,
            "holdfast_ledger_oldest_waiting_seconds": oldest,
            "holdfast_promotion_followed": followed,
        })  # fmt: skip
    assert list(told.values()) == [7.0, 0.5, 0.0]


def test_gauges_of_a_worker_that_is_silent_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("holdfast.serving.tally.monotonic", lambda: now[0])
    begin(tmp_path)
    tallies = [Tally(tmp_path, number, Counts(), lambda: {"holdfast_workers": 1.0}) for number in range(2)]
    for tally in tallies:
        tally.counts.repeats += 5
        tally.publish()
    assert tallies[0].total()[1] == {"holdfast_workers": 2.0}
    now[0] += 6
    counts, gauges = tallies[0].total()
    assert (counts.repeats, gauges) == (10, {"holdfast_workers": 1.0})
    for tally in tallies:
        tally.close()


def test_a_batch_counts_once_for_each_of_its_requests() -> None:
    counts = Counts()
    came = [0.0, 0.0004, 0.0009]
    measure(counts, came, Times(0.001, 0.002, 0.006, 3, 3), 0.0061)
    stages = counts.stages
    assert {stage: sum(stages[stage].buckets) for stage in STAGES} == dict.fromkeys(STAGES, 3)
    assert stages["wait"].total == pytest.approx(sum(0.001 - moment for moment in came))
    assert stages["decide"].total == pytest.approx(0.003)
    assert stages["commit"].total == pytest.approx(0.012)
    assert counts.batches.buckets == [int(bound == 4) for bound in (*BATCH, 0)]
    # Nothing was committed for three repeats.
    measure(counts, [1.0, 1.0, 1.0], Times(1.0, 1.1, 1.1, 3, 0), 1.2)
    assert sum(stages["commit"].buckets) == 3
    assert sum(stages["wait"].buckets) == 6
