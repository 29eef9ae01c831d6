"""One table of a source to parsed columns: which of its columns hold what, and how each is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.contract.model import Field, Label, Source
from holdfast.errors import HoldfastError, Problem
from holdfast.features import sources
from holdfast.features.columns import Column
from holdfast.features.needs import arrival_field, instant_field, label_field
from holdfast.features.parse import parse
from holdfast.features.places import placed


@dataclass(frozen=True)
class ParsedTable:
    """Columns by name, and the rows that hold a refused value; `problems` tells the first ten of each field."""

    cells: Mapping[str, Column]
    refused: NDArray[np.bool_]
    problems: tuple[Problem, ...]
    unread: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """Spared fields that hold refused values, and in which rows."""

    @property
    def rows(self) -> int:
        return len(self.refused)


def parse_table(
    source: Source,
    fields: Sequence[Field],
    labels: Sequence[Label],
    columns: Mapping[str, str],
    table: pa.Table,
    first_row: int = 0,
    spared: Collection[str] = (),
    given: sources.Input = None,
) -> ParsedTable:
    """Parse fields, labels and instants. `columns` comes from `columns_of`; a column it lacks is null throughout.

    A value that a `spared` field refuses is null, and costs its row nothing. Problems tell where in `given` they are.
    """
    cells: dict[str, Column] = {}
    refused = np.zeros(table.num_rows, dtype=np.bool_)
    problems: list[Problem] = []
    unread: dict[str, NDArray[np.bool_]] = {}
    place = placed(given, table.column(columns[source.id]) if source.id in columns else None, first_row)
    for name, spec in specs_of(source, fields, labels).items():
        array = table.column(columns[name]) if name in columns else pa.nulls(table.num_rows, pa.large_string())
        read = parse(spec, array, first_row, place)
        cells[name] = read.column
        if name not in spared:
            refused |= read.refused
            problems += read.problems
        elif read.refused.any():
            unread[name] = read.refused
    return ParsedTable(cells, refused, tuple(problems), unread)


def columns_of(
    source: Source, fields: Sequence[Field], labels: Sequence[Label], names: Sequence[str]
) -> dict[str, str]:
    """The input's column for each field, label and arrival; all that are missing at once."""
    optional = {item.name for item in labels} | {i.received_at for i in labels if i.received_at is not None}
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name, item in specs_of(source, fields, labels).items():
        may_lack = name in optional or item.nullable or item.on_null == "impute"
        column, problem = sources.resolve(names, name, item.former, optional=may_lack)
        if column is not None:
            found[name] = column
        if problem is not None:
            problems.append(problem)
    if problems:
        raise HoldfastError("the input lacks columns", where=source.name, problems=problems)
    return found


def specs_of(source: Source, fields: Sequence[Field], labels: Sequence[Label]) -> dict[str, Field]:
    """How each column is read, by name. An id and a time that a server would make up must be there in history."""
    specs = {
        item.name: replace(item, nullable=False, on_null="refuse", generated=False)
        if item.name in (source.id, source.time)
        else item
        for item in fields
    }
    for name in (source.id, source.time):
        specs.setdefault(name, replace(source.field(name), nullable=False, generated=False))
    if source.known_at is not None:
        specs[source.known_at] = replace(instant_field(source, source.known_at), nullable=False)
    for label in labels:
        specs[label.name] = label_field(label)
        arrival = arrival_field(source, label)
        if arrival is not None:
            specs.setdefault(arrival.name, arrival)
    return specs
