"""The words for an entity's past: counts, sums, means, extremes, firsts, lasts, distinct values and look-ups.

All of them look at events in [t − ending − over, t − ending), t being the decision's event time: nothing at t is in
it, and of what is in it only what was known at the decision counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.contract.aggregates import KEPT, ORDERED, TOLD_APART, View, Window, aggregate
from holdfast.contract.drafts import Stream, broken
from holdfast.contract.durations import Duration
from holdfast.contract.expressions import Expression
from holdfast.contract.faults import Fault, fault, suggest


@dataclass(frozen=True, slots=True)
class Entity:
    """The past of whatever the deciding event's key fields name; made by `Events.per`."""

    stream: Stream
    keys: tuple[str, ...]
    on: tuple[str, ...]
    faults: tuple[Fault, ...]

    def count(
        self,
        value: Expression | None = None,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        at_least: int = 0,
        otherwise: float | None = None,
        including_current: bool = False,
    ) -> Expression:
        """Number of events; of those where `value` is not null, if one is given; 0 when there are none.

        Of a label: the number of events whose label is visible or final.
        """
        window = Window(over, ending, where, including_current)
        return aggregate(self._view, "count", value, window, at_least, otherwise, takes=(*KEPT, "text"), optional=True)

    def sum(
        self,
        value: Expression,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        at_least: int = 0,
        otherwise: float | None = None,
        including_current: bool = False,
    ) -> Expression:
        """Exact sum of the values that are not null; 0 when there are none. Of a label: the visible positives."""
        return aggregate(self._view, "sum", value, Window(over, ending, where, including_current), at_least, otherwise)

    def mean(
        self,
        value: Expression,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        at_least: int = 0,
        otherwise: float | None = None,
        including_current: bool = False,
    ) -> Expression:
        """Mean of the values that are not null, one division of exact integers; null when there are none.

        Of a label: the positives among the events whose label is visible or final.
        """
        return aggregate(self._view, "mean", value, Window(over, ending, where, including_current), at_least, otherwise)

    def std(
        self,
        value: Expression,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        at_least: int = 0,
        otherwise: float | None = None,
        including_current: bool = False,
    ) -> Expression:
        """Sample standard deviation, from exact sums; null for fewer than two values."""
        return aggregate(self._view, "std", value, Window(over, ending, where, including_current), at_least, otherwise)

    def min(
        self,
        value: Expression,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        at_least: int = 0,
        otherwise: float | None = None,
        including_current: bool = False,
    ) -> Expression:
        """Smallest of the values that are not null; null when there are none."""
        window = Window(over, ending, where, including_current)
        return aggregate(self._view, "min", value, window, at_least, otherwise, takes=ORDERED)

    def max(
        self,
        value: Expression,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        at_least: int = 0,
        otherwise: float | None = None,
        including_current: bool = False,
    ) -> Expression:
        """Largest of the values that are not null; null when there are none."""
        window = Window(over, ending, where, including_current)
        return aggregate(self._view, "max", value, window, at_least, otherwise, takes=ORDERED)

    def distinct(
        self,
        value: Expression,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        at_least: int = 0,
        otherwise: float | None = None,
        including_current: bool = False,
        cap: int = 1_000,
    ) -> Expression:
        """Number of different values, exact up to `cap` and never above it; 0 when there are none."""
        window = Window(over, ending, where, including_current)
        return aggregate(self._view, "distinct", value, window, at_least, otherwise, takes=TOLD_APART, cap=cap)

    def first(
        self,
        value: Expression,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        otherwise: float | str | bool | None = None,
        skip_nulls: bool = False,
    ) -> Expression:
        """Value of the earliest event (ties: smallest id); null when there is none, or when that value is null.

        `skip_nulls`: of the earliest event whose value is not null.
        """
        window = Window(over, ending, where)
        return aggregate(self._view, "first", value, window, 0, otherwise, takes=KEPT, skip_nulls=skip_nulls)

    def last(
        self,
        value: Expression,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        otherwise: float | str | bool | None = None,
        skip_nulls: bool = False,
    ) -> Expression:
        """Value of the latest event (ties: largest id); null when there is none, or when that value is null.

        `skip_nulls`: of the latest event whose value is not null.
        """
        window = Window(over, ending, where)
        return aggregate(self._view, "last", value, window, 0, otherwise, takes=KEPT, skip_nulls=skip_nulls)

    def seconds_since_last(
        self,
        *,
        over: Duration | None = None,
        ending: Duration | None = None,
        where: Expression | None = None,
        otherwise: float | None = None,
    ) -> Expression:
        """Seconds from the latest event in the window to the decision; null when there is none."""
        return aggregate(
            self._view, "seconds_since_last", None, Window(over, ending, where), 0, otherwise, optional=True
        )

    def as_of(
        self,
        value: Expression,
        *,
        within: Duration | None = None,
        where: Expression | None = None,
        otherwise: float | str | bool | None = None,
    ) -> Expression:
        """The value as it stood just before the decision: of the latest event, no older than its time to live `within`.

        Null when there is none; a null value is a value. Ties: the largest id.
        """
        window = Window(within, None, where, over_word="within")
        return aggregate(self._view, "as_of", value, window, 0, otherwise, takes=KEPT)

    @property
    def _view(self) -> View:
        return View(self.stream, self.keys, self.on, self.faults)

    if not TYPE_CHECKING:  # a type checker sees the typo itself; here it becomes one fault among the others

        def __getattr__(self, name: str) -> object:
            if name.startswith("_"):
                raise AttributeError(name)
            words = [word for word, item in vars(Entity).items() if callable(item) and not word.startswith("_")]
            found = fault("unknown_name", f"there is no aggregate {name!r}", suggest(name, words))
            return lambda *_, **__: Expression(broken(*self.faults, found))
