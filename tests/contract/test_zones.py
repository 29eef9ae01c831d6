from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contract.zones import NoSuchTime, freeze_zone, offset_at, to_utc

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata", "UTC",
         "Pacific/Apia", "America/Sao_Paulo")  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.sampled_from(ZONES), st.integers(0, 4_133_980_799))
def test_a_frozen_zone_has_the_offsets_of_the_zone(name: str, second: int) -> None:
    expected = (EPOCH + timedelta(seconds=second)).astimezone(ZoneInfo(name)).utcoffset()
    assert expected is not None
    assert offset_at(freeze_zone(name), second * 1_000_000) == expected.total_seconds()


@given(st.sampled_from(ZONES), st.integers(100_000, 4_133_000_000), st.sampled_from([0, 1]))
def test_local_times_mean_what_the_zone_says(name: str, second: int, fold: int) -> None:
    local = datetime(1970, 1, 1) + timedelta(seconds=second)
    expected = local.replace(tzinfo=ZoneInfo(name), fold=fold).astimezone(UTC) - EPOCH
    assert to_utc(freeze_zone(name), second * 1_000_000, fold) == expected // timedelta(microseconds=1)


def transitions() -> list[tuple[str, int, int]]:
    found = []
    for name in ZONES:
        zone = freeze_zone(name)
        for i, moment in enumerate(zone.transitions):
            found += [(name, moment // 1_000_000 + zone.offsets[i + j] + gap, fold)
                      for j in (0, 1) for gap in (-1, 0, 1, 900) for fold in (0, 1)]  # fmt: skip
    return found


def test_around_every_transition_local_times_mean_what_the_zone_says() -> None:
    for name, second, fold in transitions():
        local = datetime(1970, 1, 1) + timedelta(seconds=second)
        expected = local.replace(tzinfo=ZoneInfo(name), fold=fold).astimezone(UTC) - EPOCH
        assert to_utc(freeze_zone(name), second * 1_000_000, fold) == expected // timedelta(microseconds=1), (
            name,
            local,
        )


def test_a_local_time_that_comes_twice_or_never_needs_a_fold() -> None:
    berlin = freeze_zone("Europe/Berlin")
    twice = int((datetime(2026, 10, 25, 2, 30, tzinfo=UTC) - EPOCH).total_seconds()) * 1_000_000
    never = int((datetime(2026, 3, 29, 2, 30, tzinfo=UTC) - EPOCH).total_seconds()) * 1_000_000
    with pytest.raises(NoSuchTime, match="comes twice in Europe/Berlin"):
        to_utc(berlin, twice, None)
    with pytest.raises(NoSuchTime, match="does not exist in Europe/Berlin"):
        to_utc(berlin, never, None)


def test_an_unknown_zone_is_a_key_error() -> None:
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(KeyError):
            freeze_zone(name)
