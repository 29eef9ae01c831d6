"""Small pictures as inline SVG: no script, no style attribute, no library; colours come from the page's style sheet.

All are drawn 360 wide, which is a phone's width, so that letters keep their size there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.checks.report.words import html, number, visible

WIDTH = 360.0
LEFT = 148.0
"""Room for names, at most."""
ROW = 22.0
MOST_ROWS = 16
LONGEST_NAME = 20


@dataclass(frozen=True)
class Bar:
    """One row of a plot of intervals: a value, its interval, and others' values by what they are."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    beside: Mapping[str, float] = field(default_factory=dict)


def intervals(
    title: str, rows: Sequence[Bar], *, low: float | None = None, high: float | None = None, dot: str = "this version",
    limit: float | None = None,
) -> str:  # fmt: skip
    """A dot with its whisker for each row; `beside` are hollow marks, `limit` is a dashed line."""
    shown = rows[:MOST_ROWS]
    left = _left([row.name for row in shown])
    edges = [edge for row in shown for edge in (row.value, row.low, row.high, *row.beside.values()) if edge is not None]
    edges += [] if limit is None else [limit]
    scale = _Scale(min(edges) if low is None else low, max(edges) if high is None else high, left, WIDTH - 14)
    kinds = list(dict.fromkeys(kind for row in shown for kind in row.beside))
    parts = []
    for at, row in enumerate(shown):
        y = 14 + at * ROW
        parts.append(_name(row.name, left, y))
        if row.low is not None and row.high is not None:
            parts.append(f'<line class="whisker" x1="{scale(row.low)}" x2="{scale(row.high)}" y1="{y}" y2="{y}"/>')
        parts += [_diamond(scale(value), y, kinds.index(kind)) for kind, value in row.beside.items()]
        parts.append(f'<circle class="dot" cx="{scale(row.value)}" cy="{y}" r="4"/>')
    bottom = 14 + len(shown) * ROW
    if limit is not None:
        x = scale(limit)
        parts.append(f'<line class="limit" x1="{x}" x2="{x}" y1="0" y2="{bottom - 6}"/>')
        title += f"; the dashed line is the limit, {number(limit)}"
    legend = [("dot", dot), *((f"mark{at}", kind) for at, kind in enumerate(kinds))] if kinds else []
    more = len(rows) - len(shown)
    return _figure(
        title,
        bottom + 18 + 16 * len(legend),
        [scale.axis(bottom - 6), *parts, *_legend(legend, left, bottom + 26)],
        more,
    )


def bars(
    title: str, rows: Sequence[tuple[str, float]], *, unit: str = "", limit: float | None = None, key: str = ""
) -> str:
    """A bar from zero for each row, with its figure as `number` tells it under `key`; `limit` is a dashed line."""
    shown = rows[:MOST_ROWS]
    values = [value for _, value in shown] + ([limit] if limit is not None else [])
    left = _left([name for name, _ in shown])
    scale = _Scale(min(0.0, *values), max(0.0, *values), left, WIDTH - 58, room=0.0)
    parts = []
    for at, (name, value) in enumerate(shown):
        y, (a, b) = 14 + at * ROW, sorted((scale.at(0.0), scale.at(value)))
        parts.append(_name(name, left, y))
        parts.append(f'<rect class="bar" x="{a:.1f}" y="{y - 6}" width="{max(b - a, 1):.1f}" height="12"/>')
        parts.append(f'<text class="figure" x="{b + 4:.1f}" y="{y + 4}">{html(number(value, key) + unit)}</text>')
    bottom = 14 + len(shown) * ROW
    if limit is not None:
        x = scale(limit)
        parts.append(f'<line class="limit" x1="{x}" x2="{x}" y1="0" y2="{bottom - 6}"/>')
        parts.append(
            f'<text class="tick" text-anchor="middle" x="{x}" y="{bottom + 6}">limit {number(limit)}{html(unit)}</text>'
        )
    return _figure(title, bottom + (12 if limit is not None else 0), parts, len(rows) - len(shown))


def curve(
    title: str,
    points: Sequence[tuple[float, float]],
    *,
    across: str,
    up: str,
    diagonal: bool = False,
    weights: Sequence[float] = (),
    unit_square: bool = False,
) -> str:
    """Points joined by a line; `weights` make dots whose areas follow them, `diagonal` is where both are equal."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    ends = (0.0, 1.0) if unit_square else None
    top = max([*xs, *ys, 1e-9]) * 1.05 if diagonal and not unit_square else None
    wide = _Scale(*(ends or (0.0 if top else min(xs), top or max(xs))), 46, WIDTH - 14, room=0.0)
    tall = _Scale(*(ends or (0.0 if top else min(ys), top or max(ys))), 236, 12, room=0.0)
    parts = [wide.axis(236, rising=12), tall.side(46, WIDTH - 14)]
    if diagonal:
        end = 1.0 if unit_square else top or 1.0
        parts.append(f'<line class="limit" x1="{wide(0)}" y1="{tall(0)}" x2="{wide(end)}" y2="{tall(end)}"/>')
    path = " ".join(f"{wide(x)},{tall(y)}" for x, y in points)
    parts.append(f'<polyline class="line" points="{path}"/>')
    most = max(weights, default=0.0)
    if most > 0:
        sizes = [2.5 + 5.5 * math.sqrt(max(weight, 0.0) / most) for weight in weights]
        parts += [
            f'<circle class="dot" cx="{wide(x)}" cy="{tall(y)}" r="{size:.1f}"/>'
            for (x, y), size in zip(points, sizes, strict=True)
        ]
    elif len(points) <= 30:
        parts += [f'<circle class="dot" cx="{wide(x)}" cy="{tall(y)}" r="3"/>' for x, y in points]
    parts.append(f'<text class="tick" text-anchor="middle" x="{(46 + WIDTH - 14) / 2}" y="268">{html(across)}</text>')
    parts.append(f'<text class="tick" text-anchor="middle" transform="translate(11 124) rotate(-90)">{html(up)}</text>')
    return _figure(title, 274, parts, 0)


def square(title: str, cells: Sequence[Sequence[int]], rows: Sequence[str], across: Sequence[str]) -> str:
    """A table of counts, each cell as dark as its share of its row."""
    parts = [
        f'<text class="tick" text-anchor="middle" x="{LEFT + 51 + 104 * at}" y="14">{html(name)}</text>'
        for at, name in enumerate(across)
    ]
    for i, line in enumerate(cells):
        y, whole = 24 + 48 * i, max(1, sum(line))
        parts.append(f'<text class="name" text-anchor="end" x="{LEFT - 10}" y="{y + 26}">{html(rows[i])}</text>')
        for j, count in enumerate(line):
            shade, x = count / whole, LEFT + 104 * j
            parts.append(
                f'<rect class="cell" x="{x}" y="{y}" width="100" height="44" fill-opacity="{0.08 + 0.3 * shade:.2f}"/>'
            )
            parts.append(f'<text class="count" text-anchor="middle" x="{x + 50}" y="{y + 20}">{count:,}</text>')
            parts.append(f'<text class="name" text-anchor="middle" x="{x + 50}" y="{y + 36}">{shade:.1%}</text>')
    return _figure(title, 24 + 48 * len(cells) + 4, parts, 0)


class _Scale:
    """From values to places, with a little room at both ends."""

    def __init__(self, low: float, high: float, start: float, end: float, room: float = 0.04) -> None:
        span = high - low
        if not span > 0:
            span = abs(high) * 0.1 or 1.0
            low, high = low - span / 2, high + span / 2
        self.low, self.high = low - span * room, high + span * room
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.02, max(-0.02, share)) * (self.end - self.start)

    def __call__(self, value: float) -> str:
        return f"{self.at(value):.1f}"

    def ticks(self) -> list[float]:
        """About four round values."""
        raw = (self.high - self.low) / 4
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(at * step, 12) for at in range(first, first + 8) if at * step <= self.high + step * 1e-9]

    def axis(self, y: float, rising: float = 0.0) -> str:
        lines = []
        for tick in self.ticks():
            x = self(tick)
            lines.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{rising}" y2="{y}"/>')
            lines.append(f'<text class="tick" text-anchor="middle" x="{x}" y="{y + 14}">{number(tick)}</text>')
        return "".join(lines)

    def side(self, x: float, to: float) -> str:
        lines = []
        for tick in self.ticks():
            y = self(tick)
            lines.append(f'<line class="grid" x1="{x}" x2="{to}" y1="{y}" y2="{y}"/>')
            lines.append(
                f'<text class="tick" text-anchor="end" x="{x - 5}" y="{self.at(tick) + 4:.1f}">{number(tick)}</text>'
            )
        return "".join(lines)


def _figure(title: str, height: float, parts: Sequence[str], more: int) -> str:
    tail = f", and {more:,} more in the table" if more > 0 else ""
    return (
        f'<figure><svg viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{html(title)}">{"".join(parts)}'
        f"</svg><figcaption>{html(title)}{tail}</figcaption></figure>"
    )


def _left(names: Sequence[str]) -> float:
    """Room for these names; a letter is about 6.5 wide."""
    return min(LEFT, 18 + 6.6 * min(LONGEST_NAME, max(map(len, names), default=0)))


def _name(name: str, left: float, y: float) -> str:
    told = visible(name)
    short = told if len(told) <= LONGEST_NAME else told[: LONGEST_NAME - 1] + "…"
    return f'<text class="name" text-anchor="end" x="{left - 10:.0f}" y="{y + 4}">{html(short)}</text>'


def _diamond(x: str, y: float, kind: int) -> str:
    return f'<path class="mark{min(kind, 2)}" transform="translate({x} {y})" d="M0-5 5 0 0 5-5 0z"/>'


def _legend(items: Sequence[tuple[str, str]], left: float, y: float) -> list[str]:
    parts = []
    for at, (kind, name) in enumerate(items):
        place = y + 16 * at
        parts.append(
            f'<circle class="dot" cx="{left:.0f}" cy="{place}" r="4"/>'
            if kind == "dot"
            else _diamond(f"{left:.0f}", place, int(kind[-1]))
        )
        parts.append(f'<text class="tick" x="{left + 10:.0f}" y="{place + 4}">{html(name)}</text>')
    return parts
