"""A batch held against every rule of the contract, and its features against their thresholds.

Each rule says in how many of the rows it holds, and where it does not: file, row, line and id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.contract.model import UNKNOWN_CODE, Contract, Feature, Field
from holdfast.errors import HoldfastError
from holdfast.finding import Finding
from holdfast.project.build import features as feature_table
from holdfast.project.project import Project
from holdfast.training.rows import Table

if TYPE_CHECKING:
    import pyarrow as pa

    from holdfast.features.parse import Parsed
    from holdfast.features.places import Place

CHUNK = 131_072
PLACES = 10
"""Places told of each broken rule, at most."""
WORDS = 5
"""Undeclared words told of a field, the most frequent ones."""
COVERED = 0.8
"""Least share of rows whose category is a declared word."""


@dataclass(frozen=True)
class Validated:
    """Every finding about one batch. `share` is how many of them passed."""

    source: str
    rows: int
    findings: tuple[Finding, ...]
    held: Mapping[str, float] = field(default_factory=dict)
    """By a finding's code, the share of the rows in which its rule holds."""
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By a finding's code, the first places where it does not, with what stands there."""

    @property
    def ok(self) -> bool:
        return self.rows > 0 and all(finding.ok for finding in self.findings)

    @property
    def share(self) -> float:
        return sum(finding.ok for finding in self.findings) / max(1, len(self.findings))

    def rows_shown(self) -> list[Finding]:
        """What did not pass; everything when all did."""
        return [finding for finding in self.findings if not finding.ok] or list(self.findings)

    def table(self) -> list[tuple[str, str, str, int | None, str, str]]:
        return [
            (item.code, item.status, _percent(self.held.get(item.code)), item.rows, item.why, item.mend)
            for item in self.rows_shown()
        ]

    def lines(self) -> list[str]:
        passed = sum(finding.ok for finding in self.findings)
        words = []
        for item in self.findings:
            told = self.places.get(item.code, ())
            if len(told) > 1 and not item.ok:  # the first is in the table
                more = (item.rows or 0) - len(told)
                words += [item.code, *(f"  {place}" for place in told), *([f"  and {more:,} more"] if more > 0 else [])]
        return [*words, f"{self.source}: {self.rows:,} rows, {passed} of {len(self.findings)} findings passed"]

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "source": self.source,
            "rows": self.rows,
            "passed_share": self.share,
            "findings": [
                {
                    **finding.as_dict(),
                    "held_share": self.held.get(finding.code),
                    "places": list(self.places.get(finding.code, ())),
                }
                for finding in self.findings
            ],
        }


def validate(
    project: Project,
    source: Path | None = None,
    *,
    events: str | None = None,
    features: bool = True,
    contract: Contract | None = None,
    places: int = PLACES,
) -> Validated:
    """Check a file of events (default: the configured history of the deciding source) field by field.

    By the project's contract as it is now, or by the `contract` of a version.

    With `features`, and for the configured history only, the built features are held against the thresholds that the
    contract states for them. Of each broken rule so many `places` are told. Raises HoldfastError where the file cannot
    be read at all.
    """
    from holdfast.features import sources
    from holdfast.features.places import placed

    contract = contract or project.contract
    name, path = batch_of(project, source, events=events, contract=contract)
    fields = contract.source(name).fields
    present = sources.names_of(path, str(path))
    findings, found = _present(fields, present)
    seen = {item.name: _Seen(item, places) for item in fields if item.name in found}
    own = found.get(contract.source(name).id)
    rows = 0
    for table in sources.stream(path, list(dict.fromkeys(found.values())), str(path), CHUNK):
        where = placed(path, None if own is None else table.column(own), rows)
        for each, column in found.items():
            seen[each].add(table.column(column), where)
        rows += table.num_rows
    held: dict[str, float] = {}
    told: dict[str, tuple[str, ...]] = {}
    for item in seen.values():
        findings += item.findings(rows)
        held |= item.held(rows)
        told |= item.places()
    if features and source is None and name == contract.decide_on:
        findings += thresholds(contract, feature_table(project, contract=contract))
    return Validated(str(path), rows, tuple(findings), held, told)


def batch_of(
    project: Project, source: Path | None, *, events: str | None = None, contract: Contract | None = None
) -> tuple[str, Path]:
    """The name of the source that is meant and its file. Raises HoldfastError when the contract has no such source."""
    contract = contract or project.contract
    name = events or contract.decide_on
    if name not in [item.name for item in contract.sources]:
        known = ", ".join(item.name for item in contract.sources)
        raise HoldfastError(f"the contract has no source {name!r}", mend=f"one of: {known}")
    return name, source or project.inputs(contract)[name]


def thresholds(contract: Contract, table: Table) -> list[Finding]:
    """What the contract promises of its features, each held against a built table."""
    found = []
    for at, feature in enumerate(contract.features):
        found += _feature(feature, table.matrix[:, at])
    return found


def verdict(code: str, held: bool, why: str, mend: str, rows: int) -> Finding:
    """A finding that passed or failed; a mend is only for what failed."""
    return Finding(code, "passed" if held else "failed", why, "" if held else mend, rows)


def _present(fields: Sequence[Field], present: Sequence[str]) -> tuple[list[Finding], dict[str, str]]:
    """Which column stands for which field, and a finding for each field that must be there."""
    from holdfast.features.sources import resolve

    findings, found = [], {}
    for item in fields:
        spared = item.generated or item.nullable or item.on_null == "impute"
        name, problem = resolve(present, item.name, item.former, optional=spared)
        if problem is not None:
            findings.append(Finding(f"{item.name}.present", "failed", problem.what, problem.mend))
        elif name is not None:
            findings.append(Finding(f"{item.name}.present", "passed", "" if name == item.name else f"as {name}"))
            found[item.name] = name
    return findings, found


class _Seen:
    """What the chunks of one field showed."""

    def __init__(self, field: Field, most: int) -> None:
        self.field = field
        self.refused = 0
        self.told: list[str] = []
        self.mend = ""
        self.unknown: dict[str, list[Any]] = {}
        """Undeclared word → how often, and where first."""
        self._most = most

    def add(self, column: pa.ChunkedArray, place: Place) -> None:
        from holdfast.features.parse import parse

        read: Parsed = parse(self.field, column, place=place, shown=self._most)
        self.refused += int(read.refused.sum())
        self.mend = self.mend or next((problem.mend for problem in read.problems), "")
        self.told += [problem.what for problem in read.problems][: self._most - len(self.told)]
        if self.field.type == "category":
            self._words(column, np.flatnonzero(read.column.values == UNKNOWN_CODE), place)

    def _words(self, column: pa.ChunkedArray, at: Any, place: Place) -> None:
        from holdfast.features.parse import as_text, one_array

        if not len(at):
            return
        words = as_text(one_array(column)).take(at).to_pylist()
        for row, word in zip(at.tolist(), words, strict=True):
            seen = self.unknown.get(word)
            if seen is None:
                self.unknown[word] = [1, place(row)]
            else:
                seen[0] += 1

    @property
    def _undeclared(self) -> int:
        return sum(many for many, _ in self.unknown.values())

    @property
    def _tolerant(self) -> bool:
        return self.field.type == "category" and self.field.on_unknown != "refuse"

    def findings(self, rows: int) -> list[Finding]:
        name = self.field.name
        first = self.told[0] if self.told else ""
        made = [verdict(f"{name}.values", not self.refused, first, self.mend, self.refused or rows)]
        if self._tolerant:
            covered = 1 - self._undeclared / max(1, rows)
            why = f"{covered:.1%} of the rows have a declared word"
            if self.unknown:
                most = sorted(self.unknown.items(), key=lambda item: -item[1][0])
                why += ", not " + ", ".join(f"{word} ({many:,})" for word, (many, _) in most[:WORDS])
                why += f" and {len(most) - WORDS} more words" if len(most) > WORDS else ""
            mend = "declare the new words in the contract, and train again"
            made.append(verdict(f"{name}.vocabulary", covered >= COVERED, why, mend, self._undeclared or rows))
        return made

    def held(self, rows: int) -> dict[str, float]:
        made = {f"{self.field.name}.values": 1 - self.refused / max(1, rows)}
        if self._tolerant:
            made[f"{self.field.name}.vocabulary"] = 1 - self._undeclared / max(1, rows)
        return made

    def places(self) -> dict[str, tuple[str, ...]]:
        most = sorted(self.unknown.items(), key=lambda item: -item[1][0])[: self._most]
        words = tuple(f"{word}: {many:,} times, first in {place}" for word, (many, place) in most)
        found = {f"{self.field.name}.values": tuple(self.told), f"{self.field.name}.vocabulary": words}
        return {code: told for code, told in found.items() if told}


def _percent(share: float | None) -> str:
    """Never rounded up to a hundred."""
    if share is None:
        return ""
    return "100%" if share == 1 else f"{min(share, 0.9999):.2%}"


def _feature(feature: Feature, values: Any) -> list[Finding]:
    made = []
    null = np.isnan(values)
    with np.errstate(invalid="ignore"):
        if feature.at_least is not None:
            made.append(_bound(feature, "at_least", feature.at_least, int((values < feature.at_least).sum())))
        if feature.at_most is not None:
            made.append(_bound(feature, "at_most", feature.at_most, int((values > feature.at_most).sum())))
    if feature.max_null_share is not None and len(values):
        share = float(null.mean())
        why = f"{share:.1%} null, at most {feature.max_null_share:.1%} promised"
        held = share <= feature.max_null_share
        made.append(verdict(f"{feature.name}.max_null_share", held, why, "look at its source", int(null.sum())))
    return made


def _bound(feature: Feature, word: str, limit: float, count: int) -> Finding:
    why = f"{count:,} rows are not {word.replace('_', ' ')} {limit:g}" if count else ""
    return verdict(f"{feature.name}.{word}", not count, why, "look at these rows", count)
