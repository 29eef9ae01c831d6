"""A batch held against every rule of the contract, and its features against their thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.contract.model import Contract, Feature, Field
from holdfast.errors import HoldfastError
from holdfast.finding import Finding
from holdfast.project.build import features as feature_table
from holdfast.project.project import Project
from holdfast.training.rows import Table

if TYPE_CHECKING:
    from holdfast.features.parse import Parsed

CHUNK = 131_072
COVERED = 0.8
"""Least share of rows whose category is a declared word."""


@dataclass(frozen=True)
class Validated:
    """Every finding about one batch. `share` is how many of them passed."""

    source: str
    rows: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return self.rows > 0 and all(finding.ok for finding in self.findings)

    @property
    def share(self) -> float:
        return sum(finding.ok for finding in self.findings) / max(1, len(self.findings))

    def rows_shown(self) -> list[Finding]:
        """What did not pass; everything when all did."""
        return [finding for finding in self.findings if not finding.ok] or list(self.findings)

    def table(self) -> list[tuple[str, str, int | None, str, str]]:
        return [(item.code, item.status, item.rows, item.why, item.mend) for item in self.rows_shown()]

    def lines(self) -> list[str]:
        passed = sum(finding.ok for finding in self.findings)
        return [f"{self.source}: {self.rows:,} rows, {passed} of {len(self.findings)} findings passed"]

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "source": self.source,
            "rows": self.rows,
            "passed_share": self.share,
            "findings": [finding.as_dict() for finding in self.findings],
        }


def validate(
    project: Project,
    source: Path | None = None,
    *,
    events: str | None = None,
    features: bool = True,
    contract: Contract | None = None,
) -> Validated:
    """Check a file of events (default: the configured history of the deciding source) field by field.

    By the project's contract as it is now, or by the `contract` of a version.

    With `features`, and for the configured history only, the built features are held against the thresholds that the
    contract states for them. Raises HoldfastError where the file cannot be read at all.
    """
    from holdfast.features import sources

    contract = contract or project.contract
    name = events or contract.decide_on
    if name not in [item.name for item in contract.sources]:
        known = ", ".join(item.name for item in contract.sources)
        raise HoldfastError(f"the contract has no source {name!r}", mend=f"one of: {known}")
    path = source or project.inputs(contract)[name]
    fields = contract.source(name).fields
    present = sources.names_of(path, str(path))
    findings, found = _present(fields, present)
    seen = {field.name: _Seen(field) for field in fields if field.name in found}
    rows = 0
    for table in sources.stream(path, list(dict.fromkeys(found.values())), str(path), CHUNK):
        for field, column in found.items():
            seen[field].add(table.column(column), rows)
        rows += table.num_rows
    findings += [finding for item in seen.values() for finding in item.findings(rows)]
    if features and source is None and name == contract.decide_on:
        findings += thresholds(contract, feature_table(project, contract=contract))
    return Validated(str(path), rows, tuple(findings))


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
    for field in fields:
        spared = field.generated or field.nullable or field.on_null == "impute"
        name, problem = resolve(present, field.name, field.former, optional=spared)
        if problem is not None:
            findings.append(Finding(f"{field.name}.present", "failed", problem.what, problem.mend))
        elif name is not None:
            findings.append(Finding(f"{field.name}.present", "passed", "" if name == field.name else f"as {name}"))
            found[field.name] = name
    return findings, found


class _Seen:
    """What the chunks of one field showed."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.refused = 0
        self.first = ""
        self.mend = ""
        self.unknown = 0

    def add(self, column: Any, first_row: int) -> None:
        from holdfast.features.parse import parse

        read: Parsed = parse(self.field, column, first_row)
        self.refused += int(read.refused.sum())
        if read.problems and not self.first:
            self.first, self.mend = read.problems[0].what, read.problems[0].mend
        if self.field.type == "category":
            self.unknown += int((read.column.values == 1).sum())

    def findings(self, rows: int) -> list[Finding]:
        name = self.field.name
        made = [verdict(f"{name}.values", not self.refused, self.first, self.mend, self.refused or rows)]
        if self.field.type == "category" and self.field.on_unknown != "refuse":
            covered = 1 - self.unknown / max(1, rows)
            why = f"{covered:.1%} of the rows have a declared word"
            mend = "declare the new words in the contract, and train again"
            made.append(verdict(f"{name}.vocabulary", covered >= COVERED, why, mend, self.unknown or rows))
        return made


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
