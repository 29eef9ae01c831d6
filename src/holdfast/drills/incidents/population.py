"""Who asks, how often and when: another population, another volume, another hour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import DAY, Contract
from holdfast.drills.ask import monitor, replies, watch
from holdfast.drills.drill import Drill, Within
from holdfast.drills.fields import amounts, hour, needs_amount, needs_hour
from holdfast.drills.incidents.inputs import FINTECH, GUIDE, HANDBOOK, TABLE
from holdfast.drills.recorded import Request, moved
from holdfast.drills.stage import Stage

ASK = (monitor, replies, watch)
SLOW = Within(2_000, 4_320)
HOUR = DAY // 24


def fraud_spike(stage: Stage) -> None:
    """Ten times as many of those that turn out positive: whoever is hit is hit ten times within two days."""

    def change(requests: list[Request]) -> Iterable[Request]:
        last = requests[-1].time
        for item in requests:
            yield item
            for _ in range(9 if item.truth else 0):
                time = int(stage.chance.integers(max(item.time - DAY, stage.start), min(item.time + DAY, last) + 1))
                yield replace(
                    moved(item, stage.contract.deciding, time), known=item.known and item.known - item.time + time
                )

    stage.requests(change)


def _seldom(bundle: Bundle) -> str:
    share = float(bundle.profile.get("decision_share", 0.0))
    return "" if share < 0.1 else f"{share:.0%} are decided positively as it is: there is no ten times as many"


def night_shift(stage: Stage) -> None:
    """Everything happens at some time in the first six hours of the day."""
    source, at = stage.contract.deciding, hour(stage.contract)

    def change(requests: list[Request]) -> Iterable[Request]:
        for item in requests:
            night = item.time // DAY * DAY + int(stage.chance.integers(6 * HOUR))
            if night < stage.start:
                night = item.time
            shifted = moved(item, source, night)
            yield replace(shifted, body=shifted.body | {at: night % DAY // HOUR}) if at else shifted

    stage.requests(change)


def new_customers(stage: Stage) -> None:
    """People of whom nothing is known, half of all requests: whatever looks into the past is empty for them."""
    names = _entities(stage.contract)
    made = iter(range(1_000_000))

    stage.each(lambda body: body | {name: f"new_{next(made):06d}" for name in names}, 0.5)


def _entities(contract: Contract) -> list[str]:
    """Fields by which features look into the past, that are names (a category is no person)."""
    texts = {item.name for item in contract.deciding.fields if item.type == "text"}
    found = {key for item in contract.aggregates for key in item.on if key in texts}
    return sorted(found - {contract.deciding.id})


def _needs_entities(contract: Contract) -> str:
    return "" if _entities(contract) else "no feature looks into anybody's past, so nobody is new"


def filtered(stage: Stage) -> None:
    """A filter before scoring: only the larger half of the amounts still arrives."""
    name = amounts(stage.contract)[0].name
    values = sorted(item.body[name] for item in stage.traffic.requests if item.body.get(name) is not None)
    least = values[len(values) // 2] if values else 0
    stage.requests(lambda requests: [item for item in requests if (item.body.get(name) or 0) >= least])


def fewer(stage: Stage) -> None:
    """Four in ten requests do not arrive."""
    stage.requests(lambda requests: [item for item in requests if stage.chance.random() < 0.6])


def more(stage: Stage) -> None:
    def change(requests: list[Request]) -> Iterable[Request]:
        for item in requests:
            yield item
            if stage.chance.random() < 0.5:
                yield moved(item, stage.contract.deciding, min(item.time + 1_000_000, requests[-1].time))

    stage.requests(change)


DRILLS = (
    Drill("H2", "fraud-spike", "ten times as many positives: who is hit is hit ten times",
          f"{HANDBOOK}: drift scenarios", ("M3",), "traffic",
          SLOW, ("positive_spike", "decisions", "score"), ASK, fraud_spike, fits=_seldom),
    Drill("H4", "night-shift", "all requests come at night", f"{HANDBOOK}: drift scenarios", ("M3",), "traffic",
          SLOW, ("night_shift", "hours", "time_zone"), ASK, night_shift, needs_hour),
    Drill("F2", "new-users", "half of those who ask have no past, and nothing stands in for it",
          f"{FINTECH}: failure 1", ("D3", "M6"), "traffic", SLOW, ("population", "nulls"), ASK,
          new_customers, _needs_entities),
    Drill("T12", "population-filter", "a filter lets only the larger half through", TABLE, ("M10",), "traffic", SLOW,
          ("population", "drift", "range", "DOC13"), ASK, filtered, needs_amount),
    Drill("G2", "volume-falls", "40 % fewer requests", GUIDE, ("M4",), "traffic", Within(2_000, 2_880),
          ("less_volume",), ASK, fewer),
    Drill("G2b", "volume-grows", "half as many requests again", GUIDE, ("M4",), "traffic", Within(3_000, 2_880),
          ("more_volume",), ASK, more),
)  # fmt: skip
