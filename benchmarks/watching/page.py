"""The comparison as a page: caught after how many predictions, whether the column is right, false alarms, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.watching.tables import HIT, Ours

from holdfast.drills.catalog import DRILLS

INTRO = """\
The same recorded traffic, clean and with one incident each, as a real server answered it: to us as it counts while it
serves, to the others as tables of the features it used. Each of the others is asked after 50, 100, 200, 500, 1,000 and
2,000 predictions. One has caught an incident when it raises a column that it does not raise of the clean twin at the
same size: the kindest rule that is honest. **Bold**: the column (or our cause) is the right one. False alarms: days of
clean traffic on which anything was raised; for us, alerts in all of the clean weeks. Requests that the contract refuses
never become rows, so they are not shown to the others."""
COST = """\
Seconds of one look, and the most memory the process had. Ours reads what was counted while it was served, so it does
not grow with predictions; the counting itself is told beside it. The others read the rows, which lie in memory already
when the clock starts."""
NAMES = {"drift_preset": "Evidently, drift preset", "nanny": "NannyML, univariate and CBPE", "ks": "KS at p < 0.05"}
Answers = Mapping[str, Mapping[str, Any]]


def page(
    ours: Mapping[str, Mapping[str, Ours]],
    answers: Mapping[str, Answers],
    costs: Mapping[int, Mapping[str, Any]],
    features: int,
) -> str:
    lines = [
        "# Watching, side by side", "",
        f"`python -m benchmarks.watching --templates {' '.join(ours)}`", "",
        INTRO,
    ]  # fmt: skip
    for template, found in ours.items():
        lines += ["", f"## {template}", "", *_table(found, answers[template])]
    lines += ["", f"## One look at {features} features", "", *_cost(costs)]
    return "\n".join(lines) + "\n"


def _table(ours: Mapping[str, Ours], answers: Answers) -> list[str]:
    head = ["incident", "ours", *NAMES.values()]
    lines = [_row(head), _row(["---"] * len(head))]
    for drill in DRILLS:
        if drill.id in ours:
            cells = [f"{drill.id} {drill.incident}", _we(ours[drill.id], ours["clean"], drill.causes)]
            lines.append(_row([*cells, *(_they(answers[name], drill.id) for name in NAMES)]))
    said = len(ours["clean"].caught)
    lines.append(_row(["false alarms", str(said), *(_false(answers[name]) for name in NAMES)]))
    lines.append(_row(["seconds for all of it", "", *(f"{answers[name].get('seconds', 0):.0f}" for name in NAMES)]))
    return lines


def _we(item: Ours, clean: Ours, causes: tuple[str, ...]) -> str:
    usual = {(one.by, one.cause) for one in clean.caught}
    new = [one for one in item.caught if (one.by, one.cause) not in usual]
    right = [one for one in new if one.cause in causes]
    first = min(right or new, key=lambda one: one.predictions, default=None)
    if first is None:
        return "–"
    return f"**{first.predictions:,}** {first.cause}" if right else f"{first.predictions:,} {first.cause}"


def _they(told: Mapping[str, Any], incident: str) -> str:
    if "missing" in told:
        return "not installed"
    seen = told["incidents"].get(incident, {})
    for size, raised in sorted(seen.items(), key=lambda pair: int(pair[0])):
        new = sorted(set(raised) - set(told["quiet"].get(size, [])))
        if new:
            word = HIT.get(incident, "")
            right = any(word in name for name in new) if word else True
            return f"**{int(size):,}** ({len(new)} columns)" if right else f"{int(size):,} ({len(new)} others)"
    error = told["errors"].get(incident)
    return f"stops: {error[:60]}" if error else "–"


def _false(told: Mapping[str, Any]) -> str:
    if "missing" in told:
        return ""
    windows = told["windows"]
    loud = [item for item in windows if item]
    return f"{len(loud)} of {len(windows)} days, {sum(map(len, loud))} columns"


def _cost(costs: Mapping[int, Mapping[str, Any]]) -> list[str]:
    lines = [_row(["predictions", "ours", *NAMES.values()]), _row(["---"] * (2 + len(NAMES)))]
    for rows, found in costs.items():
        lines.append(_row([f"{rows:,}", *(_priced(found[name]) for name in ("ours", *NAMES))]))
    return [
        *lines, "",
        COST,
    ]  # fmt: skip


def _priced(told: Mapping[str, Any]) -> str:
    if "error" in told:
        return f"stops: {told['error'].strip()[-60:]}"
    also = f", counting {told['counting']:.1f} s" if "counting" in told else ""
    return f"{told['seconds']:.2f} s, {told['peak_mb']:,.0f} MB{also}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
