"""What an experiment is: it is told how long it may take, and answers with a figure, a verdict, and its control."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Plan:
    """How to run an experiment: briefly (a test) or in full, in a folder of its own, from a seed that is printed."""

    folder: Path
    short: bool = False
    seed: int = 20_261_122

    @property
    def dice(self) -> random.Random:
        return random.Random(self.seed)

    def much(self, full: int, short: int) -> int:
        return short if self.short else full

    def place(self, name: str) -> Path:
        """A new folder for one part of the experiment."""
        made = self.folder / name
        made.mkdir(parents=True)
        return made


@dataclass
class Result:
    """What was seen. `held` is the claim; `control` what must break without the mechanism, and whether it did."""

    figures: dict[str, Any]
    held: bool
    control: str
    control_failed: bool
    wrong: list[str] = field(default_factory=list)
    """The first things that were not as they should be."""
    skipped: str = ""
    """Why it could not be run here; then nothing is claimed."""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.skipped and self.held and self.control_failed

    def __str__(self) -> str:
        if self.skipped:
            return f"skipped: {self.skipped}"
        told = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        bad = "".join(f"\n    {item}" for item in self.wrong[:5])
        return f"{told}; control: {self.control}{'' if self.control_failed else ' — BUT IT DID NOT FAIL'}{bad}"

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}


def skipped(why: str) -> Result:
    return Result({}, held=False, control="", control_failed=False, skipped=why)


Run = Callable[[Plan], Result]


def share(values: list[float], part: float) -> float:
    """The value below which this part of them lies; NaN of none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else float("nan")
