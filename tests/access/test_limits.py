"""The bucket, on a clock of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.access.limits import Bucket, retry_after


def test_a_full_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(rate=10, burst=5, now=100.0)
    assert [bucket.take(100.0) for _ in range(5)] == [0.0] * 5
    assert abs(bucket.take(100.0) - 0.1) < 1e-9
    assert bucket.take(100.2) == 0.0
    assert bucket.take(100.2) == 0.0
    assert bucket.take(100.2) > 0


def test_a_long_silence_saves_up_no_more_than_the_burst() -> None:
    bucket = Bucket(rate=10, burst=5, now=0.0)
    assert [bucket.take(1_000.0) == 0.0 for _ in range(6)] == [True] * 5 + [False]


def test_whoever_waits_as_long_as_told_is_served() -> None:
    bucket = Bucket(rate=0.3, burst=1, now=0.0)
    assert bucket.take(0.0) == 0.0
    wait = retry_after(bucket.take(0.0))
    assert wait == 4
    assert bucket.take(wait) == 0.0


@given(
    rate=st.floats(0.1, 1_000),
    burst=st.floats(1, 100),
    steps=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_no_pattern_of_asking_gets_more_than_burst_and_rate(rate: float, burst: float, steps: list[float]) -> None:
    bucket, now, served = Bucket(rate, burst, 0.0), 0.0, 0
    for step in steps:
        now += step
        served += bucket.take(now) == 0.0
    assert served <= burst + rate * now + 1e-6
