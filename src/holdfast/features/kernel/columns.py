"""The nodes of a contract over columns: what `scalar` computes for one row, for many, in the same bits.

Every step is elementwise, so an answer depends on nothing but its row: not on the number of rows, slicing, threads or
processor. Rows go through in blocks that stay in cache; each distinct node is evaluated once a block.
Inside, a number is float64 with NaN for null, a category integer codes with 0, a text an object array with None, a
boolean bool and an instant int64, both with `valid`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import KIND_OF, Contract, Field, Node, Zone
from holdfast.features.columns import Column
from holdfast.features.kernel import calendar, elementary_columns, words
from holdfast.features.kernel.operations import power_of_ten, verify
from holdfast.features.kernel.rounding import round_all

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
BLOCK = 16_384
NAN = float("nan")


def evaluate(contract: Contract, cells: Mapping[str, Column], aggregates: Sequence[Floats]) -> Floats:
    """The features of many rows: float64 (rows, features), C order; null is the canonical NaN, a category's 0.

    `cells` by field name of the deciding source, `aggregates` finished, in the order of `contract.aggregates`, one
    value per row each.
    """
    for feature in contract.features:
        if feature.expr.kind not in ("number", "boolean", "category"):
            raise ValueError(f"feature {feature.name!r} is a {feature.expr.kind}; a model takes numbers")
        verify(feature.expr)
    rows = _rows(cells, aggregates)
    matrix = np.empty((rows, len(contract.features)), dtype=np.float64)
    for start in range(0, rows, BLOCK):
        block = slice(start, min(start + BLOCK, rows))
        evaluation = _Evaluation(contract.deciding.fields, contract.zones, cells, aggregates, block)
        with np.errstate(all="ignore"):
            for i, feature in enumerate(contract.features):
                matrix[block, i] = _answer(feature.expr, evaluation.value(feature.expr))
    return matrix


def predicate(node: Node, cells: Mapping[str, Column], zones: Sequence[Zone], fields: Sequence[Field]) -> Flags:
    """Which rows pass a filter; null counts as no. `fields` say the scale of each column."""
    if node.kind != "boolean":
        raise ValueError(f"a filter is a boolean, not a {node.kind}")
    verify(node)
    rows = _rows(cells, ())
    passed = np.zeros(rows, dtype=np.bool_)
    for start in range(0, rows, BLOCK):
        block = slice(start, min(start + BLOCK, rows))
        with np.errstate(all="ignore"):
            answer = _Evaluation(fields, zones, cells, (), block).value(node)
        passed[block] = answer.values & _known(answer)
    return passed


def _rows(cells: Mapping[str, Column], aggregates: Sequence[Floats]) -> int:
    sizes = {len(item.values) for item in cells.values()} | {len(item) for item in aggregates}
    if len(sizes) > 1:
        raise ValueError(f"columns of different lengths: {sorted(sizes)}")
    return sizes.pop() if sizes else 0


def _answer(node: Node, column: Column) -> Floats:
    if node.kind == "boolean":
        return np.where(_known(column), column.values.astype(np.float64), NAN)
    if node.kind == "category":
        return column.values.astype(np.float64)
    values = column.values + 0.0
    return np.where(np.isnan(values), NAN, values)


class _Evaluation:
    """Values of the nodes met so far in one block of rows."""

    def __init__(
        self,
        fields: Sequence[Field],
        zones: Sequence[Zone],
        cells: Mapping[str, Column],
        aggregates: Sequence[Floats],
        block: slice,
    ) -> None:
        self.fields = {item.name: item for item in fields}
        self.zones = {item.name: item for item in zones}
        self.cells = cells
        self.aggregates = aggregates
        self.block = block
        self.rows = block.stop - block.start
        self.seen: dict[Node, Column] = {}

    def value(self, node: Node) -> Column:
        column = self.seen.get(node)
        if column is None:
            column = self.seen[node] = _OPERATIONS[node.op](self, node, [self.value(item) for item in node.args])
        return column

    def field(self, name: str) -> tuple[Field, Column]:
        if name not in self.fields or name not in self.cells:
            raise ValueError(f"there is no field {name!r} here")
        whole = self.cells[name]
        valid = None if whole.valid is None else whole.valid[self.block]
        return self.fields[name], Column(whole.values[self.block], valid)


def _known(column: Column) -> Any:
    return True if column.valid is None else column.valid


def _both(a: Column, b: Column) -> Flags | None:
    if a.valid is None or b.valid is None:
        return a.valid if b.valid is None else b.valid
    return a.valid & b.valid


def _present(node: Node, column: Column) -> Flags:
    """Where the value of a node is not null."""
    if node.kind == "number":
        numbers: Flags = ~np.isnan(column.values)
        return numbers
    if node.kind == "category":
        codes: Flags = column.values != 0
        return codes
    if node.kind == "text":
        return np.array([item is not None for item in column.values.tolist()], dtype=np.bool_)
    return np.ones(len(column.values), dtype=np.bool_) if column.valid is None else column.valid


def _finite(values: Floats) -> Column:
    """Numbers that may have overflowed: infinity becomes null."""
    return Column(np.where(np.isinf(values), NAN, values))


def _field(e: _Evaluation, node: Node, _: list[Column]) -> Column:
    field, column = e.field(node["name"])
    if KIND_OF[field.type] != node.kind:
        raise ValueError(f"the field {field.name!r} is no {node.kind}")
    if field.type in ("integer", "decimal"):
        values = column.values.astype(np.float64)
        if field.scale:
            values /= power_of_ten(field.scale)
        return Column(values if column.valid is None else np.where(column.valid, values, NAN))
    if field.type == "boolean":
        return Column(column.values == 1, column.valid)
    return column


def _literal(e: _Evaluation, node: Node, _: list[Column]) -> Column:
    value = node["value"]
    shape = (e.rows,)
    if node.kind == "number":
        number = NAN if value is None else float(value) + 0.0
        if value is not None and not np.isfinite(number):
            raise ValueError(f"a literal is a finite number, not {number}")
        return Column(np.broadcast_to(np.float64(number), shape))
    if node.kind == "text":
        texts = np.empty(shape, dtype=object)
        texts[:] = value
        return Column(texts)
    if node.kind == "category":
        return Column(np.broadcast_to(np.int64(value or 0), shape))
    valid = None if value is not None else np.zeros(shape, dtype=np.bool_)
    if node.kind == "boolean":
        return Column(np.broadcast_to(np.bool_(bool(value)), shape), valid)
    return Column(np.broadcast_to(np.int64(value or 0), shape), valid)


def _aggregate(e: _Evaluation, node: Node, _: list[Column]) -> Column:
    if node["index"] >= len(e.aggregates):
        raise ValueError(f"there is no aggregate {node['index']}")
    values = e.aggregates[node["index"]][e.block]
    null = np.isnan(values)
    if node.kind == "number":
        return Column(values)
    if node.kind == "boolean":
        return Column(values != 0.0, ~null)
    codes = np.where(null, 0.0, values).astype(np.int64)
    return Column(codes) if node.kind == "category" else Column(codes, ~null)


def _arithmetic(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    """add, sub, mul: from the left, each step rounded once."""
    step: Callable[[Any, Any], Any] = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[node.op]
    total = args[0]
    for item in args[1:]:
        total = _finite(step(total.values, item.values))
    return total


def _divide(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    return _finite(args[0].values / args[1].values)


def _extreme(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    """least, greatest: null if any is null."""
    best = args[0].values
    for item in args[1:]:
        best = np.minimum(best, item.values) if node.op == "least" else np.maximum(best, item.values)
    return Column(best)


def _compare(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    a, b = args
    valid = _present(node.args[0], a) & _present(node.args[1], b)
    left, right = a.values, b.values
    if node.args[0].kind == "text":  # None does not compare; null rows are masked
        left, right = np.where(valid, left, ""), np.where(valid, right, "")
    return Column(np.asarray(_COMPARE[node.op](left, right), dtype=np.bool_), valid)


def _is_in(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    (column,) = args
    inner = node.args[0]
    if inner.kind == "text":
        members = frozenset(node["values"])
        found = np.array([item in members for item in column.values.tolist()], dtype=np.bool_)
    else:
        dtype = np.float64 if inner.kind == "number" else np.int64
        found = np.isin(column.values, np.array(node["values"], dtype=dtype))
    return Column(found, _present(inner, column))


def _is_null(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    return Column(~_present(node.args[0], args[0]))


def _and(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    """False if any is False, else null if any is null."""
    true = np.ones(e.rows, dtype=np.bool_)
    false = np.zeros(e.rows, dtype=np.bool_)
    for item in args:
        true &= item.values & _known(item)
        false |= ~item.values & _known(item)
    return Column(true, true | false)


def _or(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    """True if any is True, else null if any is null."""
    true = np.zeros(e.rows, dtype=np.bool_)
    false = np.ones(e.rows, dtype=np.bool_)
    for item in args:
        true |= item.values & _known(item)
        false &= ~item.values & _known(item)
    return Column(true, true | false)


def _not(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    return Column(~args[0].values, args[0].valid)


def _choose(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    condition, yes, no = args
    known = np.broadcast_to(_known(condition), (e.rows,))
    take = condition.values & known
    values = np.where(take, yes.values, no.values)
    if node.kind == "number":
        return Column(np.where(known, values, NAN))
    if node.kind == "category":
        return Column(np.where(known, values, 0))
    if node.kind == "text":
        return Column(np.where(known, values, np.array(None, dtype=object)))
    return Column(values, known & np.where(take, _known(yes), _known(no)))


def _coalesce(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    total = args[-1]
    for item in reversed(args[:-1]):
        present = _present(node, item)
        valid = None if total.valid is None else present | total.valid
        total = Column(np.where(present, item.values, total.values), valid)
    return total


def _number(function: Callable[..., Floats]) -> Callable[[_Evaluation, Node, list[Column]], Column]:
    def apply(e: _Evaluation, node: Node, args: list[Column]) -> Column:
        return Column(function(*(item.values for item in args)))

    return apply


def _sqrt(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    return Column(np.sqrt(args[0].values))


def _round(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    return Column(round_all(args[0].values, node["digits"]))


def _bin(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    (column,) = args
    edges = np.array(node["edges"], dtype=np.float64)
    found = np.searchsorted(edges, column.values, side="right").astype(np.float64)
    return Column(np.where(np.isnan(column.values), NAN, found))


def _each_text(column: Column, function: Callable[[str], Any], null: Any, dtype: Any) -> Any:
    known: dict[Any, Any] = {None: null}
    for item in column.values.tolist():
        if item not in known:
            known[item] = function(item)
    values = np.empty(len(column.values), dtype=dtype)
    values[:] = [known[item] for item in column.values.tolist()]
    return values


def _length(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    return Column(_each_text(args[0], len, NAN, np.float64))


def _lower(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    return Column(_each_text(args[0], words.lower, None, object))


def _pattern(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    text = node["text"]
    tests: dict[str, Callable[[str], bool]] = {
        "contains": lambda item: text in item,
        "starts_with": lambda item: item.startswith(text),
        "ends_with": lambda item: item.endswith(text),
    }
    found = _each_text(args[0], tests[node.op], False, np.bool_)
    return Column(found, _present(node.args[0], args[0]))


def _to_category(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    table = words.codes(node["values"])
    return Column(_each_text(args[0], lambda item: words.code_of(item, table), 0, np.int64))


def _part(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    (column,) = args
    zone = dict(node.params).get("zone")
    if zone is not None and zone not in e.zones:
        raise ValueError(f"the zone {zone!r} is not frozen in the contract")
    local = column.values if zone is None else calendar.local_all(column.values, e.zones[zone])
    part = calendar.part_all(node.op, local).astype(np.float64)
    return Column(part if column.valid is None else np.where(column.valid, part, NAN))


def _seconds_between(e: _Evaluation, node: Node, args: list[Column]) -> Column:
    """One correctly rounded division; beyond 285 years, where a double cannot hold the difference, one by one."""
    a, b = (item.values.astype(np.int64) for item in args)
    apart = a - b
    values = apart.astype(np.float64) / 1e6
    far = np.flatnonzero((np.abs(a) >= 2**52) | (np.abs(b) >= 2**52))
    values[far] = [(x - y) / 1_000_000 for x, y in zip(a[far].tolist(), b[far].tolist(), strict=True)]
    valid = _both(*args)
    return Column(values if valid is None else np.where(valid, values, NAN))


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}

_OPERATIONS: dict[str, Callable[[_Evaluation, Node, list[Column]], Column]] = {
    "field": _field,
    "literal": _literal,
    "aggregate": _aggregate,
    **dict.fromkeys(("add", "sub", "mul"), _arithmetic),
    "div": _divide,
    "neg": _number(np.negative),
    "abs": _number(np.abs),
    "floor": _number(np.floor),
    "ceil": _number(np.ceil),
    "least": _extreme,
    "greatest": _extreme,
    "log": _number(elementary_columns.log),
    "exp": _number(elementary_columns.exp),
    "pow": _number(elementary_columns.power),
    "sqrt": _sqrt,
    "round": _round,
    **dict.fromkeys(_COMPARE, _compare),
    "is_in": _is_in,
    "is_null": _is_null,
    "and": _and,
    "or": _or,
    "not": _not,
    "if": _choose,
    "coalesce": _coalesce,
    "bin": _bin,
    "length": _length,
    "lower": _lower,
    **dict.fromkeys(("starts_with", "ends_with", "contains"), _pattern),
    "to_category": _to_category,
    **dict.fromkeys(calendar.PARTS, _part),
    "seconds_between": _seconds_between,
}
