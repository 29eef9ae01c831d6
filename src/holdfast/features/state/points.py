"""From the body of an event to its points: parsed once for all series of its source, by each series' own fields.

Two versions of a contract may declare a field differently; each series reads it its own way. A body that one of them
would refuse is no point in that series, and neither is one with a null value (except in an `ordered`
series with `nulls`), or one that does not pass the filter. A null key is an entity like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from holdfast.contract.model import NULL_CODE, Cell, Field, Source
from holdfast.contract.values import NotJson, Parsed, compile_reader, read_strict
from holdfast.features.kernel.scalar import compile_predicate
from holdfast.features.plan import Series
from holdfast.features.state.keys import entity_hash


class SeriesPoint(NamedTuple):
    """A point of one series: where it goes (series key and entity hash) and its value (None where it has none)."""

    series: Series
    key: bytes
    value: Cell


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a series finds what it needs among all cells read."""

    series: Series
    key: bytes
    positions: tuple[int, ...]
    """Of the series' fields."""
    entity: int
    """Which of the projector's kinds of entity it is kept by."""
    value: int
    """Position of the value; -1 without one."""
    null: Cell
    """The value that is no point, beside None: a category's code for null."""
    nulls: bool
    passes: Callable[[Sequence[Cell]], bool] | None


def is_null(cell: Cell, field: Field) -> bool:
    return cell is None or (cell == NULL_CODE and field.type == "category")


class Projector:
    """The series of one source, compiled together."""

    def __init__(self, source: str, series: Iterable[Series]) -> None:
        self.series = tuple(series)
        groups: list[dict[str, Field]] = []
        place: dict[Field, tuple[int, str]] = {}
        for field in dict.fromkeys(field for item in self.series for field in item.fields):
            number = next((i for i, group in enumerate(groups) if field.name not in group), len(groups))
            if number == len(groups):
                groups.append({})
            groups[number][field.name] = field
            place[field] = (number, field.name)
        starts = [sum(len(group) for group in groups[:i]) for i in range(len(groups))]
        position = {field: starts[number] + list(groups[number]).index(name) for field, (number, name) in place.items()}
        self._groups = [_group(source, tuple(group.values())) for group in groups]
        keys = [tuple(position[item.field(name)] for name in item.keys) for item in self.series]
        self._entities = tuple(dict.fromkeys(keys))
        self._layouts = [
            _layout(item, position, self._entities.index(key)) for item, key in zip(self.series, keys, strict=True)
        ]

    def points(self, body: bytes, event_id: str, time: int, raw: dict[str, object] | None = None) -> list[SeriesPoint]:
        """The event's point in each series that it has one in. `body` is an accepted request's JSON, `raw` it read."""
        if raw is None:
            try:
                raw = read_strict(body)
            except NotJson:
                return []  # refused before it was recorded; should one be there all the same, the others must go on
        cells: list[Cell] = []
        wrong: set[int] = set()
        for names, read, generated in self._groups:
            start = len(cells)
            parsed: Parsed = read(under_todays_names(raw, names))
            cells += parsed.cells
            for at, kind in generated:
                if cells[start + at] is None:
                    cells[start + at] = time if kind == "timestamp" else event_id
            if parsed.problems:
                faulty = {problem.field for problem in parsed.problems}
                wrong |= {start + at for at, (today, _) in enumerate(names) if today in faulty}
        entities = [entity_hash([cells[at] for at in positions]) for positions in self._entities]
        found = []
        for layout in self._layouts:
            if wrong and not wrong.isdisjoint(layout.positions):
                continue
            if project(layout, cells):
                value = None if layout.value < 0 else cells[layout.value]
                found.append(SeriesPoint(layout.series, layout.key + entities[layout.entity], value))
        return found


def under_todays_names(raw: Mapping[str, object], names: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, object]:
    """What a body holds of these fields (name, former names): under its name, else under the first former one."""
    found = {}
    for today, former in names:
        if today in raw:
            found[today] = raw[today]
        elif former:
            old = next((name for name in former if name in raw), None)
            if old is not None:
                found[today] = raw[old]
    return found


def _group(
    source: str, fields: tuple[Field, ...]
) -> tuple[
    tuple[tuple[str, tuple[str, ...]], ...],
    Callable[[dict[str, object]], Parsed],
    tuple[tuple[int, str], ...],
]:
    """Fields of different names: their names, their reader, and which of them the server may have filled in."""
    names = tuple((field.name, field.former) for field in fields)
    generated = tuple((i, field.type) for i, field in enumerate(fields) if field.generated)
    return names, compile_reader(Source(source, "", "", fields), fields), generated


def _layout(series: Series, position: dict[Field, int], entity: int) -> Layout:
    value = None if series.value is None or series.structure == "labels" else series.field(series.value)
    return Layout(
        series=series,
        key=series.key,
        positions=tuple(position[field] for field in series.fields),
        entity=entity,
        value=-1 if value is None else position[value],
        null=NULL_CODE if value is not None and value.type == "category" else None,
        nulls=series.nulls,
        passes=None if series.where is None else compile_predicate(series.where, series.fields, series.zones),
    )


def project(layout: Layout, cells: Sequence[Cell]) -> bool:
    """Whether an event is a point of a series, from all cells read."""
    if layout.value >= 0 and not layout.nulls and cells[layout.value] in (None, layout.null):
        return False
    return layout.passes is None or layout.passes([cells[at] for at in layout.positions])
