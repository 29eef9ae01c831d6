"""Outcomes from a file into the ledger, in the order of the file, beside a running server or without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.contract.model import Contract, Field, Label
from holdfast.errors import HoldfastError, Problem
from holdfast.project.project import Project

BATCH = 1_000
SHOWN = 10


@dataclass
class Recorded:
    """What became of each row: recorded now, recorded before, or refused."""

    label: str
    rows: int = 0
    recorded: int = 0
    repeated: int = 0
    refused: int = 0
    problems: list[Problem] = field(default_factory=list)
    """The first refusals."""

    def refuse(self, problem: Problem) -> None:
        self.refused += 1
        if len(self.problems) < SHOWN:
            self.problems.append(problem)

    def as_dict(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("label", "rows", "recorded", "repeated", "refused")}
        return {**counts, "problems": [problem.as_dict() for problem in self.problems]}

    def lines(self) -> list[str]:
        head = f"{self.rows:,} outcomes of {self.label}: {self.recorded:,} recorded, {self.repeated:,} known already"
        return [f"{head}, {self.refused:,} refused", *(f"  - {problem}" for problem in self.problems)]


def outcomes(
    project: Project,
    source: Path,
    *,
    label: str | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Recorded:
    """Record a file of outcomes: `event_id` (or the source's own id field) or `prediction_id`, the label's value, and
    optionally `version` (1 first, higher to correct).

    Raises HoldfastError when the file or its columns cannot be read; a row at fault is refused on its own.
    """
    from holdfast.features import sources
    from holdfast.ledger.duplicates import Conflict
    from holdfast.ledger.ids import seq_of
    from holdfast.ledger.records import Decision, Outcome

    meant = _label(project.contract, label)
    about = project.contract.source(meant.source)
    present = sources.names_of(source, str(source))
    by_event = next((name for name in ("event_id", about.id) if name in present), None)
    name = by_event or "prediction_id"
    value = next((item for item in (meant.name, "value") if item in present), None)
    if value is None or name not in present:
        raise HoldfastError(
            "the outcomes lack columns",
            where=str(source),
            mend=f"it needs event_id, {about.id} or prediction_id, and {meant.name} or value",
        )
    done = Recorded(meant.name)
    total = sources.count(source, str(source))
    columns = [name, value, *(["version"] if "version" in present else [])]
    with project.writing() as (_, writer):
        for table in sources.stream(source, columns, str(source), BATCH):
            waiting = []
            for row in _rows(table, name, value, done):
                event_id = row.name
                if by_event is None:
                    found = project.reader.record(seq_of(row.name) or 0)
                    if not isinstance(found, Decision):
                        done.refuse(Problem(f"row {row.number}", "unknown_id", f"no prediction {row.name!r} is known"))
                        continue
                    event_id = found.event_id
                made = Outcome(
                    source=about.name, label=meant.name, event_id=event_id, version=row.version, value=row.value
                )
                waiting.append((row.number, made))
            settled = writer.settle([record for _, record in waiting])
            for (number, record), kept in zip(waiting, settled, strict=True):
                if isinstance(kept, Conflict):
                    done.refuse(Problem(f"row {number}", "conflict", kept.what, kept.mend))
                elif kept is record:
                    done.recorded += 1
                else:
                    done.repeated += 1
            if progress is not None:
                progress(done.rows, total)
    return done


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    name: str
    value: int
    version: int


def _rows(table: Any, name: str, value: str, done: Recorded) -> list[_Row]:
    """The readable rows of one chunk; the others are refused."""
    from holdfast.features.parse import parse

    first = done.rows
    parsed = [
        parse(Field(name, "text"), table.column(name), first),
        parse(Field(value, "boolean"), table.column(value), first),
    ]
    if "version" in table.column_names:
        parsed.append(parse(Field("version", "integer", at_least="1"), table.column("version"), first))
    done.rows += table.num_rows
    bad = parsed[0].refused.copy()
    for item in parsed[1:]:
        bad |= item.refused
    for problem in [problem for item in parsed for problem in item.problems][: max(0, SHOWN - len(done.problems))]:
        done.problems.append(problem)
    done.refused += int(bad.sum())
    versions = parsed[2].column.values.tolist() if len(parsed) > 2 else [1] * table.num_rows
    cells = zip(parsed[0].column.values.tolist(), parsed[1].column.values.tolist(), versions, strict=True)
    return [_Row(first + at, *cell) for at, cell in enumerate(cells) if not bad[at]]


def _label(contract: Contract, name: str | None) -> Label:
    if name is None:
        return contract.target
    found = [item for item in contract.labels if item.name == name]
    if not found:
        known = ", ".join(item.name for item in contract.labels)
        raise HoldfastError(f"the contract has no label {name!r}", where=contract.name, mend=f"one of: {known}")
    return found[0]
