"""The protocol of one question asked of live traffic, again and again: one file each, listed in `catalog`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.monitoring.finding import Finding

if TYPE_CHECKING:
    from holdfast.monitoring.limits import Limits
    from holdfast.monitoring.seen import Seen

Look = Callable[["Seen", "Limits"], Iterable[Finding]]
"""Everything it finds, the good and the bad. It reads `seen` alone: no clock, no file, no knowledge of any drill."""


@dataclass(frozen=True, slots=True)
class Watch:
    """`pillar`: ``quality``, ``inputs``, ``scores``, ``outcomes``, ``service``."""

    code: str
    pillar: str
    title: str
    look: Look
