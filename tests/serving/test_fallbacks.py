"""Each fallback is counted when it happens, and not when it does not; each state that falls short shows as a gauge."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.serving.shop import payment, promote, second, serving, shop
from tests.serving.test_metrics import Page, page, wait
from tests.traffic.stage import experiment, stage, under_way, wait_for, write, writing

from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Refusal, Tally
from holdfast.serving.aside import Aside
from holdfast.serving.durable import Durable
from holdfast.serving.metrics import FALLBACKS, Counts

FAILING = """
from dataclasses import replace
from holdfast.serving import follow
real = follow.compile_version
def compile_version(bundle, version, variant="champion"):
    def row(cells, windows):
        raise RuntimeError("it does not work")
    made = real(bundle, version, variant)
    return replace(made, row=row) if version == "2" else made
follow.compile_version = compile_version
"""
AWAY = """
reached = [0]
def probe():
    reached[0] += 1
    if reached[0] > 1:
        raise OSError("no route")
    return {"reachable": True, "aliases": {}}
from holdfast.serving import chores
watch = chores.watch
from holdfast.serving import run
run.look_at = lambda live, probe: chores.Chore(0.1, watch(live, probe).run)
"""


def fallbacks(page: Page) -> dict[str, float]:
    return {kind: page("fallbacks_total", f"kind={kind}") for kind in FALLBACKS}


NONE = dict.fromkeys(FALLBACKS, 0.0)


def test_reasons_against_no_reference_are_counted(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        assert server.post("/predict", payment(1, amount=1)).json()["decision"] is False  # told without reasons
        assert fallbacks(page(server)) == NONE
        assert server.post("/predict", payment(2, amount=5_000)).json()["reasons_against"] == "no reference"
        assert fallbacks(page(server)) == NONE | {"no_reference": 1.0}


def test_a_champion_that_answers_for_its_challenger_is_counted(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home)
    with serving(home, before=FAILING) as server:
        server.post("/predict", payment("before", amount=1))
        write(home, experiment(arms, weights=(0, 10_000)))
        wait_for(lambda: under_way(server) == "trial")
        assert server.post("/predict", payment(1, amount=1)).json()["assigned"] == "fallback:trial:challenger"
        found = wait(server, lambda told: fallbacks(told)["champion_for_variant"] >= 1)
    assert fallbacks(found) == NONE | {"champion_for_variant": 1.0}


def test_shadows_left_out_and_refusals_not_kept_are_counted(tmp_path: Path) -> None:
    home, counts = tmp_path / ".holdfast", Counts()
    shop(home)
    with writing(home) as writer:
        committer = GroupCommitter(writer)
        aside = Aside(home, "shadowing", lambda: False, committer, counts)
        aside._write([Tally(process="p", experiment=1, counts=[], dropped=0)])
        assert counts.fallbacks == NONE
        aside._write([Tally(process="p", experiment=1, counts=[], dropped=7)])
        assert counts.fallbacks == NONE | {"shadow_dropped": 7}

        async def refuse(most: int) -> None:
            durable = Durable(committer, most=most, counts=counts)
            durable.note(Refusal(source="payments"))
            await durable.drained()

        asyncio.run(refuse(1))
        assert counts.fallbacks["refusal_not_recorded"] == 0
        asyncio.run(refuse(0))
        assert counts.fallbacks["refusal_not_recorded"] == 1
        committer.close()


def test_what_is_not_followed_and_a_registry_that_is_away_show_as_gauges(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home, before=AWAY, more="probe=probe") as server:
        told = page(server)
        assert told("promotion_followed") == 1
        promote(home, second(), "0" * 64, "2")
        # Before the registry was looked at for the first time nothing is said of it.
        away = ("holdfast_registry_reachable",)
        told = wait(server, lambda told: told("promotion_followed") == 0 and told.samples.get(away) == 0)
        assert 0 < told("registry_staleness_seconds") < 60
        (model,) = told.families["holdfast_model_info"].samples
        assert model.labels["version"] == "1"


def test_records_beyond_a_place_are_counted(tmp_path: Path) -> None:
    """What the lag of state is: over segments, from any place between two batches, to the end."""
    home = tmp_path / ".holdfast"
    shop(home)
    with writing(home) as writer:
        for number in range(5):
            writer.commit([Refusal(source="payments", status=number), Refusal(source="payments")])
        reader, end = LedgerReader(home / "ledger"), writer._log.position
        before = end.seq
        assert (reader.beyond(1, 0), reader.beyond(end.first_seq, end.offset)) == (11, 0)
        writer._log._suspect = True  # as after a failed sync: the next batch begins a segment
        writer.commit([Refusal(source="payments")] * 3)
        assert len(list((home / "ledger").glob("*.log"))) == 2
        assert (reader.beyond(1, 0), reader.beyond(end.first_seq, end.offset)) == (before + 3, 3)
