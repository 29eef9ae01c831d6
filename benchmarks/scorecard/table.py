"""All faults, and all clean bases that they are put into."""

from __future__ import annotations

from benchmarks.scorecard import doctor, door, gate_data, gate_model, gate_service, gate_trust
from benchmarks.scorecard.fault import Fault


def _place(fault: Fault) -> tuple[int, int, str]:
    """The table of integration issues first, then the list, by number."""
    part, _, number = fault.bullet.partition(".")
    return (int(part), int(number), fault.id) if number else (0, 0, fault.id)


FAULTS: tuple[Fault, ...] = (
    *doctor.FAULTS,
    *sorted(
        (*gate_data.FAULTS, *gate_model.FAULTS, *gate_trust.FAULTS, *gate_service.FAULTS, *door.FAULTS), key=_place
    ),
)
BY_ID: dict[str, Fault] = {item.id: item for item in FAULTS}
BASES: tuple[str, ...] = tuple(dict.fromkeys(item.base for item in FAULTS))
