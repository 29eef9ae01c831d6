"""What the drills came to, as lines for a person and as the table of `docs/results.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holdfast.drills.run import Ran
from holdfast.errors import HoldfastError

OPEN, CLOSE = "<!-- drills -->", "<!-- /drills -->"
SCHEMA = 1


def as_dict(ran: Sequence[Ran], seconds: float) -> dict[str, Any]:
    counted = Counter(item.status for item in ran)
    return {
        "schema": SCHEMA,
        "ok": ok(ran),
        "counts": dict(counted),
        "seconds": round(seconds, 1),
        "drills": [item.as_dict() for item in ran],
    }


def ok(ran: Sequence[Ran]) -> bool:
    """Each was caught in time, its cause named, and no clean twin was spoken of."""
    return bool(ran) and all(item.ok for item in ran)


def delay(predictions: int, minutes: float) -> str:
    """After how much: ``48 predictions, 7.4 h``; at once where nothing had to be sent."""
    if not predictions and not minutes:
        return "at once"
    if minutes < 90:
        told = f"{minutes:.0f} min"
    elif minutes < 2 * 1_440:
        told = f"{minutes / 60:.1f} h"
    else:
        told = f"{minutes / 1_440:.1f} days"
    return f"{predictions:,} predictions, {told}"


def verdict(item: Ran) -> str:
    """One drill in one line."""
    if item.because:
        return f"not applicable: {item.because}"
    if item.error:
        return f"the drill failed: {item.error[:200]}"
    found = item.naming
    if found is None:
        others = ", ".join(f"{other.by} {other.cause}" for other in item.caught[:3])
        return f"said, but not this: {others}" if others else "not caught"
    late = "" if item.in_time else f" (late: {delay(item.drill.within.predictions, item.drill.within.minutes)} allowed)"
    return f"{found.by}: {found.cause}, after {delay(found.predictions, found.minutes)}{late}"


def line(item: Ran) -> str:
    mark = {"caught": "✓", "not applicable": "–"}.get(item.status, "✗")
    return f"{mark} {item.drill.id:<4} {item.drill.name:<22} {item.project:<8} {verdict(item)}"


def lines(ran: Sequence[Ran], seconds: float) -> list[str]:
    said = []
    for item in ran:
        said.append(line(item))
        said += [
            f"       the clean twin was told of, too: {other.by} {other.cause}: {other.why}" for other in item.clean
        ]
    return [*said, "", summary(ran, seconds)]


def summary(ran: Sequence[Ran], seconds: float) -> str:
    counted = Counter(item.status for item in ran)
    alarms = {(item.project, other.by, other.cause, other.why) for item in ran for other in item.clean}
    run = len(ran) - counted["not applicable"]
    return (
        f"{counted['caught']} of {run} incidents caught in time with their cause named; {counted['late']} late, "
        f"{counted['unnamed']} unnamed, {counted['missed']} missed, {counted['failed']} failed; "
        f"{counted['not applicable']} cannot apply; {len(alarms)} false alarms on clean twins; "
        f"{seconds / 60:.1f} minutes"
    )


def table(ran: Sequence[Ran], seconds: float, commands: str) -> str:
    """Incident × project, for the page of results."""
    projects = list(dict.fromkeys(item.project for item in ran))
    by = {(item.drill.id, item.project): item for item in ran}
    drills = list({item.drill.id: item.drill for item in ran}.values())
    head = ["incident", "limit", *projects]
    rows = [head, ["---"] * len(head)]
    for drill in drills:
        limit = delay(drill.within.predictions, drill.within.minutes)
        cells = [_cell(by[drill.id, name]) if (drill.id, name) in by else "" for name in projects]
        rows.append([f"**{drill.id}** {drill.incident}", limit, *cells])
    told = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    quiet = _clean(ran)
    return f"`{commands}`\n\n{summary(ran, seconds)}\n\n{quiet}\n\n{told}\n"


def _cell(item: Ran) -> str:
    mark = {"caught": "✓ ", "not applicable": "– ", "late": "late: "}.get(item.status, "**✗** ")
    told = verdict(item).replace("not applicable: ", "")
    return mark + " ".join(told.split())


def _clean(ran: Sequence[Ran]) -> str:
    told = dict.fromkeys(
        f"{item.project}: {other.by} {other.cause} ({' '.join(other.why.split())[:160]})"
        for item in ran
        for other in item.clean
    )
    return "The clean twins raised nothing." if not told else "Of the clean twins was said: " + "; ".join(told) + "."


def write(page: Path, told: str) -> None:
    """Put the table between its marks. Raises HoldfastError where the page has none."""
    text = page.read_text(encoding="utf-8")
    if OPEN not in text or CLOSE not in text:
        raise HoldfastError("the page has no place for the drills", where=str(page), mend=f"add {OPEN} and {CLOSE}")
    before, rest = text.split(OPEN, 1)
    after = rest.split(CLOSE, 1)[1]
    page.write_text(f"{before}{OPEN}\n{told}{CLOSE}{after}", encoding="utf-8")
