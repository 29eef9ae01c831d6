"""Tables of foreign clients as rows: pandas' split and records, columns by name, CSV.

A null in a field that the server fills in (a generated id or time) counts as left out: a table has no other way to
leave a cell out. Everything wrong with the table's form is told at once, by Refuse.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence

from holdfast.contract.model import Source
from holdfast.errors import Problem
from holdfast.serving.bulk import Row
from holdfast.serving.decide import Refuse
from holdfast.serving.protocols.cells import fields_by_name, from_text
from holdfast.serving.replies import counted

MOST_TOLD = 100
"""Faults of one request that are told; a table of thousands may repeat one in each row."""


class Tables:
    """Reads the tables of one source. `most` is how many rows one request may have, `foreign` are columns beside the
    source's own that are accepted too."""

    def __init__(self, source: Source, most: int, foreign: Collection[str] = ()) -> None:
        self._source = source
        self._fields = fields_by_name(source)
        self._known = self._fields.keys() | set(foreign)
        self._filled = frozenset(name for name, field in self._fields.items() if field.generated)
        self._ordered = [field.name for field in source.fields]
        self._most = most

    def events(self, told: object, name: str) -> list[Row]:
        """A list of objects, each as `/predict` takes it."""
        rows = self._list(told, name)
        wrong = [
            Problem(f"{name}[{at}]", "type", "is not an object", "send each row as an object of fields by name")
            for at, row in enumerate(rows)
            if not isinstance(row, dict)
        ]
        refuse(wrong)
        return [row for row in rows if isinstance(row, dict)]

    def records(self, told: object, name: str) -> list[Row]:
        """A list of objects that were rows of a table."""
        return [self._row(row.keys(), row.values()) for row in self.events(told, name)]

    def split(self, told: object, name: str) -> list[Row]:
        """pandas' ``orient="split"``: columns and data; the index means nothing here."""
        form = "send columns, data and perhaps index, as DataFrame.to_dict(orient='split') gives them"
        if not isinstance(told, dict) or not {"columns", "data"} <= told.keys() <= {"columns", "data", "index"}:
            raise refusal(Problem(name, "type", "is no table in split form", form))
        names = self._names(told["columns"], f"{name}.columns")
        rows = self._list(told["data"], f"{name}.data")
        wide = f"send one value for each of {len(names)} columns"
        wrong = [
            Problem(f"{name}.data[{at}]", "type", "is not a row of this table", wide)
            for at, row in enumerate(rows)
            if not isinstance(row, list) or len(row) != len(names)
        ]
        refuse(wrong)
        return [self._row(names, row) for row in rows if isinstance(row, list)]

    def columns(self, told: object, name: str) -> list[Row]:
        """An object of columns, each a list as long as the others (or each one value: a single row)."""
        if isinstance(told, list):
            return self.records(told, name)
        if not isinstance(told, dict):
            raise refusal(Problem(name, "type", "is neither columns nor rows", "send an object of columns by name"))
        if not any(isinstance(values, list) for values in told.values()):
            return [self._row(told.keys(), told.values())]
        return self.together({key: _flat(values) for key, values in told.items()}, name)

    def together(self, columns: Mapping[str, object], name: str) -> list[Row]:
        """Rows from columns of plain values."""
        lengths = {key: len(values) if isinstance(values, list) else -1 for key, values in columns.items()}
        longest = max(lengths.values(), default=0)
        refuse(
            [
                Problem(f"{name}.{key[:100]}", "type", f"is not a list of {longest} values", "give each row one value")
                for key, length in lengths.items()
                if length != longest
            ]
        )
        self._limit(longest, name)
        self._require_known(columns, name)
        lists = [values for values in columns.values() if isinstance(values, list)]
        return [self._row(columns.keys(), values) for values in zip(*lists, strict=True)]

    def csv(self, body: bytes, *, header: bool = True) -> list[Row]:
        """CSV (RFC 4180, UTF-8). Without a header its columns are the contract's fields, in order."""
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problem = Problem("", "not_csv", f"the body is not UTF-8 (byte {error.start})", "send CSV in UTF-8")
            raise refusal(problem, 400) from None
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows: list[list[str]] = []
        try:
            for line in lines:
                if line:
                    rows.append(line)
                    self._limit(len(rows) - header, "")
        except csv.Error as error:
            problem = Problem("", "not_csv", f"line {lines.line_num}: {error}", "quote texts as RFC 4180 says")
            raise refusal(problem, 400) from None
        if header and not rows:
            raise refusal(Problem("", "not_csv", "the body has no header", "begin with a line of field names"), 400)
        names = self._names(rows.pop(0), "header") if header else self._ordered
        fields = [self._fields.get(name) for name in names]
        wide = f"give one value for each of {len(names)} columns"
        refuse(
            [
                Problem(f"rows[{at}]", "type", f"has {len(row)} values", wide)
                for at, row in enumerate(rows)
                if len(row) != len(names)
            ],
        )
        return [self._row(names, map(from_text, fields, row)) for row in rows]

    def _row(self, names: Collection[str], values: Collection[object] | map[object]) -> Row:
        filled = self._filled
        return {
            name: value
            for name, value in zip(names, values, strict=True)
            if value is not None or name not in filled
        }  # fmt: skip

    def _list(self, told: object, name: str) -> list[object]:
        if not isinstance(told, list):
            raise refusal(Problem(name, "type", "is not a list", "send a list of rows"))
        self._limit(len(told), name)
        return told

    def _limit(self, rows: int, name: str) -> None:
        if rows > self._most:
            raise refusal(Problem(name, "too_many", f"there are more than {self._most} rows", "send it in parts"), 413)

    def _names(self, told: object, name: str) -> list[str]:
        names = [item for item in told if isinstance(item, str)] if isinstance(told, list) else []
        if not isinstance(told, list) or len(names) != len(told):
            raise refusal(Problem(name, "type", "is not a list of names", "name each column as the contract does"))
        self._require_known(names, name)
        first: dict[str, int] = {}
        refuse(
            [
                Problem(f"{name}[{at}]", "two_names", f"names column {first[item]} again", "name each once")
                for at, item in enumerate(names)
                if first.setdefault(item, at) != at
            ]
        )
        return names

    def _require_known(self, names: Iterable[str], place: str) -> None:
        """Refuses a column that is no field, once and not again for each row.

        It is told by its position: a header that was left out is a line of values, which nobody may read in a log.
        """
        source = self._source
        mend = f"{source.name} has {', '.join(field.name for field in source.fields[:12])}"
        what = f"is not a field of {source.name}"
        unknown = [at for at, item in enumerate(names) if item not in self._known]
        refuse([Problem(f"{place}[{at}]", "unknown_field", what, mend) for at in unknown])


def refusal(problem: Problem, status: int = 422) -> Refuse:
    return Refuse(status, counted([problem]), (problem,))


def refuse(problems: Sequence[Problem], status: int = 422) -> None:
    """Raises Refuse where there is anything wrong."""
    if problems:
        raise Refuse(status, counted(problems), tuple(problems[:MOST_TOLD]))


def _flat(values: object) -> object:
    """A column of shape (n, 1) as one of shape (n)."""
    if isinstance(values, list) and values and all(isinstance(item, list) and len(item) == 1 for item in values):
        return [item[0] for item in values]
    return values
