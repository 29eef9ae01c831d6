"""Rows of a file as decisions: read by the contract's policies, filled in where the server would, put among history."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.contract.model import Contract, Field
from holdfast.errors import HoldfastError
from holdfast.features.columns import Column, given, joined, take
from holdfast.features.history import Events, Outcomes, Records, canonical_order, positions, received_outcomes
from holdfast.features.kernel.columns import evaluate
from holdfast.features.parse import Parsed, parse
from holdfast.features.places import Place, placed
from holdfast.features.sources import resolve

if TYPE_CHECKING:
    from holdfast.project.score import Chunk

Windows = Callable[[list[tuple[Any, ...]], NDArray[np.int64]], list[NDArray[np.float64]]]


class Reader:
    """Reads chunks of one file for one contract.

    `present` are the file's columns; a former name stands for its field. Raises HoldfastError with every field that
    the file must have and has not.
    """

    def __init__(self, contract: Contract, present: Sequence[str], where: str, *, drop: bool) -> None:
        self._contract = contract
        self._where = where
        self._drop = drop
        self._row = 0
        self._found: dict[str, str] = {}
        problems = []
        for item in contract.deciding.fields:
            spared = item.generated or item.nullable or item.type == "category" or item.on_null == "impute"
            name, problem = resolve(present, item.name, item.former, optional=spared)
            if problem is not None:
                problems.append(problem)
            elif name is not None:
                self._found[item.name] = name
        if problems:
            raise HoldfastError("the file lacks fields of the contract", where=where, problems=problems)
        self.columns = list(dict.fromkeys(self._found.values()))

    def chunk(self, table: pa.Table, windows: Windows) -> Chunk:
        """One chunk with its features. Raises HoldfastError with its refused values, unless they are dropped."""
        from holdfast.project.score import Chunk

        source, rows = self._contract.deciding, table.num_rows
        ids = self._found.get(source.id)
        place = placed(self._where, None if ids is None else table.column(ids), self._row)
        read = [self._read(item, table, rows, place) for item in source.fields]
        refused = np.zeros(rows, dtype=np.bool_)
        for item in read:
            refused |= item.refused
        problems = tuple(problem for item in read for problem in item.problems)
        if problems and not self._drop:
            raise HoldfastError(
                f"{int(refused.sum())} of these rows are refused", where=self._where, problems=problems,
                mend="mend them, or leave them out with --drop",
            )  # fmt: skip
        self._row += rows
        kept = ~refused
        cells = {item.name: take(parsed.column, kept) for item, parsed in zip(source.fields, read, strict=True)}
        times = cells[source.time].values
        scalars = [plain(item, cells[item.name]) for item in source.fields]
        aggregates = windows(list(zip(*scalars, strict=True)), times)
        matrix = evaluate(self._contract, cells, aggregates)
        return Chunk(cells[source.id].values, times, matrix, int(refused.sum()), problems)

    def _read(self, item: Field, table: pa.Table, rows: int, place: Place) -> Parsed:
        name = self._found.get(item.name)
        if name is not None:
            return parse(item, table.column(name), self._row, place)
        if item.generated:
            return Parsed(self._generated(item, rows), np.zeros(rows, dtype=np.bool_), ())
        return parse(item, pa.nulls(rows, pa.string()), self._row, place)

    def _generated(self, item: Field, rows: int) -> Column:
        """What the server would fill in: the row's number as id, now as time."""
        if item.name == self._contract.deciding.id:
            return Column(np.array([f"row-{self._row + at}" for at in range(rows)], dtype=object))
        return Column(np.full(rows, time.time_ns() // 1_000, dtype=np.int64))


def plain(item: Field, column: Column) -> list[Any]:
    """A column's values as the cells of single rows."""
    values: list[Any] = column.values.tolist()
    if item.type == "category" or item.type == "text":
        return values
    return [value if known else None for value, known in zip(values, given(column).tolist(), strict=True)]


def beside(contract: Contract, records: Records, rows: Events) -> Records:
    """History with these rows among its events; an id in both is history's."""
    name = contract.decide_on
    past = records.events[name]
    new = rows.take(positions(rows.ids, past.ids) < 0)
    if not len(new):
        return records
    whole = Events(
        past.source,
        np.concatenate([past.ids, new.ids]),
        np.concatenate([past.times, new.times]),
        np.concatenate([past.known, new.known]),
        {field: joined([column, new.cells[field]]) for field, column in past.cells.items()},
        np.arange(len(past) + len(new), dtype=np.int64),
    )
    whole = whole.take(canonical_order(whole.ids, whole.times))
    outcomes: dict[tuple[str, str], Outcomes] = {}
    for key, item in records.outcomes.items():
        if key[0] == name:
            moved, _ = received_outcomes(whole, item.label, past.ids[item.event], item.version, item.value, item.known)
            item = replace(moved, assumed=item.assumed)
        outcomes[key] = item
    return Records({**records.events, name: whole}, outcomes, records.report)
