"""Who is in which protected group, by the fields that the contract or the project names.

A protected field need not be a feature: what decides nothing is read from the history, by the id of the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.contract.model import NULL_CODE, UNKNOWN_CODE, Field
from holdfast.errors import HoldfastError
from holdfast.features import sources
from holdfast.features.columns import Column, given
from holdfast.features.history import positions
from holdfast.features.parse import parse

Codes = NDArray[np.int64]
MOST_WORDS = 20
"""Different texts of a field, at most, for it to make groups."""


@dataclass(frozen=True)
class Grouping:
    """Groups by one protected field, or by two together. `code` gives each of the subject's rows its place in `words`,
    or −1 where the value is not known."""

    fields: tuple[str, ...]
    words: tuple[str, ...]
    code: Codes

    @property
    def name(self) -> str:
        return " and ".join(self.fields)


def protected(subject: Subject, limits: Limits) -> tuple[str, ...]:
    """Names of protected fields of the deciding source: marked in the contract, then named by the project.

    Raises HoldfastError for a name that is no field of it.
    """
    known = {item.name: item for item in subject.bundle.contract.deciding.fields}
    if wrong := [name for name in limits.protected if name not in known]:
        raise HoldfastError(
            f"{', '.join(wrong)}: no field of {subject.contract.decide_on}", mend="see checks.protected"
        )
    marked = [item.name for item in known.values() if item.protected]
    return tuple(dict.fromkeys((*marked, *limits.protected)))


def groupings(subject: Subject, limits: Limits) -> tuple[Grouping, ...]:
    """By each protected field, then by each two of them. Raises HoldfastError where values are not to be had."""
    names = protected(subject, limits)
    if not names:
        return ()
    columns = _columns(subject, names)
    single = [_grouping(subject, columns[name][0], columns[name][1], limits.bins.get(name)) for name in names]
    return (*single, *(_both(a, b) for a, b in combinations(single, 2)))


def _columns(subject: Subject, names: Sequence[str]) -> dict[str, tuple[Field, Column]]:
    """Each field's values for each of the subject's rows: from a feature that is the field, else from the history."""
    source = subject.bundle.contract.deciding
    found: dict[str, tuple[Field, Column]] = {}
    for at, feature in enumerate(subject.contract.features):
        node = feature.expr
        if node.op == "field" and node["name"] in names:
            found.setdefault(node["name"], (source.field(node["name"]), Column(subject.rows.X[:, at])))
    left = [source.field(name) for name in names if name not in found]
    if not left:
        return found
    path = subject.place.inputs(subject.contract)[source.name]
    there = sources.names_of(path, source.name)
    wanted = {item.name: sources.resolve(there, item.name, item.former, optional=True)[0] for item in left}
    if lacking := [name for name, column in wanted.items() if column is None]:
        raise HoldfastError(
            f"the history of {source.name} has no column {', '.join(lacking)}", where=str(path),
            mend="add it: it need not be a feature, only be known of past decisions",
        )  # fmt: skip
    own, _ = sources.resolve(there, source.id, source.field(source.id).former)
    table = sources.read(path, list(dict.fromkeys([str(own), *(str(item) for item in wanted.values())])), source.name)
    ids = parse(source.field(source.id), table.column(str(own))).column.values
    place = positions(subject.rows.ids.tolist(), ids)
    for item in left:
        column = parse(item, table.column(str(wanted[item.name]))).column
        valid = given(column)[place] & (place >= 0)
        found[item.name] = (item, Column(_numbers(item, column.values[place], valid)))
    return found


def _numbers(item: Field, values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[Any]:
    """As a feature row has them: floats with NaN for null, a category's codes; texts stay texts."""
    if item.type == "text":
        texts: NDArray[Any] = np.where(valid, values, np.array(None, dtype=object))
        return texts
    if item.type == "category":
        return np.where(valid, values, NULL_CODE).astype(np.float64)
    scaled = values.astype(np.float64) / (10**item.scale if item.type == "decimal" else 1)
    return np.where(valid, scaled, np.nan)


def _grouping(subject: Subject, item: Field, column: Column, cuts: Any) -> Grouping:
    values = column.values
    if item.type == "category":
        code = np.where(values == NULL_CODE, -1, values - UNKNOWN_CODE).astype(np.int64)
        return Grouping((item.name,), ("(unknown)", *item.values), code)
    if item.type == "text":
        words = sorted({word for word in values.tolist() if word is not None})
        if len(words) > MOST_WORDS:
            raise HoldfastError(
                f"{item.name} has {len(words)} different texts, which make no groups", mend="declare it as a category"
            )
        place = {word: at for at, word in enumerate(words)}
        code = np.fromiter((place.get(word, -1) for word in values.tolist()), np.int64, len(values))
        return Grouping((item.name,), tuple(words), code)
    if item.type == "boolean":
        return Grouping((item.name,), ("no", "yes"), np.where(np.isnan(values), -1, values).astype(np.int64))
    edges = _edges(item, cuts, values[subject.split.train.index])
    code = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))
    ends = [f"{edge:g}" for edge in edges]
    words = [f"under {ends[0]}", *(f"{a} to {b}" for a, b in pairwise(ends)), f"{ends[-1]} and over"]
    return Grouping((item.name,), tuple(words), code.astype(np.int64))


def _edges(item: Field, cuts: Any, learned: NDArray[np.float64]) -> list[float]:
    if cuts is not None:
        sound = isinstance(cuts, list | tuple) and cuts and all(type(cut) in (int, float) for cut in cuts)
        if not sound or sorted(set(cuts)) != list(cuts):
            raise HoldfastError(
                f"{cuts!r} are no cuts", where=f"checks.bins.{item.name}", mend="rising numbers: [25, 62]"
            )
        return [float(cut) for cut in cuts]
    present = learned[~np.isnan(learned)]
    if not len(present):
        return [0.0]
    return sorted({float(edge) for edge in np.quantile(present, (1 / 3, 2 / 3), method="inverted_cdf")})


def _both(a: Grouping, b: Grouping) -> Grouping:
    words = tuple(f"{x}, {y}" for x in a.words for y in b.words)
    code = np.where((a.code < 0) | (b.code < 0), -1, a.code * len(b.words) + b.code)
    return Grouping((*a.fields, *b.fields), words, code)
