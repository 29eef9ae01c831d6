"""Running drills: each in a copy of its own, beside a clean twin that got the same traffic and was asked the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from holdfast.drills.drill import Ask, Base, Caught, Drill, Inject
from holdfast.drills.sandbox import Sandbox
from holdfast.errors import HoldfastError

Stretch = tuple[int, Base, Inject | None]
"""What a clean twin is of: days, what it begins with, and what it does as well."""


@dataclass(frozen=True)
class Ran:
    """What came of one drill in one project."""

    drill: Drill
    project: str
    because: str = ""
    """Why it cannot happen here; then nothing was run."""
    caught: tuple[Caught, ...] = ()
    """All that was said and that the clean twin did not say; the right causes first."""
    clean: tuple[Caught, ...] = ()
    """What was said of the clean twin: false alarms."""
    sent: int = 0
    seconds: float = 0.0
    error: str = ""
    """The drill itself failed."""

    @property
    def naming(self) -> Caught | None:
        """The first that named the cause."""
        right = [item for item in self.caught if item.cause in self.drill.causes]
        return min(right, key=lambda item: (item.predictions, item.minutes), default=None)

    @property
    def in_time(self) -> bool:
        found, within = self.naming, self.drill.within
        return found is not None and (found.predictions <= within.predictions or found.minutes <= within.minutes)

    @property
    def status(self) -> str:
        """``caught``, ``late``, ``unnamed`` (something else was said), ``missed``, ``not applicable`` or ``failed``."""
        if self.because:
            return "not applicable"
        if self.error:
            return "failed"
        if self.naming is not None:
            return "caught" if self.in_time else "late"
        return "unnamed" if self.caught else "missed"

    @property
    def ok(self) -> bool:
        return self.status in ("caught", "not applicable") and not self.clean

    def as_dict(self) -> dict[str, Any]:
        shown = self.naming
        return {
            "drill": self.drill.id, "name": self.drill.name, "incident": self.drill.incident, "project": self.project,
            "kind": self.drill.kind, "status": self.status, "because": self.because, "error": self.error,
            "caught_by": shown.by if shown else None, "cause": shown.cause if shown else None,
            "why": shown.why if shown else None, "predictions": shown.predictions if shown else None,
            "minutes": round(shown.minutes, 1) if shown else None,
            "within": {"predictions": self.drill.within.predictions, "minutes": self.drill.within.minutes},
            "also": [f"{item.by} {item.cause}" for item in self.caught if item is not shown],
            "clean": [f"{item.by} {item.cause}: {item.why}" for item in self.clean],
            "sent": self.sent, "seconds": round(self.seconds, 1),
        }  # fmt: skip


@dataclass
class Drills:
    """A run of drills in one sandbox; twins with the same traffic are run once, and asked once by each."""

    sandbox: Sandbox
    project: str
    say: Callable[[str], None] = lambda _: None
    _twins: dict[tuple[str, Stretch], tuple[Caught, ...]] = field(default_factory=dict)

    def run(self, drills: Iterable[Drill], tell: Callable[[Ran], None] = lambda _: None) -> list[Ran]:
        """`tell` hears of each as soon as it is done."""
        listed = list(drills)
        fit = [item for item in listed if not self._cannot(item)]
        self._every_twin(fit)  # those that failed are asked again, and told, drill by drill
        ran = []
        for item in listed:
            ran.append(self.one(item))
            tell(ran[-1])
        return ran

    def one(self, drill: Drill) -> Ran:
        because = self._cannot(drill)
        if because:
            return Ran(drill, self.project, because)
        began = time.perf_counter()
        try:
            clean = self._twin(drill)
            self.say(f"{drill.id} {drill.name}")
            with self.sandbox.stage(drill.days, drill.base) as stage:
                drill.inject(stage)
                stage.run(drill.ask)
                heard, sent = tuple(stage.heard), len(stage.replies)
        except Exception as error:  # noqa: BLE001 — one drill that fails stops no other; it counts as no catch
            told = str(error) if isinstance(error, HoldfastError) else f"{type(error).__name__}: {error}"
            return Ran(drill, self.project, error=told, seconds=time.perf_counter() - began)
        said = {(item.by, item.cause) for item in clean}
        new = [item for item in heard if (item.by, item.cause) not in said]
        new.sort(key=lambda item: item.cause not in drill.causes)
        return Ran(drill, self.project, "", tuple(new), clean, sent, time.perf_counter() - began)

    def _cannot(self, drill: Drill) -> str:
        """Why it cannot happen here; empty where it can."""
        bundle = self.sandbox.bundle
        return drill.applies(bundle.contract) or drill.fits(bundle)

    def _every_twin(self, drills: list[Drill]) -> None:
        """The clean twin of each stretch of traffic, asked by everybody whom a drill on it asks."""
        asks: dict[Stretch, dict[str, Ask]] = {}
        for drill in drills:
            asks.setdefault(_stretch(drill), {}).update({ask.name: ask for ask in drill.ask})
        for stretch, who in asks.items():
            try:
                self._ask_twin(stretch, list(who.values()))
            except HoldfastError as error:
                self.say(f"a clean twin could not be made: {error}")

    def _twin(self, drill: Drill) -> tuple[Caught, ...]:
        stretch = _stretch(drill)
        missing = [ask for ask in drill.ask if (ask.name, stretch) not in self._twins]
        if missing:
            self._ask_twin(stretch, missing)
        return tuple(item for ask in drill.ask for item in self._twins[ask.name, stretch])

    def _ask_twin(self, stretch: Stretch, asks: list[Ask]) -> None:
        days, base, also = stretch
        self.say(f"a clean twin, {base}, with {days} days of traffic")
        with self.sandbox.stage(days, base) as stage:
            if also is not None:
                also(stage)
            stage.run(asks)
            for ask in asks:
                self._twins[ask.name, stretch] = tuple(item for item in stage.heard if item.by == ask.name)


def _stretch(drill: Drill) -> Stretch:
    return drill.days, drill.base, drill.twin
