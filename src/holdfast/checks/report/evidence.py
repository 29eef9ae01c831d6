"""Evidence as tables and pictures, by its shape alone: a check that is written tomorrow is shown, too.

A number with `low` and `high` is an interval; names with numbers are a table; rows with the same names are one table;
`said` and `seen` are a calibration curve; `p50` to `p99` are percentiles; false and true positive rates are a ROC.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from holdfast.checks.report.plots import MOST_ROWS as MOST_DRAWN
from holdfast.checks.report.plots import Bar, bars, curve, intervals
from holdfast.checks.report.words import html, named, number

_FIGURE = re.compile(r"-?\d[\d.,e%+-]*( <small>|$)|–$")
_LONG = re.compile(r"\S{25,}")
MOST_ROWS = 100
MOST_COLUMNS = 12
MOST_IN_A_CELL = 6
FEWEST_BARS, MOST_BARS = 3, 60
DEEPEST = 5
PERCENTILES = ("p50", "p90", "p95", "p99", "p999", "max")
NAMES = ("group", "name", "feature", "segment", "period", "what", "value")
"""What the name of a row may be called, the likeliest first."""


def tables(evidence: Mapping[str, Any]) -> str:
    """All of it, as HTML tables; long ones are cut, with a word about how much is missing."""
    return _mapping(evidence, 0, "")


def pictures(evidence: Mapping[str, Any]) -> list[str]:
    """What can be seen better than read."""
    found = []
    for key, value in evidence.items():
        title = named(key)
        if is_percentiles(value):
            found.append(bars(title, [(name, float(value[name])) for name in PERCENTILES if name in value]))
        elif isinstance(value, Mapping):
            found += _of_mapping(title, key, value)
        elif _are_rows(value):
            found += _of_rows(title, value)
        elif is_points(value):
            found.append(curve(title, [(float(x), float(y)) for x, y in value], across="", up=""))
    return found


def _of_mapping(title: str, key: str, value: Mapping[str, Any]) -> list[str]:
    if _is_metric(value):
        return []
    rows = rows_of(value)
    if len(rows) > MOST_DRAWN:
        rows.sort(key=lambda row: -row.value)
    if len(rows) >= 2:
        return [intervals(title, rows)]
    if {"fpr", "tpr"} <= value.keys():
        points = list(zip(value["fpr"], value["tpr"], strict=False))
        return [
            curve(title, points, across="false positive rate", up="true positive rate", diagonal=True, unit_square=True)
        ]
    if {"recall", "precision"} <= value.keys() and all(
        isinstance(value[name], list) for name in ("recall", "precision")
    ):
        points = list(zip(value["recall"], value["precision"], strict=False))
        return [curve(title, points, across="recall", up="precision", unit_square=True)]
    lists = [(name, item) for name, item in value.items() if _are_rows(item)]
    if lists:
        return [drawn for name, item in lists for drawn in _of_rows(f"{title}, {named(name)}", item)]
    numbers = [(name, float(item)) for name, item in value.items() if is_number(item)]
    alike = len(numbers) == len(value) and FEWEST_BARS <= len(value) <= MOST_BARS
    # Only what has one unit can stand on one axis: shares, or what the key says to be one kind of thing.
    if alike and all(-1 <= item <= 1 for _, item in numbers) and any(item for _, item in numbers):
        shown = [item for item in numbers if item[1]]
        left = f", {len(numbers) - len(shown)} more are 0" if len(shown) < len(numbers) else ""
        return [bars(title + left, sorted(shown, key=lambda item: -abs(item[1])), key=key)]
    return []


def _of_rows(title: str, value: Sequence[Mapping[str, Any]]) -> list[str]:
    if all(is_number(item.get("said")) and is_number(item.get("seen")) for item in value):
        return [calibration(title, value)]
    name = next((name for name in NAMES if all(isinstance(item.get(name), str) for item in value)), None)
    if name is None:
        return []
    rows = rows_of({str(item[name]): item for item in value})
    if len(rows) >= 2 and len(rows) == len(value):
        return [intervals(title, rows)]
    drawn = []
    for column in value[0]:
        metrics = {str(item[name]): item[column] for item in value if _is_metric(item.get(column))}
        if len(metrics) >= 2:
            drawn.append(intervals(f"{title}: {named(column)}", rows_of(metrics)))
    if drawn:
        return drawn
    first = next((key for key in value[0] if all(is_number(item.get(key)) for item in value)), None)
    if first is not None and 2 <= len(value) <= MOST_BARS:
        return [bars(f"{title}: {named(first)}", [(str(item[name]), float(item[first])) for item in value])]
    return []


def calibration(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """What was said across, what was seen up; the size of a dot is how many rows it stands for."""
    points = [(float(item["said"]), float(item["seen"])) for item in rows]
    weights = [float(item.get("rows", 1) or 0) for item in rows]
    return curve(title, points, across="probability said", up="share seen", diagonal=True, weights=weights)


def rows_of(value: Mapping[str, Any]) -> list[Bar]:
    """The rows of a plot of intervals: those that have a value and both ends."""
    found = []
    for name, item in value.items():
        if isinstance(item, Mapping):
            middle = next((item[key] for key in ("value", "rate", "ratio", "mean") if is_number(item.get(key))), None)
            if middle is not None and is_number(item.get("low")) and is_number(item.get("high")):
                found.append(Bar(named(name), float(middle), float(item["low"]), float(item["high"])))
    return found


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_percentiles(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and {"p50", "p99"} <= value.keys()
        and all(is_number(value[name]) for name in PERCENTILES if name in value)
    )


def is_points(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 2
        and all(isinstance(item, list) and len(item) == 2 and all(map(is_number, item)) for item in value)
    )


def _are_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _is_metric(value: object) -> bool:
    return isinstance(value, Mapping) and {"value", "low", "high"} == value.keys()


def _mapping(value: Mapping[str, Any], depth: int, of: str) -> str:
    """Plain figures in one table of two columns; what has parts gets a heading and a table of its own."""
    simple, parts = [], []
    for key, item in islice(value.items(), MOST_ROWS):
        if _is_metric(item) or _is_simple(item):
            simple.append((named(key), _cell(item, f"{of} {key}")))
        else:
            parts.append(f"<h4>{html(named(key))}</h4>{_compound(key, item, depth + 1)}")
    head = _table((), simple) if simple else ""
    return head + "".join(parts) + _more(len(value) - MOST_ROWS)


def _compound(key: str, value: Any, depth: int) -> str:
    if not value:
        return "<p>none</p>"
    if depth > DEEPEST:
        return f"<pre>{html(json.dumps(value, ensure_ascii=False, indent=1)[:4000])}</pre>"
    if isinstance(value, Mapping):
        inner = list(value.values())
        if all(isinstance(item, Mapping) and not _is_metric(item) for item in inner):
            columns = _columns(inner)
            if columns:
                return _grid(columns, [(name, item) for name, item in value.items()])
        if all(_is_metric(item) for item in inner):
            lines = [
                (named(name), *(_cell(item[part], name) for part in ("value", "low", "high")))
                for name, item in value.items()
            ]
            return _table(("", "value", "low", "high"), lines)
        return _mapping(value, depth, key)
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        columns = _columns(value)
        if columns:
            return _grid(columns, [("", item) for item in value])
    if isinstance(value, list):
        whole = "".join(
            f"<li>{_cell(item, key) if _is_simple(item) else _compound(key, item, depth + 1)}</li>"
            for item in value[:MOST_ROWS]
        )
        return f"<ol>{whole}</ol>{_more(len(value) - MOST_ROWS)}"
    return f"<p>{_cell(value, key)}</p>"


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names that the rows have; none where they are too many, or hold tables themselves."""
    names = sorted(dict.fromkeys(name for row in rows for name in row), key=lambda name: name not in NAMES)
    flat = all(_is_simple(item) or _is_metric(item) or _is_small(item) for row in rows for item in row.values())
    return names if flat and len(names) <= MOST_COLUMNS else []


def _grid(columns: Sequence[str], rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    lead = [""] if any(name for name, _ in rows) else []
    lines = [
        (*([named(name)] if lead else []), *(_cell(row.get(column), column) for column in columns))
        for name, row in rows
    ]
    return _table((*lead, *map(named, columns)), lines, raw_first=not lead)


def _is_simple(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= 12 and all(item is None or isinstance(item, (str, int, float, bool)) for item in value)
    return value is None or isinstance(value, (str, int, float, bool))


def _is_small(value: object) -> bool:
    """Few enough names and figures to stand in one cell."""
    return isinstance(value, Mapping) and len(value) <= MOST_IN_A_CELL and all(map(_is_simple, value.values()))


def _cell(value: Any, key: str = "") -> str:
    """HTML of one value."""
    if isinstance(value, Mapping) and not _is_metric(value):
        return "; ".join(f"{html(named(name))} {_cell(item, name)}" for name, item in value.items()) or "none"
    if isinstance(value, Mapping):
        low, high = number(value["low"], key), number(value["high"], key)
        return f"{number(value['value'], key)} <small>({low} to {high})</small>"
    if isinstance(value, list):
        apart = "; " if any("," in item for item in value if isinstance(item, str)) else ", "
        return apart.join(_cell(item, key) for item in value) or "none"
    if isinstance(value, str):
        # A hash, or a name of somebody's: without a blank to break at it would push the page wide.
        if _LONG.fullmatch(value):
            return f"<span class=hash>{html(value)}</span>"
        return f"<bdi>{html(value)}</bdi>" if _LONG.search(value) else html(value or "–")
    return html(number(value, key))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, raw_first: bool = False) -> str:
    """Cells are HTML but for the first of each row, which is a name; numbers stand to the right."""
    top = "<thead><tr>" + "".join(f"<th scope=col>{html(name)}</th>" for name in head) + "</tr></thead>" if head else ""
    lines, right = [], _numeric(rows)
    for row in rows[:MOST_ROWS]:
        first = row[0] if raw_first else _cell(row[0])
        cells = "".join(f"<td{' class=n' if at in right else ''}>{cell}</td>" for at, cell in enumerate(row) if at)
        lines.append(f"<tr><th scope=row>{first}</th>{cells}</tr>")
    return f"<div class=scroll><table>{top}<tbody>{''.join(lines)}</tbody></table></div>{_more(len(rows) - MOST_ROWS)}"


def _numeric(rows: Sequence[Sequence[str]]) -> set[int]:
    """The columns in which only figures stand."""
    width = max((len(row) for row in rows), default=0)
    return {at for at in range(1, width) if all(len(row) <= at or _FIGURE.match(row[at]) for row in rows)}


def _more(number_left: int) -> str:
    return f"<p class=more>and {number_left:,} more, in the JSON</p>" if number_left > 0 else ""
