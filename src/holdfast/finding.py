"""What a check found: a verdict with its reason and its mend."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "crashed", "not_applicable"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of one check. `code` is stable; only `passed` is a pass: a check that crashed or did not apply is not.

    `rows` is how many rows it looked at, or how many broke the rule when it failed.
    """

    code: str
    status: Status
    why: str
    mend: str = ""
    rows: int | None = None

    @property
    def ok(self) -> bool:
        return self.status == "passed"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
