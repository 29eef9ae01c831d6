"""What the traffic itself tells: decision rates, segments, features that moved, refusals, skew, outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.contract.values import timestamp_text
from holdfast.project.incidents.figures import FEWEST, matrix, moves, outcomes, shown
from holdfast.project.incidents.scene import Gathered, Scene
from holdfast.project.incidents.stretch import Around, Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from holdfast.bundle.bundle import Bundle
    from holdfast.ledger.records import Refusal

SHOWN = 5
EXAMPLES = 3
SAMPLE = 100
"""Answers that are computed again for the skew."""
MOVED = 0.1
"""PSI from which on a feature is named."""


def decisions(scene: Scene) -> Gathered:
    """The decision rate, by version, before and after it began."""
    told: dict[str, Any] = {}
    lines = []
    for name, part in _parts(scene.seen):
        by = Counter((item.version, item.decision) for item in part.decisions)
        for version in sorted({item.version for item in part.decisions}):
            yes, no = by[version, True], by[version, False]
            told[f"{name} {version}"] = {"decisions": yes + no, "positive": yes}
            lines.append(
                f"{name}: version {version} decided {yes:,} of {yes + no:,} positively ({yes / (yes + no):.1%})"
            )
    examples = [
        {"prediction_id": item.prediction_id, "probability": item.probability, "threshold": item.threshold}
        for item in scene.seen.during.decisions
        if item.decision
    ][-EXAMPLES:]
    lines += [f"for example {item['prediction_id']}: {item['probability']:.4f}" for item in examples]
    return Gathered("decisions", "Decision rate", tuple(lines), {"rates": told, "examples": examples})


def _by_code(part: Part, at: int, width: int) -> dict[float, tuple[int, int]]:
    counts: dict[float, tuple[int, int]] = {}
    for item in part.decisions:
        row = np.frombuffer(item.features, "<f8")
        if len(row) == width:
            yes, of = counts.get(float(row[at]), (0, 0))
            counts[float(row[at])] = (yes + item.decision, of + 1)
    return counts


def segments(scene: Scene) -> Gathered:
    """Where the share of positive decisions rose most, by each word of each category."""
    from holdfast.explain.words import is_personal, value_in_words

    bundle = scene.bundle
    rows: list[dict[str, Any]] = []
    if bundle is None:
        return Gathered("segments", "Segments hit", lacking="the bundle that is live cannot be opened")
    for at, feature in enumerate(bundle.contract.features):
        if feature.expr.kind not in ("category", "boolean") or is_personal(bundle.contract, feature):
            continue
        before, during = (
            _by_code(part, at, len(bundle.contract.features)) for part in (scene.seen.before, scene.seen.during)
        )
        for code, (yes, of) in during.items():
            was_yes, was_of = before.get(code, (0, 0))
            if of >= FEWEST:
                was = was_yes / was_of if was_of >= FEWEST else None
                word = value_in_words(bundle.contract, feature, code)
                rows.append({"feature": feature.name, "value": str(word), "before": was, "during": yes / of, "of": of})
    rows.sort(key=lambda row: -(row["during"] - (row["before"] or 0.0)))
    lines = [
        f"{row['feature']} = {row['value']}: {'too few' if row['before'] is None else format(row['before'], '.1%')} "
        f"positive before, {row['during']:.1%} of {row['of']:,} during"
        for row in rows[:SHOWN]
    ]
    return Gathered(
        "segments", "Segments hit", tuple(lines or ["no category has enough decisions"]), {"segments": rows}
    )


def inputs(scene: Scene) -> Gathered:
    """Which features moved, and by what factor their middle did."""
    before, during = (matrix(part.decisions) for part in (scene.seen.before, scene.seen.during))
    title = "Features that moved"
    if len(before) < FEWEST or len(during) < FEWEST or scene.bundle is None:
        return Gathered("inputs", title, lacking=f"{len(during)} decisions during it, {len(before)} before")
    names = [item.name for item in scene.bundle.contract.features]
    if not len(names) == before.shape[1] == during.shape[1]:
        return Gathered("inputs", title, lacking="the versions have other features")
    rows, lines = [], []
    for at, psi in moves(before, during)[:SHOWN]:
        was, is_now = (_middle(part[:, at]) for part in (before, during))
        nulls = [float(np.isnan(part[:, at]).mean()) for part in (before, during)]
        factor = is_now / was if was and is_now is not None else None
        rows.append(
            {
                "feature": names[at],
                "field": _field(scene.bundle, at),
                "psi": psi,
                "before": was,
                "during": is_now,
                "factor": factor,
                "nulls": nulls,
            }
        )
        if psi > MOVED:
            told = f"{names[at]}: the middle was {shown(was)}, is {shown(is_now)}"
            by = f", {factor:.4g} times as much" if factor is not None and factor != 1 else ""
            null = f", nulls {nulls[0]:.1%} then {nulls[1]:.1%}" if max(nulls) else ""
            lines.append(f"{told}{by}{null} (PSI {psi:.2f})")
    return Gathered("inputs", title, tuple(lines or ["none moved"]), {"features": rows})


def _field(bundle: Bundle, at: int) -> str:
    """The field that a feature simply is; empty where it is made of more."""
    expression = bundle.contract.features[at].expr
    return str(expression["name"]) if expression.op == "field" else ""


def _middle(column: NDArray[np.float64]) -> float | None:
    return None if np.isnan(column).all() else float(np.nanmedian(column))


def refusals(scene: Scene) -> Gathered:
    """What was refused and why, with examples whose personal fields are masked, and a name that may have changed."""
    found = scene.seen.during.refusals
    reasons = Counter(
        (problem.get("field", ""), problem.get("code", "")) for item in found for problem in item.problems
    )
    lines = [f"{len(found):,} requests refused since {timestamp_text(scene.since)}"]
    lines += [f"{count:,} times {name or 'the request'}: {code}" for (name, code), count in reasons.most_common(SHOWN)]
    examples = [item.body.decode("utf-8", "replace") for item in found if item.body][-EXAMPLES:]
    lines += [f"for example {text}" for text in examples]
    names = renamed(found)
    lines += [f"{meant} may come as {came} now ({count:,} requests)" for came, meant, count in names]
    return Gathered(
        "refusals", "Refused requests", tuple(lines),
        {
            "refused": len(found), "examples": examples,
            "reasons": [{"field": name, "code": code, "count": count} for (name, code), count in reasons.most_common()],
            "renamed": [{"came": came, "meant": meant, "count": count} for came, meant, count in names],
        },
    )  # fmt: skip


def renamed(found: Sequence[Refusal]) -> list[tuple[str, str, int]]:
    """(as it comes, the field that lacks, requests): a field missing wherever another name is new, most often first.

    Where several are, names that are alike go together; what is not alike is not guessed.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    for item in found:
        missing = {problem["field"] for problem in item.problems if problem.get("code") == "missing"}
        new = {problem["field"] for problem in item.problems if problem.get("code") == "unknown_field"}
        if len(missing) == 1 and len(new) == 1:
            pairs[new.pop(), missing.pop()] += 1
        else:
            pairs.update((came, meant) for came in new for meant in missing if came in meant or meant in came)
    told: dict[str, tuple[str, str, int]] = {}
    for (came, meant), count in pairs.most_common():
        if meant not in told and came not in {row[0] for row in told.values()}:
            told[meant] = (came, meant, count)
    return list(told.values())


def skew(scene: Scene) -> Gathered:
    """A sample of answers computed again by the way of training."""
    from holdfast.project.replay import live_parity

    found = live_parity(scene.project, sample=SAMPLE)
    told = {
        "ok": found.ok, "decisions": found.replayed.decisions, "differing_bits": found.replayed.differing_bits,
        "arrived_late": found.skewed, "by_feature": found.skew_by_feature,
    }  # fmt: skip
    return Gathered("skew", "Training and serving", tuple(str(found).splitlines()[:SHOWN]), told)


def judged(scene: Scene) -> Gathered:
    """Recall and precision by week of event time, as far as outcomes have come."""
    truths = outcomes(scene.project, scene.bundle, scene.now)
    weeks: dict[int, Counter[str]] = {}
    for part in (scene.seen.before, scene.seen.during, scene.seen.after):
        for item in part.decisions:
            if item.event_id in truths:
                week = (item.time - scene.since) // (7 * 86_400_000_000)
                kind = f"{'yes' if item.decision else 'no'} {'true' if truths[item.event_id] else 'false'}"
                weeks.setdefault(int(week), Counter())[kind] += 1
    rows, lines = [], []
    for week, told in sorted(weeks.items()):
        real, said = told["yes true"] + told["no true"], told["yes true"] + told["yes false"]
        recall = told["yes true"] / real if real else None
        precision = told["yes true"] / said if said else None
        rows.append({"week": week, "outcomes": sum(told.values()), "recall": recall, "precision": precision})
        shown = [f"{name} {'none' if value is None else format(value, '.1%')}"
                 for name, value in (("recall", recall), ("precision", precision))]  # fmt: skip
        lines.append(f"week {week:+d}: {', '.join(shown)}, {sum(told.values()):,} outcomes")
    return Gathered("outcomes", "Outcomes by week", tuple(lines or ["no outcome has come"]), {"weeks": rows})


def _parts(seen: Around) -> list[tuple[str, Part]]:
    return [("before", seen.before), ("during", seen.during), ("after", seen.after)]
