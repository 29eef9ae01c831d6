"""Requests that nobody may answer, and requests made to turn a decision."""

from __future__ import annotations

from typing import Any

from holdfast.contract.model import Contract, Field
from holdfast.drills.ask import monitor, replies, service, watch
from holdfast.drills.drill import Drill, Within
from holdfast.drills.fields import amounts, needs_amount, own
from holdfast.drills.incidents.inputs import CHECKS, FAST, HANDBOOK, RANGE, VOCABULARY
from holdfast.drills.recorded import Body
from holdfast.drills.stage import Stage

ASK = (monitor, service, replies, watch)


def _garbage(field: Field) -> Any:
    if field.type == "category":
        return "no such thing"
    if field.type in ("integer", "decimal", "real") and (field.at_most or field.at_least or field.above):
        return -5 if field.at_least or field.above else float(field.at_most or 0) + 10
    return None


def everything_wrong(stage: Stage) -> None:
    """Negative amount, hour 25, day 10, a category nobody knows: all at once, in one of ten requests."""
    wrong = {item.name: value for item in own(stage.contract) if (value := _garbage(item)) is not None}
    wrong |= {name: value for name, value in {"hour": 25, "day_of_week": 10}.items() if name in wrong}
    stage.each(lambda body: body | wrong, 0.1)


def corrupt(stage: Stage) -> None:
    """Text where numbers belong, cut words, in one of twenty."""
    names = [item.name for item in own(stage.contract) if item.type in ("decimal", "integer", "real")]
    stage.each(lambda body: body | {stage.chance.choice(names): "\ufffd\ufffd12,5"}, 0.05)


def just_below(stage: Stage) -> None:
    """Somebody has found that amounts a little smaller pass, and asks many times."""
    name = amounts(stage.contract)[0].name

    def change(body: Body) -> Body:
        return body | {name: round(0.9 + 0.01 * float(stage.chance.integers(10)), 2)}

    stage.each(change, 0.3)


def _bounded(contract: Contract) -> str:
    wrong = [item for item in own(contract) if _garbage(item) is not None]
    return "" if wrong else "no field has bounds or a vocabulary"


DRILLS = (
    Drill("H1", "garbage-request", "negative amount, hour 25, day 10, unknown category, all at once",
          f"{HANDBOOK}: validation", ("D12",), "traffic", FAST, (*RANGE, *VOCABULARY, "refused", "refusals"), ASK,
          everything_wrong, _bounded),
    Drill("C1", "corrupt-data", "one request in twenty holds text where a number belongs", f"{CHECKS}: data quality",
          ("K1", "D12"), "traffic", FAST, ("type", "types", "refused", "refusals"), ASK, corrupt),
    Drill("C3", "adversarial-input", "a third of the requests probe with tiny amounts", f"{CHECKS}: security",
          ("K5",), "traffic", Within(1_000, 1_440), ("drift", "frozen", "scale", "range", "positive_spike"), ASK,
          just_below, needs_amount),
)  # fmt: skip
