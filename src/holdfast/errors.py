"""One error for everything a user can mend, and one shape for each thing that is wrong with an input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one input.

    `field` is the path to it (empty when the whole input is meant), `code` is stable and machine-readable
    (``missing``, ``type``, ``range`` …), `what` says what is wrong, `mend` says what to do about it.
    """

    field: str
    code: str
    what: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"field": self.field, "code": self.code, "what": self.what, "mend": self.mend}

    def __str__(self) -> str:
        text = f"{self.field}: {self.what}" if self.field else self.what
        return f"{text} ({self.mend})" if self.mend else text


class HoldfastError(Exception):
    """Something a user can mend: what is wrong, where, and how to mend it.

    All faults of one input travel together in `problems`. A bug is not a `HoldfastError`; it keeps its traceback.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "", problems: Iterable[Problem] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend
        self.problems = tuple(problems)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        lines += [f"  - {problem}" for problem in self.problems]
        if self.mend:
            lines.append(f"  mend: {self.mend}")
        return "\n".join(lines)
