"""WATCH406: how do groups fare? Favourable decisions at once, true and false positive rates as labels mature."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holdfast.intervals import gap, ratio
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.judged import Groups, Judged, Mask
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.matured import WEEK, level_of, matured
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH406"
WEEKS = 4
MEND = "holdfast check VERSION --only K7 shows how it stood at the gate; let people decide about this group meanwhile"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    view = matured(seen)
    rows = None if view is None else view.everything.between(seen.now - WEEKS * WEEK, seen.now + 1)
    if view is None or rows is None or not rows.groups:
        yield Finding(CODE, "not_applicable", "none", "no protected field is known of decisions")
        return
    settled = view.whole.between(view.end - WEEKS * WEEK, view.end)
    found = [item for name in rows.groups for item in _fared(name, rows, settled, limits, len(rows.groups))]
    bad = [item for item in found if item.status == "alert"]
    yield from bad or found[:1] or [Finding(CODE, "too_few", "none", "no two groups have enough decisions")]


def _fared(name: str, rows: Judged, settled: Judged, limits: Limits, groupings: int) -> Iterator[Finding]:
    wished = rows.decided if limits.favourable == "positive" else ~rows.decided
    counts = _counts(rows.groups[name], wished, np.ones(len(rows), np.bool_), limits)
    if len(counts) < 2:
        return
    level = level_of(limits, 3 * groupings * len(counts))
    most = max(counts, key=lambda word: counts[word][0] / counts[word][1])
    worst = min(counts, key=lambda word: counts[word][0] / counts[word][1])
    told = f"{name} {worst}: "
    for word in counts:
        less = ratio(counts[word], counts[most], level)
        if word != most and less.high < limits.least_impact_ratio:
            why = f"{name} {word} gets {less} of the favourable decisions that {most} gets"
            yield _alert(name, word, "impact", why, {"ratio": less.as_dict(), "rows": counts[word][1]}, rows)
    truth = settled.truth == 1
    for what, inside in (("true", truth), ("false", ~truth)):
        rates = _counts(settled.groups[name], settled.decided, inside, limits, least=30)
        if len(rates) < 2:
            continue
        best = max(rates, key=lambda word: rates[word][0] / rates[word][1])
        for word, (hits, of) in rates.items():
            below = gap((hits, of), rates[best], level)
            if word != best and below.low > limits.rate_gap:
                why = f"{name} {word} has a {what} positive rate {below} below that of {best}"
                yield _alert(name, word, f"{what}_positive_rate", why, {"gap": below.as_dict(), "rows": of}, settled)
    usual = ratio(counts[worst], counts[most], 0.95)
    yield Finding(CODE, "ok", "none", f"{told}{usual} of the favourable decisions of {most}", "", name)


def _alert(name: str, word: str, cause: str, why: str, evidence: dict[str, object], rows: Judged) -> Finding:
    since = int(rows.times[0]) if len(rows) else 0
    return Finding(CODE, "alert", cause, why, MEND, f"{name} = {word}", "high", evidence, since, len(rows))


def _counts(
    groups: Groups, said: Mask, inside: Mask, limits: Limits, least: int | None = None
) -> dict[str, tuple[int, int]]:
    found = {}
    for at, word in enumerate(groups.words):
        here = inside & (groups.code == at)
        if int(here.sum()) >= (limits.least_group_rows if least is None else least):
            found[word] = (int((said & here).sum()), int(here.sum()))
    return found


WATCH = Watch(CODE, "outcomes", "Groups fare alike", look)
