"""Date parts agree with Python's calendar and zoneinfo, one by one and over arrays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.contract.model import Zone
from holdfast.features.kernel.calendar import PARTS, local_all, local_one, part_all, part_one

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
instants = st.integers(-62_135_596_800 * 10**6, 253_402_300_799 * 10**6)
BERLIN = Zone("Europe/Berlin", (1_711_846_800_000_000, 1_729_990_800_000_000), (3600, 7200, 3600))


@settings(max_examples=500, deadline=None)
@given(t=instants)
def test_parts_agree_with_the_calendar_of_python(t: int) -> None:
    moment = EPOCH + timedelta(microseconds=t)
    expected = [moment.hour, moment.minute, moment.weekday(), moment.day, moment.month, moment.year]
    expected.append(moment.timetuple().tm_yday)
    assert [part_one(name, t) for name in PARTS] == expected
    assert [int(part_all(name, np.array([t]))[0]) for name in PARTS] == expected


@pytest.mark.parametrize("shift", [-1, 0, 1])
@pytest.mark.parametrize("i", [0, 1])
def test_an_offset_holds_from_its_transition_on(i: int, shift: int) -> None:
    t = BERLIN.transitions[i] + shift
    expected = t + BERLIN.offsets[i if shift < 0 else i + 1] * 1_000_000
    assert local_one(t, BERLIN) == expected
    assert local_all(np.array([t]), BERLIN).tolist() == [expected]


def test_a_zone_without_transitions_is_one_offset() -> None:
    zone = Zone("Etc/GMT-3", (), (10_800,))
    assert local_one(5, zone) == 10_800_000_005
    assert local_all(np.array([5, -5]), zone).tolist() == [10_800_000_005, 10_799_999_995]
