"""The protocol of one drill: an incident, how it is put in, and who has to name it within which time.

def inject(stage: Stage) -> None:
    stage.each(lambda body: body | {"amount": body["amount"] * 100})

CENTS = Drill("H8", "cents-for-dollars", "…", source="…", promises=("D14",), within=Within(500, 1_440),
              causes=("units",), ask=(monitor, replies), inject=inject, applies=needs_money)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle
    from holdfast.contract.model import Contract
    from holdfast.drills.stage import Stage

Kind = Literal["traffic", "serving", "version", "rows", "ground"]
"""Where the incident happens: in what is sent, in what answers, in what was trained, in what two places hold of the
same rows, in what lies below.
"""
Base = Literal["warmed", "fresh", "trained"]
"""What a drill begins with: a copy after weeks of recorded traffic, before any, or with a version for the gate."""


@dataclass(frozen=True, slots=True)
class Within:
    """At most so many predictions, or so many minutes of event time, after it began: whichever is later."""

    predictions: int = 0
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Caught:
    """What somebody said that a person would have heard: `by` whom, and the stable word or code of the `cause`."""

    by: str
    cause: str
    why: str
    predictions: int = 0
    """Sent since the incident began."""
    minutes: float = 0.0
    """Of event time since then."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody a person would have: asked of a stage as it is. One that is `live` is asked again and again meanwhile;
    the others once, when all was sent, and say themselves since when they would have known.
    """

    name: str
    look: Callable[[Stage], Iterable[Caught]]
    live: bool = False


Inject = Callable[["Stage"], None]
Applies = Callable[["Contract"], str]


def everywhere(_: Contract) -> str:
    """It can happen to any project."""
    return ""


def anything(_: Bundle) -> str:
    """It can happen to any model."""
    return ""


@dataclass(frozen=True, slots=True)
class Drill:
    """One incident. `causes`: any of these words or codes names it rightly; all else that was said does not count."""

    id: str
    name: str
    incident: str
    source: str
    promises: tuple[str, ...]
    kind: Kind
    within: Within
    causes: tuple[str, ...]
    ask: tuple[Ask, ...]
    inject: Inject
    applies: Applies = everywhere
    """Empty, or why it cannot happen to a project with this contract."""
    fits: Callable[[Bundle], str] = anything
    """The same of what answers in it."""
    days: int = 10
    """Of traffic while it lasts; 0 where nothing is sent."""
    base: Base = "warmed"
    twin: Inject | None = None
    """What the clean twin does as well; where there is none, all drills on the same traffic share one twin."""
