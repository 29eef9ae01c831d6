"""Inputs that changed: units, vocabulary, nulls, placeholders, values that stand still."""

from __future__ import annotations

from holdfast.contract.model import Contract
from holdfast.drills.ask import monitor, replies, service, watch
from holdfast.drills.drill import Drill, Within
from holdfast.drills.fields import amounts, categories, first, needs_amount, needs_category, nullable, numbers, own
from holdfast.drills.recorded import Body
from holdfast.drills.stage import Stage

FAST = Within(500, 1_440)
ASK = (monitor, replies, watch)
RANGE = ("range",)
NULLS = ("nulls", "null", "missing", "DOC09")
VOCABULARY = ("vocabulary", "unknown_value", "DOC10")


def _times(stage: Stage, factor: float) -> None:
    field = first(amounts(stage.contract))

    def change(body: Body) -> Body:
        value = body.get(field.name)
        return body if value is None else body | {field.name: round(value * factor, field.scale)}

    stage.each(change)


def cents(stage: Stage) -> None:
    _times(stage, 100)


def doubled(stage: Stage) -> None:
    _times(stage, 2)


def _words(stage: Stage, share: float, many: int) -> None:
    name = first(categories(stage.contract)).name
    stage.each(lambda body: body | {name: f"category_{stage.chance.integers(many):03d}"}, share)


def grown(stage: Stage) -> None:
    """150 words that training never saw, in three of four requests: 50 known of 200."""
    _words(stage, 0.75, 150)


def one_new(stage: Stage) -> None:
    _words(stage, 0.05, 1)


def _emptied(stage: Stage, names: list[str], share: float) -> None:
    stage.each(lambda body: body | dict.fromkeys(names), share)


def more_nulls(stage: Stage) -> None:
    """Of the field that may be empty and seldom is."""
    fields = nullable(stage.contract) or numbers(stage.contract)
    bodies = [item.body for item in stage.traffic.requests]
    _emptied(stage, [min(fields, key=lambda item: sum(body.get(item.name) is None for body in bodies)).name], 0.3)


def nulls_at_scoring(stage: Stage) -> None:
    """Of a field that training never saw empty."""
    _emptied(stage, [_never_empty(stage.contract)], 0.1)


def _never_empty(contract: Contract) -> str:
    return next((item.name for item in numbers(contract) if not item.nullable), first(numbers(contract)).name)


def gone(stage: Stage) -> None:
    """The variable is not there any more."""
    fields = nullable(stage.contract)
    name = fields[0].name if fields else _never_empty(stage.contract)

    def change(body: Body) -> Body:
        return {key: value for key, value in body.items() if key != name}

    stage.each(change)


def placeholder(stage: Stage) -> None:
    """999 in place of a value, in one of five."""
    field = first([item for item in numbers(stage.contract) if item.type != "real" or item.at_most is None])
    stage.each(lambda body: body | {field.name: 999}, 0.2)


def ten_at_once(stage: Stage) -> None:
    """Twelve numbers are twice what they were."""
    fields = [item for item in numbers(stage.contract) if item.at_most is None][:12]

    def change(body: Body) -> Body:
        grown = {}
        for item in fields:
            value = body.get(item.name)
            if value is not None:
                grown[item.name] = int(value * 2 + 1) if item.type == "integer" else round(value * 2, item.scale or 6)
        return body | grown

    stage.each(change)


def needs_twelve(contract: Contract) -> str:
    found = len([item for item in numbers(contract) if item.at_most is None])
    return "" if found >= 12 else f"{found} numbers could grow: there are not more than ten features to drift"


def renamed(stage: Stage) -> None:
    name = first(own(stage.contract)).name
    stage.each(lambda body: {("txn_" + key if key == name else key): value for key, value in body.items()})


GUIDE, CHECKS, TABLE = "deployment guide: alerts", "pre-deployment checks", "table of integration issues"
FINTECH, HANDBOOK = "what breaks models in fintech", "platform handbook"
DRILLS = (
    Drill("H8", "cents-for-dollars", "amounts arrive in cents instead of dollars", f"{HANDBOOK}: incidents",
          ("D14", "M2"), "traffic", FAST, ("units",), ASK, cents, needs_amount),
    Drill("H3", "amounts-doubled", "every amount is twice what it was", f"{HANDBOOK}: drift scenarios",
          ("M2", "M3"), "traffic", Within(1_000, 4_320), ("scale", "units", "drift"), ASK, doubled,
          needs_amount),
    Drill("F3", "vocabulary-grows", "a category grows from 50 words to 200", f"{FINTECH}: failure 2",
          ("D8", "M4"), "traffic", FAST, VOCABULARY, ASK, grown, needs_category),
    Drill("H9", "new-category", "one new word in one of twenty requests", f"{HANDBOOK}: incidents",
          ("D8",), "traffic", Within(1_000, 4_320), VOCABULARY, ASK, one_new, needs_category),
    Drill("F6", "more-nulls", "a field is null three times in ten", f"{FINTECH}: detection", ("D7", "M1"), "traffic",
          FAST, NULLS, ASK, more_nulls),
    Drill("T7", "nulls-at-scoring", "a field that was never empty in training is, once in ten", TABLE, ("D13",),
          "traffic", FAST, NULLS, ASK, nulls_at_scoring),
    Drill("T8", "unseen-categories", "one word in ten was not there in training", TABLE, ("D13",), "traffic",
          FAST, VOCABULARY, ASK, lambda stage: _words(stage, 0.1, 20), needs_category),
    Drill("T9", "unusual-values", "999 stands for what is not known", TABLE, ("D14",), "traffic", FAST,
          ("placeholder", "DOC11", *RANGE), ASK, placeholder),
    Drill("T11", "variable-missing", "a variable is not sent any more", TABLE, ("M10", "D13"), "traffic", FAST,
          (*NULLS, "DOC08"), ASK, gone),
    Drill("G4", "many-drifted", "twelve features drift at once", GUIDE, ("M2", "M5"), "traffic", Within(1_000, 4_320),
          ("many_features",), ASK, ten_at_once, needs_twelve),
    Drill("H7", "field-renamed", "a field comes under another name", f"{HANDBOOK}: incidents", ("S8", "M9"), "traffic",
          FAST, ("unknown_field", "missing", "schema"), (*ASK, service), renamed),
)  # fmt: skip
