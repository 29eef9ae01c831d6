"""WATCH202: how many features drift at once?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import drifted, stretches, young
from holdfast.monitoring.watch import Watch

CODE = "WATCH202"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    names = seen.expected.names[:-1]
    found = sorted({feature for _, feature in drifted(seen, limits) if not young(seen, limits)})
    share = len(found) / max(1, len(names))
    evidence = {"drifted": [names[at] for at in found], "of": len(names), "share": round(share, 4)}
    if share > limits.drifted_share or len(found) > limits.drifted_features:
        high = share > limits.high_drifted_share
        why = f"{len(found)} of {len(names)} features drift ({share:.0%}): {', '.join(names[at] for at in found[:8])}"
        mend = "find what they have in common: a source, a filter of who is asked about, a release upstream"
        first = min((stretch for stretch, _ in drifted(seen, limits)), key=lambda item: item.n)
        yield Finding(
            CODE, "alert", "many_features", why, mend, "", "high" if high else "warning", evidence, first.start, first.n
        )
    elif stretches(seen, limits):
        yield Finding(CODE, "ok", "none", f"{len(found)} of {len(names)} features drift", evidence=evidence)


WATCH = Watch(CODE, "inputs", "Few features drift at once", look)
