"""The door a decision about a model passes: whoever stands there may say no, and says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from holdfast.errors import Problem


@dataclass(frozen=True)
class Wish:
    """What someone wants done."""

    action: str
    """``promote``, ``rollback``, ``alias`` or ``archive``; of an arm ``experiment`` (it answers) or ``shadow``."""
    alias: str
    version: str
    bundle: str
    contract: str
    who: str
    why: str


class Door(Protocol):
    """Approvals, checks, freezes: each is a door."""

    def vetoes(self, wish: Wish) -> Sequence[Problem]:
        """Every reason against it; none means it may pass."""
        ...

    def passed(self, wish: Wish) -> str:
        """What it may pass on, in words for the history."""
        ...


class OpenDoor:
    """Lets everything through."""

    def vetoes(self, wish: Wish) -> Sequence[Problem]:
        return ()

    def passed(self, wish: Wish) -> str:
        return ""
