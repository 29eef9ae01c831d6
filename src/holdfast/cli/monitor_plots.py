"""Days of live traffic as small pictures: one bar for each day, with its dates, its scale and what is usual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import median

from holdfast.checks.report.words import html
from holdfast.contract.model import DAY
from holdfast.project.monitor_history import Day

WIDTH, LEFT, RIGHT, TOP, FLOOR = 360.0, 40.0, 352.0, 14.0, 84.0
FEWEST_FOR_USUAL = 3
"""Days with a figure before the last one."""
Words = Callable[[float], str]


def count(value: float) -> str:
    return f"{value:,.0f}"


def share(value: float) -> str:
    return f"{value:.1%}"


def index(value: float) -> str:
    return f"{value:.2f}"


def date(micros: int) -> str:
    """µs UTC as a day."""
    return datetime.fromtimestamp(micros / 1e6, UTC).strftime("%Y-%m-%d")


def usual(values: Sequence[float | None]) -> float | None:
    """The middle of the days before the last; None where there are too few."""
    known = [value for value in values[:-1] if value is not None]
    return median(known) if len(known) >= FEWEST_FOR_USUAL else None


def rise(values: Sequence[float | None]) -> float:
    """How far the last day that has a figure lies above the usual."""
    known = [value for value in values if value is not None]
    return known[-1] - (usual(values) or 0.0) if known else 0.0


def bars(days: Sequence[Day], values: Sequence[float | None], title: str, words: Words, top: float = 0.0) -> str:
    """Oldest first; a day without a figure has no bar. `top` is the scale's end, where plots share one."""
    known = [value for value in values if value is not None]
    top = top or max(known, default=0.0) or 1.0
    width = (RIGHT - LEFT) / max(1, len(values))
    drawn = [
        _bar(LEFT + at * width, width, min(1.0, value / top)) for at, value in enumerate(values) if value is not None
    ]
    normal, last = usual(values), values[-1] if values else None
    said = f"{words(last)} on the last day" if last is not None else "too few on the last day"
    if normal is not None:
        y = FLOOR - (FLOOR - TOP) * min(1.0, normal / top)
        drawn.append(f'<line class=mark2 stroke-dasharray="4 3" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        said += f", usually {words(normal)}"
    return (
        f'<figure><svg viewBox="0 0 {WIDTH:.0f} 102" role=img aria-label="{html(f"{title}: {said}")}">'
        f'{"".join(drawn)}<line class=grid x1="{LEFT}" x2="{RIGHT}" y1="{FLOOR}" y2="{FLOOR}"/>'
        f"{_tick(LEFT - 4, TOP + 4, 'end', words(top))}{_tick(LEFT - 4, FLOOR + 3, 'end', '0')}"
        f"{_dates(days)}</svg><figcaption><bdi>{html(title)}</bdi>: {html(said)}</figcaption></figure>"
    )


def _bar(x: float, width: float, height: float) -> str:
    tall = (FLOOR - TOP) * height
    return f'<rect class=bar x="{x:.1f}" y="{FLOOR - tall:.1f}" width="{width * 0.8:.1f}" height="{tall:.1f}"/>'


def _dates(days: Sequence[Day]) -> str:
    """The dates on which the first and the last of them ended."""
    if not days:
        return ""
    first = _tick(LEFT, 98, "start", date(days[0].start + DAY)) if len(days) > 1 else ""
    return first + _tick(RIGHT, 98, "end", date(days[-1].start + DAY))


def _tick(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text class=tick x="{x}" y="{y}" text-anchor={anchor}>{html(text)}</text>'
