"""WATCH204: do two features come in each other's place?"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.monitoring.finding import Finding
from holdfast.monitoring.fits import swapped
from holdfast.monitoring.limits import Limits
from holdfast.monitoring.seen import Seen
from holdfast.monitoring.stretches import Stretch, drifted
from holdfast.monitoring.watch import Watch

CODE = "WATCH204"


def look(seen: Seen, limits: Limits) -> Iterator[Finding]:
    groups: dict[int, tuple[Stretch, list[int]]] = {}
    for stretch, feature in drifted(seen, limits):
        groups.setdefault(id(stretch), (stretch, []))[1].append(feature)
    told: set[int] = set()
    for stretch, features in groups.values():
        for first, second in swapped(stretch, features):
            if first in told or second in told:
                continue
            told |= {first, second}
            one, other = seen.expected.names[first], seen.expected.names[second]
            why = f"{one} looks like training's {other}, and {other} like {one}, over {stretch.told()}"
            mend = f"{one} and {other} were swapped upstream: swap them back at the source"
            yield Finding(
                CODE, "alert", "swapped", why, mend, one, "critical", {"pair": [one, other]}, stretch.start, stretch.n
            )


WATCH = Watch(CODE, "inputs", "Features stand in their own places", look)
