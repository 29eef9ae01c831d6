"""What every question of a playbook may look at, and the shape of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from holdfast.errors import HoldfastError
from holdfast.project.incidents.stretch import Around, around
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle


@dataclass(frozen=True)
class Gathered:
    """The answer to one question: `lines` for people, `figures` as JSON; `lacking` why there is none."""

    name: str
    title: str
    lines: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    lacking: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "lines": list(self.lines), "figures": dict(self.figures)}


@dataclass
class Scene:
    """What every question may look at; read once."""

    project: Project
    since: int
    """µs UTC of event time: when it began."""
    address: str = ""
    key: str = ""
    mitigated: tuple[int, int] | None = None
    promoted: int = 0
    """Seq of the promotion that it began with, if it did."""

    @cached_property
    def seen(self) -> Around:
        return around(self.project, self.since, self.mitigated, self.promoted)

    @cached_property
    def bundle(self) -> Bundle | None:
        """The one that is live by the history; None where none is, or it cannot be opened."""
        from holdfast.project.bundles import history, opened

        live = history(self.project).live()
        try:
            return None if live is None else opened(self.project, live.bundle)
        except HoldfastError:
            return None

    @cached_property
    def now(self) -> int:
        """The end of the traffic, in event time."""
        times = [item.time for part in (self.seen.during, self.seen.after) for item in part.decisions]
        return max(times, default=self.since)

    @cached_property
    def alerts(self) -> list[dict[str, Any]]:
        """What somebody was or would be told now."""
        from holdfast.project.incidents.alarms import alarms

        return alarms(self.project, self.address, self.key)


Gather = Callable[[Scene], Gathered]
