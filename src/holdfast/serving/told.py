"""What became of one request, for whoever watches it from outside: its trace, its line in the log.

Nobody makes one unless somebody watches; then it is in a context variable, as who asks is (`caller`). It holds words of
ours only: versions, variants, codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar

from holdfast.errors import Problem
from holdfast.ledger.records import Decision
from holdfast.serving.stages import TRACE, Trace

MOST_CODES = 20


class Told:
    """Filled while the request is answered. A batch has several decisions."""

    __slots__ = ("codes", "decisions", "fault", "positives", "repeats", "stages", "variant", "version")

    def __init__(self) -> None:
        self.version = ""
        self.variant = ""
        self.decisions = 0
        self.positives = 0
        self.repeats = 0
        self.codes: list[str] = []
        self.fault = ""
        """Type of the exception that was a fault of ours."""
        self.stages: Trace = []


TOLD: ContextVar[Told | None] = ContextVar("told", default=None)


def begin() -> Told:
    """From now on, in this context."""
    told = Told()
    TOLD.set(told)
    TRACE.set(told.stages)
    return told


def decided(decision: Decision, *, old: bool) -> None:
    told = TOLD.get()
    if told is not None:
        told.version, told.variant = decision.version, decision.variant
        told.decisions += 1
        told.positives += decision.decision
        told.repeats += old


def refused(problems: Sequence[Problem]) -> None:
    told = TOLD.get()
    if told is not None:
        for problem in problems:
            if problem.code not in told.codes and len(told.codes) < MOST_CODES:
                told.codes.append(problem.code)


def failed(error: BaseException) -> None:
    told = TOLD.get()
    if told is not None:
        told.fault = type(error).__name__
