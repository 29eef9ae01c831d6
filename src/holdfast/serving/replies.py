"""What a client reads: the one shape of an error, and a decision in the contract's own names.

A refusal shows the input back, so whoever sent it can see what arrived; values of personal fields, and of fields that
the contract does not know (a misspelt personal one among them), are masked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from holdfast.contract.model import Contract, Source
from holdfast.contract.values import Number
from holdfast.errors import Problem
from holdfast.explain.because import Because
from holdfast.ledger.records import Decision

MASK = "***"
LONGEST_SHOWN = 200
"""Characters of one value that a refusal shows back."""

encode = msgspec.json.Encoder().encode


def error_shape(message: str, problems: Sequence[Problem], shown: object = None) -> dict[str, Any]:
    """Every error: one message, the same faults as text and as parts, and the input."""
    detail = {
        "message": message,
        "errors": [str(problem) for problem in problems] or [message],
        "problems": [problem.as_dict() for problem in problems],
        "input": shown,
    }
    return {"detail": detail}


def error(message: str, problems: Sequence[Problem], shown: object = None) -> bytes:
    return encode(error_shape(message, problems, shown))


def counted(problems: Sequence[Problem]) -> str:
    return "1 problem with the request" if len(problems) == 1 else f"{len(problems)} problems with the request"


def all_names(source: Source) -> frozenset[str]:
    """Names that a body may have for this source's fields, former ones too."""
    return frozenset(name for field in source.fields for name in (field.name, *field.former))


def open_names(source: Source) -> frozenset[str]:
    """Names of a source's fields, former ones too, whose values may be shown back."""
    return frozenset(name for field in source.fields if not field.personal for name in (field.name, *field.former))


def shown_id(source: Source, event_id: str) -> str:
    """An event's id as a refusal may name it."""
    return MASK if source.field(source.id).personal else event_id


def masked(raw: Mapping[str, object], openly: Collection[str]) -> dict[str, object]:
    """The input as it may be shown and kept: values outside `openly` are replaced by a mask."""
    return {
        shorten(name): showable(value) if name in openly or value is None else MASK
        for name, value in list(raw.items())[:1_000]
    }


def shorten(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def showable(value: object) -> object:
    """A strict-read value as JSON can say it: decimal text stays a number, long things are cut."""
    if isinstance(value, Number):
        return msgspec.Raw(value.encode()) if len(value) <= LONGEST_SHOWN else shorten(value)
    if isinstance(value, str):
        return shorten(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= 63 else "a whole number too large to show"
    return "a list" if isinstance(value, list) else "an object"


class Names:
    """What a contract calls the parts of its answer."""

    __slots__ = ("negative", "positive", "probability", "word")

    def __init__(self, contract: Contract) -> None:
        self.positive = contract.positive or contract.label
        self.word = self.positive.removeprefix("is_")
        self.negative = f"not_{self.word}"
        self.probability = contract.probability or f"{self.word}_probability"


def decision(record: Decision, names: Names) -> dict[str, Any]:
    """A decision as its reply. The record alone decides it, so a retry gets the same answer."""
    shape: dict[str, Any] = {
        "prediction_id": record.prediction_id,
        "event_id": record.event_id,
        "probability": record.probability,
        "decision": record.decision,
        "label": names.word if record.decision else names.negative,
        "threshold": record.threshold,
        "model": {"name": record.model, "version": record.version},
        "variant": record.variant,
        "assigned": record.assigned or record.variant,
        "warnings": record.warnings,
        names.positive: record.decision,
        names.probability: record.probability,
    }
    if record.review:
        shape["review"] = True
    if record.because is not None:
        shape |= because(record.because)
    elif record.reasons:  # as they were told when it was decided
        shape["reasons"] = record.reasons
    return shape


def because(told: Because) -> dict[str, Any]:
    """Reasons as a client reads them, and whom they compare with."""
    reasons = [
        {
            "reason": item.text,
            "group": item.group,
            "feature": item.feature,
            "contribution": item.contribution,
            "reference": item.reference,
        }
        for item in told.reasons
    ]
    return {"reasons": reasons, "reasons_against": told.against or "no reference"}
