"""Every watch, in the order in which they look; and one look by all of them."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.monitoring import (
    inputs_drift,
    inputs_frozen,
    inputs_hours,
    inputs_population,
    inputs_share,
    inputs_skew,
    inputs_swapped,
    inputs_units,
    outcomes_calibration,
    outcomes_decisions,
    outcomes_delay,
    outcomes_estimated,
    outcomes_fairness,
    outcomes_importance,
    outcomes_prior,
    outcomes_ranking,
    outcomes_reconciled,
    outcomes_segments,
    quality_nulls,
    quality_placeholders,
    quality_range,
    quality_refused,
    quality_vocabulary,
    scores_decisions,
    scores_drift,
    service_errors,
    service_latency,
    service_refusals,
    service_volume,
)
from holdfast.monitoring.causes import ordered
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.reads import roots
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import stretches
from holdfast.monitoring.watch import Watch

WATCHES: tuple[Watch, ...] = (
    quality_nulls.WATCH,
    quality_range.WATCH,
    quality_placeholders.WATCH,
    quality_refused.WATCH,
    quality_vocabulary.WATCH,
    inputs_drift.WATCH,
    inputs_share.WATCH,
    inputs_units.WATCH,
    inputs_swapped.WATCH,
    inputs_hours.WATCH,
    inputs_frozen.WATCH,
    inputs_population.WATCH,
    inputs_skew.WATCH,
    scores_drift.WATCH,
    scores_decisions.WATCH,
    outcomes_ranking.WATCH,
    outcomes_decisions.WATCH,
    outcomes_segments.WATCH,
    outcomes_calibration.WATCH,
    outcomes_prior.WATCH,
    outcomes_fairness.WATCH,
    outcomes_importance.WATCH,
    outcomes_delay.WATCH,
    outcomes_estimated.WATCH,
    outcomes_reconciled.WATCH,
    service_volume.WATCH,
    service_latency.WATCH,
    service_errors.WATCH,
    service_refusals.WATCH,
)


def looked(seen: Seen, limits: Limits | None = None, watches: Sequence[Watch] = WATCHES) -> list[Finding]:
    """What all of them find in one look, causes before what they explain. A watch that fails says so, and is not ok."""
    limits = limits or Limits()
    found: list[Finding] = []
    for watch in watches:
        try:
            own = list(watch.look(seen, limits))
        except Exception as error:  # noqa: BLE001  # one that is broken must not blind the others
            why = f"{watch.title}: it could not look ({type(error).__name__}: {error})"
            own = [Finding(watch.code, "crashed", "crashed", why, "this is a bug in Holdfast: please report it")]
        found += own or [_silent(watch, seen, limits)]
    return ordered(found, roots(seen.bundle.contract))


def _silent(watch: Watch, seen: Seen, limits: Limits) -> Finding:
    """What it says that has nothing to say: all is well, unless hardly anything was there to be looked at."""
    if watch.pillar in ("quality", "inputs", "scores") and not stretches(seen, limits):
        return Finding(watch.code, "too_few", "none", f"fewer than {limits.least_predictions} decisions in a week")
    return Finding(watch.code, "ok", "none", watch.title)
