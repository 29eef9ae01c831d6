"""Ask every cause of a pair, and put what was found in order; say what was compared, and what could not be.

The order: the heaviest first, ties by code. A cause weighs most when it was seen in the rows themselves and lies
upstream of others (another source, a missing variable, scores that change when asked twice); less when it is a
circumstance beside something that differs (library, Python, seed); least when nothing could be compared. So what
explains others comes before them: each finding says which others may be its consequences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdfast.doctor.catalog import CAUSES
from holdfast.doctor.cause import Finding
from holdfast.doctor.causes.environment import differing
from holdfast.doctor.causes.target import judged
from holdfast.doctor.pair import Pair
from holdfast.doctor.side import UNTOLD, Side

SCHEMA = 1
UNEXPLAINED = "DOC17"


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says of two sides."""

    research: Side
    production: Side
    findings: tuple[Finding, ...]
    compared: tuple[str, ...]
    uncompared: tuple[str, ...]
    notes: tuple[str, ...]
    """Differences that were seen to do no harm."""

    @property
    def ok(self) -> bool:
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "ok": self.ok,
            "research": {"kind": self.research.kind, "place": self.research.place},
            "production": {"kind": self.production.kind, "place": self.production.place},
            "findings": [item.as_dict() for item in self.findings],
            "compared": list(self.compared),
            "not_compared": list(self.uncompared),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """For a person: each cause with what was seen and what to do, then what was looked at."""
        said = []
        for at, item in enumerate(self.findings, start=1):
            said += [f"{at}. {item.code} {item.cause}: {item.says}", f"   {item.solution}"]
            named = {other.code for other in self.findings}
            follows = [code for code in item.explains if code in named]
            said += [f"   may be its consequence: {', '.join(follows)}"] if follows else []
            said += [f"   $ {command}" for command in item.commands]
        said += [] if self.findings else ["nothing found"]
        said += ["", f"research    {self.research.kind} {self.research.place}"]
        said += [f"production  {self.production.kind} {self.production.place}"]
        for head, lines in (("compared", self.compared), ("not compared", self.uncompared), ("noted", self.notes)):
            said += [f"{head}:", *(f"  - {line}" for line in lines)] if lines else []
        return said


def diagnose(research: Side, production: Side) -> Diagnosis:
    """Every cause that is the case, the likeliest first."""
    pair = Pair(research, production)
    found = [item for cause in CAUSES if (item := cause.look(pair)) is not None]
    if any(UNEXPLAINED in item.explains for item in found):
        found = [item for item in found if item.code != UNEXPLAINED]
    found.sort(key=lambda item: (-item.weight, item.code))
    compared, uncompared = _compared(pair)
    return Diagnosis(research, production, tuple(found), compared, uncompared, _notes(pair, found))


def _compared(pair: Pair) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ours, theirs = pair.research, pair.production
    both = len(pair.common[0])
    mine, live = ours.environment, theirs.environment
    shared = len({*mine.libraries} & {*live.libraries})
    scores, labels = pair.scores, pair.labels
    rows = 0 if theirs.rows is None or not theirs.live else len(theirs.rows)
    twice = [side.role for side in (ours, theirs) if side.rows is not None and side.rows.again is not None]
    judges = judged(ours.rows) is not None and judged(theirs.rows) is not None
    asked: list[tuple[bool, str, str]] = [
        (shared > 0, f"versions of {shared} libraries", "library versions"),
        (bool(mine.python and live.python), "Python versions", "Python versions"),
        (bool(mine.platform and live.platform), "platforms", "platforms"),
        (UNTOLD not in (ours.seed, theirs.seed), "seeds", "seeds"),
        (bool({*ours.sources} & {*theirs.sources}), "data sources", "data sources"),
        (_models_told(pair), "which model it is", "which model it is"),
        (both > 0, f"{both:,} rows that both have, and their order", "row by row: no id is in both"),
        (bool(pair.inputs), f"{len(pair.inputs)} inputs of these rows", "what came in for the same rows"),
        (bool(pair.features), f"{len(pair.features)} features of these rows", "features of the same rows"),
        (scores is not None, f"{both:,} scores of these rows", "scores of the same rows"),
        (pair.split is not None, "the split of these rows", "the split"),
        (bool(pair.columns), f"distributions of {len(pair.columns)} columns, {rows:,} live rows", "distributions"),
        (bool(twice), f"a second scoring in {' and '.join(twice)}", "scoring the same row twice"),
        (labels is not None or judges, "labels", "labels, and what scores tell about them"),
    ]
    asked.append((not pair.too_short, "", "shares and distributions: the live rows span less than a week"))
    few = bool(pair.live and pair.within_a_week and {*pair.research.windowed} & {*pair.columns} and not pair.too_short)
    asked.append((not few, "", "distributions of what looks into the past: the live rows span less than a week"))
    yes = [f"{told}" for there, told, _ in asked if there and told]
    no = [missing for there, _, missing in asked if not there]
    if theirs.replayed:
        yes.append(f"{theirs.replayed:,} recorded answers computed again from their records")
    if pair.proved:
        yes.append("the model's own golden rows, which come out to the bit where production runs")
    return tuple(yes), (*no, *(f"{side.role}: {what}" for side in (ours, theirs) for what in side.untold))


def _models_told(pair: Pair) -> bool:
    ours, theirs = pair.research.model, pair.production.model
    return bool((ours.hash and theirs.hash) or (ours.bundle and theirs.bundle))


def _notes(pair: Pair, found: list[Finding]) -> tuple[str, ...]:
    """Differences in environment, order or files that nothing came of."""
    named = {item.code for item in found}
    notes = []
    if pair.shown_equal:
        other = differing(pair)
        ours, theirs = pair.research.environment, pair.production.environment
        notes += [f"{name} {a} in research, {b} in production: no harm was seen" for name, (a, b) in other.items()]
        for what in ("python", "platform"):
            a, b = getattr(ours, what), getattr(theirs, what)
            notes += [f"{what} {a} in research, {b} in production: no harm was seen"] if a and b and a != b else []
    if pair.order_differs and "DOC06" not in named:
        notes.append("rows stand in another order, and nothing depends on it")
    gone = int(pair.unscored.sum())
    if gone and not pair.unscored_for and "DOC17" not in named:
        notes.append(f"{gone:,} live rows got no score")
    return tuple(notes)
