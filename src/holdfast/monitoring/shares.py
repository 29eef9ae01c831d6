"""Whether a share rose, beyond chance, the natural variation and a rise that may be; for watches of single shares."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.monitoring.distance import binomial_tail, chi_point
from holdfast.monitoring.stretches import Stretch


@dataclass(frozen=True)
class Rise:
    count: int
    n: int
    usual: float

    @property
    def share(self) -> float:
        return self.count / max(1, self.n)

    def as_dict(self) -> dict[str, float | int]:
        return {"count": self.count, "of": self.n, "share": round(self.share, 5), "usual": round(self.usual, 5)}


def risen(
    stretch: Stretch, count: int, n: int, usual: float, rise: float, *, tests: int, natural: float = 0.0
) -> Rise | None:
    """The rise, where it is one. `natural`: the index that natural variation makes; a share moves by its root."""
    if n < 1 or count <= n * (usual + rise):
        return None
    tail = stretch.tail(tests)
    swing = (usual * (1 - usual) * natural * chi_point(1, tail)) ** 0.5 if usual > 0 else 0.0
    return Rise(count, n, usual) if binomial_tail(count, n, min(1.0, usual + rise + swing)) < tail else None


def fallen(
    stretch: Stretch, count: int, n: int, usual: float, fall: float, *, tests: int, natural: float = 0.0
) -> Rise | None:
    """The same downwards."""
    other = risen(stretch, n - count, n, 1 - usual, fall, tests=tests, natural=natural)
    return None if other is None else Rise(count, n, usual)
