"""How training varied by itself: hour by hour, weekend apart, and from one day to the next.

What live traffic is held against: a feature that differs by night is no drift at night, and one that wandered from day
to day in training may do so again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.bins import HOURS_OF_WEEK, OCTAVES, SEASONS, SPREAD, SUSPECTS, Layout, hour_of_week, season
from holdfast.contract.model import DAY, SECOND
from holdfast.training.rows import Floats, Ints

WIDEST = 64
"""Bins of a column that is kept by season; one of more is expected to be the same at every hour."""
FEWEST_DAYS = 5
"""Of days, weeks or hours, for them to say how they vary."""
FEWEST_ROWS = 30
"""Of a day, a week or an hour that says something about variation."""
MOST_DAYS = 90
MOST_WEEKS = 52
WEEK = 7 * DAY
HOURLY_DAYS = 30
POINTS = (0.5, 0.9, 0.99, 1.0)
HOUR = 3_600 * SECOND


def natural(names: Sequence[str], layout: Layout, X: Floats, times: Ints) -> dict[str, Any]:
    """What the profile keeps of it, by name: `names` are the columns of the layout and of `X`.

    `seasons`: bins by season. `sizes`: octaves, spread and suspects where a column holds numbers. `daily`,
    `weekly` and `hourly`: how far these lay from the others of their season, as the mean and quantiles of a squared
    distance relative to the expectation (the stability index, where it is small) less what chance makes of it. What
    looks weeks back varies from week to week no less than from day to day.
    Columns for which too few days are known have none.
    """
    if not len(times):
        return {"seasons": {"bins": {}}, "sizes": {}, "daily": {}, "weekly": {}, "hourly": {}}
    places, by = layout.places, season(times)
    cells = layout.count(X, by, by, SEASONS)
    whole = cells.sum(axis=0)
    daily, weekly, hourly = _variation(layout, X, times, cells)
    return {
        "seasons": {
            "bins": {
                name: places.bins(cells, at).tolist()
                for at, name in enumerate(names)
                if layout.columns[at].bins <= WIDEST
            },
        },
        "sizes": {
            name: {
                "octaves": places.table(whole, "octaves", OCTAVES)[at].tolist(),
                "spread": places.table(whole, "spread", SPREAD)[at].tolist(),
                "suspects": places.table(whole, "suspects", len(SUSPECTS))[at].tolist(),
            }
            for at, name in enumerate(names)
            if layout.columns[at].octaves
        },
        "daily": _told(names, daily),
        "weekly": _told(names, weekly),
        "hourly": _told(names, hourly),
    }


def volume(times: Ints) -> dict[str, Any]:
    """Rows by hour of the week, how many such hours lie between the first and the last row, and rows by day."""
    if not len(times):
        return {"rows": [0] * HOURS_OF_WEEK, "hours": [0] * HOURS_OF_WEEK, "days": []}
    first, last = int(times.min()) // HOUR, int(times.max()) // HOUR
    hours = np.arange(first, last + 1, dtype=np.int64) * HOUR
    day = times // DAY
    return {
        "rows": np.bincount(hour_of_week(times), minlength=HOURS_OF_WEEK).tolist(),
        "hours": np.bincount(hour_of_week(hours), minlength=HOURS_OF_WEEK).tolist(),
        "days": np.bincount(day - day.min()).tolist(),
    }


def _told(names: Sequence[str], found: list[Floats]) -> dict[str, Any]:
    if len(found) < FEWEST_DAYS:
        return {}
    each = np.stack(found)
    return {
        name: {
            "stretches": len(found),
            "mean": round(float(each[:, at].mean()), 6),
            **{f"p{100 * point:g}": round(float(np.quantile(each[:, at], point)), 6) for point in POINTS},
        }
        for at, name in enumerate(names)
    }


def _variation(
    layout: Layout, X: Floats, times: Ints, cells: NDArray[np.int64]
) -> tuple[list[Floats], list[Floats], list[Floats]]:
    """For days, for weeks, and for hours of some days, how far each column lay from its expectation."""
    starts, end = layout.places.starts, int(layout.places.starts[-1])
    everyone, rows = cells[:, :end], np.bincount(season(times), minlength=SEASONS)
    bins_only = Layout(tuple(replace(column, octaves=False) for column in layout.columns))
    daily: list[Floats] = []
    weekly: list[Floats] = []
    hourly: list[Floats] = []
    for into, day, known in (
        (daily, times // DAY, _days(times)),
        (weekly, (times - times.min()) // WEEK, _weeks(times)),
    ):
        for number, at in enumerate(known):
            inside = day == at
            by = season(times[inside])
            own = bins_only.count(X[inside], by, by, SEASONS)[:, :end]
            own_rows = np.bincount(by, minlength=SEASONS)
            used = np.flatnonzero((own_rows > 0) & (rows > own_rows))  # an hour that no other has says nothing
            if not len(used):
                continue
            others = rows[used] - own_rows[used]
            shares = (everyone[used] - own[used]) / others[:, None]
            n = own_rows[used]
            support = float(n.sum() ** 2 / (n**2 / others).sum())
            into.append(_excess(own[used].sum(axis=0), n @ shares / n.sum(), int(n.sum()), support, starts))
            if into is daily and number % max(1, len(known) // HOURLY_DAYS) == 0:
                for place in np.flatnonzero(n >= FEWEST_ROWS):
                    found = own[used[place]]
                    hourly.append(_excess(found, shares[place], int(n[place]), float(others[place]), starts))
    return daily, weekly, hourly


def _days(times: Ints) -> Ints:
    """Days with enough rows, evenly chosen where there are very many."""
    known, many = np.unique(times // DAY, return_counts=True)
    known = known[many >= FEWEST_ROWS]
    return known if len(known) <= MOST_DAYS else known[np.linspace(0, len(known) - 1, MOST_DAYS).astype(np.intp)]


def _weeks(times: Ints) -> Ints:
    """Whole weeks from the first row on, with enough rows."""
    at = (times - times.min()) // WEEK
    known, many = np.unique(at, return_counts=True)
    whole = (int(times.max()) - int(times.min())) // WEEK
    return known[(many >= FEWEST_ROWS) & (known < whole)][-MOST_WEEKS:]


def _excess(found: NDArray[np.int64], share: Floats, rows: int, support: float, starts: NDArray[np.int64]) -> Floats:
    """Σ (found − expected)² / expected of shares, by column, less its mean under chance alone.

    Cells where less than one row is expected are taken together. `support` is how many rows the shares are made of.
    """
    columns = starts[:-1]
    large = share * rows >= 1
    seen = found / rows
    parts = np.where(large, (seen - share) ** 2 / np.where(large, share, 1.0), 0.0)
    rest = np.maximum(np.add.reduceat(np.where(large, 0.0, share), columns), 1 / support)
    strays = np.add.reduceat(np.where(large, 0.0, seen), columns)
    small = strays + rest > 1 / support
    freedom = np.add.reduceat(large.astype(np.int64), columns) + small - 1
    distance = np.add.reduceat(parts, columns) + np.where(small, (strays - rest) ** 2 / rest, 0.0)
    excess: Floats = distance - freedom * (1 / rows + 1 / support)
    return excess
