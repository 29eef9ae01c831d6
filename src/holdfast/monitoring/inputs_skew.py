"""WATCH208: does the batch path compute of the same records what was answered live?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.watch import Watch

CODE = "WATCH208"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    skew = seen.skew()
    if skew is None or not skew.rows:
        yield Finding(CODE, "not_applicable", "none", "no live answers were computed again by batch yet")
        return
    evidence = {"rows": skew.rows, "differing": skew.differing, "skewed": skew.skewed}
    if skew.differing:
        name, rows = max(skew.by_feature.items(), key=lambda pair: pair[1], default=("", skew.differing))
        why = (
            f"{skew.differing:,} of {skew.rows:,} live answers differ from what batch computes; {name} most ({rows:,})"
        )
        mend = "holdfast parity --live shows the first; do not trust either until it is found"
        yield Finding(CODE, "alert", "skew", why, mend, name, "critical", evidence | {"by_feature": skew.by_feature},
                      seen.now, skew.rows)  # fmt: skip
    elif skew.skewed > limits.skewed_share * skew.rows:
        name, rows = max(skew.skew_by_feature.items(), key=lambda pair: pair[1], default=("", skew.skewed))
        why = f"{skew.skewed:,} of {skew.rows:,} answers lacked records that training will have; {name} most ({rows:,})"
        mend = "records of its source arrive late: have them sent before the decision, or give the source a lag"
        yield Finding(CODE, "alert", "arrival", why, mend, name, "warning",
                      evidence | {"by_feature": skew.skew_by_feature}, seen.now, skew.rows)  # fmt: skip
    else:
        why = f"{skew.rows:,} live answers are to the bit what batch computes; {skew.skewed:,} met late records"
        yield Finding(CODE, "ok", "none", why, evidence=evidence, predictions=skew.rows)


WATCH = Watch(CODE, "inputs", "Training and serving compute the same", look)
