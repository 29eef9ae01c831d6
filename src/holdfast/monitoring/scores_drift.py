"""WATCH301: do scores come otherwise than the model gave them to rows it did not learn from?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.finding import Finding, Severity
from holdfast.monitoring.inputs_drift import measured
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import stretches, young
from holdfast.monitoring.watch import Watch

CODE = "WATCH301"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    looked = stretches(seen, limits)
    for at, stretch in enumerate(looked):
        recent = [item for item in looked[:at] if item.n >= limits.fast_predictions][-1:]
        beyond = float(stretch.beyond[-1])
        if beyond <= limits.score_psi or any(item.middle[-1] <= limits.score_psi / 2 for item in recent):
            continue
        if young(seen, limits):
            return
        what = measured(stretch, len(seen.expected.shapes) - 1)
        why = (
            f"scores are not spread as in training over {stretch.told()}: PSI {what['psi']:.2f}, "
            f"{beyond:.2f} beyond chance"
        )
        mend = "see which inputs drift; if none does, the model or a feature is not the one that was trained: roll back"
        severity: Severity = "high" if beyond > limits.high_psi else "warning"
        yield Finding(CODE, "alert", "score", why, mend, "", severity, what, stretch.start, stretch.n)
        return
    if looked:
        why = f"scores are spread as in training (PSI {looked[-1].psi[-1]:.3f} over {looked[-1].told()})"
        yield Finding(CODE, "ok", "none", why, predictions=looked[-1].n, since=looked[-1].start)


WATCH = Watch(CODE, "scores", "Scores come as they did in training", look)
