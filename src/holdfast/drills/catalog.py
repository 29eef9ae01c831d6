"""Every drill, in the order of the documents its incidents come from."""

from __future__ import annotations

from holdfast.drills.drill import Drill
from holdfast.drills.incidents import garbage, ground, inputs, outcomes, place, population, rows, version
from holdfast.errors import HoldfastError

DRILLS: tuple[Drill, ...] = (
    *inputs.DRILLS,
    *garbage.DRILLS,
    *population.DRILLS,
    *outcomes.DRILLS,
    *place.DRILLS,
    *rows.DRILLS,
    *version.DRILLS,
    *ground.DRILLS,
)


KNOWN = {item.id.lower(): item for item in DRILLS} | {item.name: item for item in DRILLS}


def chosen(names: list[str], own: tuple[Drill, ...] = ()) -> tuple[Drill, ...]:
    """The drills with these ids or names, a project's `own` too. Raises HoldfastError for one that is not there."""
    known = KNOWN | {item.name: item for item in own}
    absent = [name for name in names if name.lower() not in known]
    if absent:
        listed = ", ".join(f"{item.id} {item.name}" for item in (*DRILLS, *own))
        raise HoldfastError(f"there is no drill {absent[0]!r}", mend=f"one of: {listed}")
    return tuple(dict.fromkeys(known[name.lower()] for name in names))
