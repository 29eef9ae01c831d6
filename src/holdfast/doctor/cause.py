"""One cause: a question to both sides, with a stable code, and the finding when it is the case.

    def look(pair: Pair) -> Finding | None:
        if same(pair):
            return None
        return found(CAUSE, weight=0.9, says="…", evidence={…}, explains=("scores",))

    CAUSE = Cause("DOC01", "Library versions differ", "Install the same versions …", look)

Weights put findings in order: what would explain the others comes before them. A cause that lies far upstream (another
environment, another source) is heavy when what it explains was seen, and light when it is only a circumstance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.doctor.pair import Pair


@dataclass(frozen=True)
class Finding:
    """A cause that was found. `evidence` is JSON: rows, values, and the place to look at."""

    code: str
    cause: str
    says: str
    solution: str
    weight: float
    """Between 0 and 1; the heaviest is told first."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    explains: tuple[str, ...] = ()
    """Codes of findings that may be nothing but its consequences."""
    commands: tuple[str, ...] = ()
    """What to run next."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "cause": self.cause,
            "says": self.says,
            "solution": self.solution,
            "weight": round(self.weight, 3),
            "evidence": dict(self.evidence),
            "explains": list(self.explains),
            "commands": list(self.commands),
        }


@dataclass(frozen=True)
class Cause:
    """A cause that may be found. `code` is stable for ever."""

    code: str
    title: str
    solution: str
    look: Callable[[Pair], Finding | None]

    def found(
        self,
        weight: float,
        says: str,
        *,
        explains: tuple[str, ...] = (),
        commands: tuple[str, ...] = (),
        solution: str = "",
        **evidence: Any,
    ) -> Finding:
        told = solution or self.solution
        return Finding(self.code, self.title, says, told, weight, evidence, explains, commands)
