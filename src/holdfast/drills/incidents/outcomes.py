"""What became of it: a model that gets worse slowly, at once, or only seems to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from holdfast.contract.model import DAY, Contract
from holdfast.drills.ask import monitor, watch
from holdfast.drills.drill import Drill, Within
from holdfast.drills.incidents.inputs import GUIDE, HANDBOOK, TABLE
from holdfast.drills.recorded import Request
from holdfast.drills.stage import Stage
from holdfast.ledger.records import Decision

ASK = (monitor, watch)
WEEKS = Within(0, 42 * 1_440)
DECAY = (
    "below_floor", "ranking_lost", "missed_positives", "concept_drift", "estimated_fall", "overconfident",
    "underconfident",
)  # fmt: skip


def recall_falls(stage: Stage) -> None:
    """Each week another seventh of the positives look like everybody else: they come in another's clothes."""
    names = stage.contract.deciding

    def change(requests: list[Request]) -> Iterable[Request]:
        honest = [item for item in requests if not item.truth]
        for item in requests:
            weeks = (item.time - stage.start) / (7 * DAY)
            if item.truth and honest and stage.chance.random() < weeks / 7:
                other = honest[int(stage.chance.integers(len(honest)))]
                own = {name: item.body[name] for name in (names.id, names.time)}
                yield replace(item, body=other.body | own)
            else:
                yield item

    stage.requests(change)


def labels_turned(stage: Stage) -> None:
    """What is reported has nothing to do with what was asked."""
    stage.requests(lambda requests: _shuffled(stage, requests, 1.0))


def unreliable(stage: Stage) -> None:
    """A third of the outcomes are guesses, and many positives are told twice, differently."""
    stage.requests(lambda requests: _shuffled(stage, requests, 0.35))


def _shuffled(stage: Stage, requests: list[Request], share: float) -> Iterable[Request]:
    told = [at for at, item in enumerate(requests) if item.known]
    hit = [at for at in told if stage.chance.random() < share]
    if len(told) < len(requests) // 2:
        # Only positives are told: they are told of others than they happened to.
        others = stage.chance.permutation(len(requests))[: len(hit)].tolist()
        for at, other in zip(hit, others, strict=True):
            there, here = requests[other], requests[at]
            requests[other] = replace(there, truth=True, known=max(here.known, there.time + DAY))
            requests[at] = replace(here, truth=None, known=0)
        return requests
    for at, other in zip(hit, stage.chance.permutation(hit).tolist(), strict=True):
        requests[at] = replace(requests[at], truth=requests[other].truth)
    return requests


def false_positives(stage: Stage) -> None:
    """Honest requests look like those that were stopped in the weeks before: seven in ten."""
    names = stage.contract.deciding
    decided = (item for item in stage.project.reader.records() if isinstance(item, Decision) and item.decision)
    stopped = [json.loads(item.body) for item in decided]

    def change(requests: list[Request]) -> Iterable[Request]:
        for item in requests:
            if stopped and not item.truth and stage.chance.random() < 0.7:
                other = stopped[int(stage.chance.integers(len(stopped)))]
                kept = {name: item.body[name] for name in (names.id, names.time)}
                yield replace(item, body=other | kept)
            else:
                yield item

    stage.requests(change)


def _in_time(contract: Contract) -> str:
    days = contract.target.known_after // DAY
    return "" if days <= 14 else f"outcomes are known after {days} days, and {42} of traffic are replayed"


DRILLS = (
    Drill("H5", "recall-falls", "recall falls by a seventh each week", f"{HANDBOOK}: incidents", ("M1", "M9"),
          "traffic", WEEKS, DECAY, ASK, recall_falls, _in_time, days=42, base="fresh"),
    Drill("G1", "auc-under-075", "what becomes of it has nothing to do with the score", GUIDE, ("M4", "M5"),
          "traffic", WEEKS, DECAY, ASK, labels_turned, _in_time, days=42, base="fresh"),
    Drill("T13", "unreliable-target", "a third of the outcomes are told of the wrong ones", TABLE, ("M10",),
          "traffic", WEEKS, (*DECAY, "target", "labels"), ASK, unreliable, _in_time, days=42, base="fresh"),
    Drill("H6", "false-positive-spike", "seven in ten honest requests look like fraud", f"{HANDBOOK}: incidents",
          ("M9",), "traffic", Within(500, 1_440),
          ("decisions", "score", "positive_spike", "false_positives"), ASK, false_positives),
)  # fmt: skip
