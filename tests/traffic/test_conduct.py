"""What a server does by itself: a bad canary halted and rolled back, by one process, also after a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from tests.serving.shop import Server, first, payment, promote, serving
from tests.traffic.stage import decisions, experiment, records, stage, under_way, wait_for, write

from holdfast.ledger.records import Experiment, Shadow, Tally
from holdfast.traffic.plan import Plan

PLAN = Plan(steps=(100, 1_000, 5_000, 10_000), dwell=0.0, at_least=50, patience=600.0)


def send(server: Server, numbers: range) -> list[dict[str, Any]]:
    """Many payments, as one request of many rows."""
    reply = server.post("/predict/batch", {"rows": [payment(number) for number in numbers]})
    assert reply.status_code == 200
    return list(reply.json()["results"])


def until_ended(server: Server, home: Path, began: int = 0) -> tuple[list[Experiment], int]:
    """Send until the experiment has ended; its records, and how many payments were sent."""
    sent = began
    while sent < began + 20_000:
        send(server, range(sent, sent + 100))
        sent += 100
        if not under_way(server):
            return records(home, Experiment), sent
    raise AssertionError("the experiment has not ended")


def test_a_canary_that_says_yes_to_everything_is_halted_and_rolled_back_by_itself(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home, weight=0.5)
    with serving(home) as server:
        write(home, experiment(arms, "canary", (9_900, 100), plan=PLAN.as_dict()))
        wait_for(lambda: under_way(server) == "trial")
        ended, sent = until_ended(server, home)
        after = send(server, range(sent, sent + 200))
    kept = decisions(home)
    met = [item for item in kept if item.variant == "challenger"]
    print(f"\nhalted after {len(kept) - 200} requests, {len(met)} of them met it ({len(met) / (len(kept) - 200):.2%})")
    assert [item.action for item in ended] == ["start", "halt"]
    assert ended[-1].who == "holdfast"
    assert "it says yes to 100.0%" in ended[-1].why
    assert 0 < len(met) < 0.05 * (len(kept) - 200)
    assert {row["variant"] for row in after} == {"champion"}
    assert {item.assigned for item in met} == {"canary:trial:1%"}


def test_a_canary_that_refuses_what_the_champion_takes_is_halted(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    sources = tuple(
        replace(
            source,
            fields=tuple(replace(item, at_most="10") if item.name == "amount" else item for item in source.fields),
        )
        for source in first().sources
    )
    arms = stage(home, contract=replace(first(), sources=sources))
    with serving(home) as server:
        write(home, experiment(arms, "canary", (9_500, 500), plan=PLAN.as_dict()))
        wait_for(lambda: under_way(server) == "trial")
        ended, sent = until_ended(server, home)
    assert ended[-1].action == "halt"
    assert "failed or refused" in ended[-1].why
    refused = sum(count[3] for item in records(home, Tally) for count in item.counts if count[0] == "challenger")
    assert sent - len(decisions(home)) == refused > 0


def test_one_process_conducts_and_another_server_takes_over_where_it_stood(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home, weight=0.5)
    write(home, experiment(arms, "canary", (9_900, 100), plan=PLAN.as_dict()))
    with serving(home) as other, serving(home) as server:
        (process,) = wait_for(lambda: conducting(home))
        assert other.process.pid == process.ppid()
        send(server, range(300))
        assert len(conducting(home)) == 1
        other.kill()
        (again,) = wait_for(lambda: [item for item in conducting(home) if item.pid != process.pid])
        assert server.process.pid == again.ppid()
        wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
        ended, _ = until_ended(server, home, 300)
    assert [item.action for item in ended] == ["start", "halt"]
    # What was decided before the kill counts: the evidence is the whole ledger's.
    counted = ended[-1].evidence["champion"]["answered"] + ended[-1].evidence["challenger"]["answered"]
    assert counted >= 300


def conducting(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "conducting" in words and str(home) in words:
            found.append(process)
    return found


def test_a_promotion_ends_a_shadow_which_nobody_conducted_until_then(tmp_path: Path) -> None:
    """Nothing follows from a shadow, and who looks whether something does works beside the answers."""
    home = tmp_path / ".holdfast"
    arms = stage(home)
    with serving(home) as server:
        write(home, experiment(arms, "shadow", (0, 0)))
        server.post("/predict", payment(0))
        wait_for(lambda: records(home, Shadow))
        assert conducting(home) == []
        promote(home, first(), arms[1].bundle, "2")
        ended = wait_for(lambda: [item for item in records(home, Experiment) if item.action == "stop"])
        assert "another version was made champion" in ended[0].why
        wait_for(lambda: not conducting(home))


def test_a_promotion_meanwhile_ends_the_experiment(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home)
    with serving(home) as server:
        write(home, experiment(arms))
        wait_for(lambda: under_way(server) == "trial")
        promote(home, first(), arms[1].bundle, "2")
        server.wait_for_version("2")
        ended = wait_for(lambda: [item for item in records(home, Experiment) if item.action == "stop"])
        assert "another version was made champion" in ended[0].why
        reply = server.post("/predict", payment(1)).json()
        assert (reply["variant"], reply["model"]["version"]) == ("champion", "2")
