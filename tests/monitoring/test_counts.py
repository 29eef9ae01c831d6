"""Counts: exact whatever the order and the portions, and the same as counting one by one."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.tables import contract, table

from holdfast.bundle.bins import OCTAVES, SPREAD, SUSPECTS, edges_of, hour_of_week, season
from holdfast.errors import HoldfastError
from holdfast.monitoring.counts import REST, WORDS, Counts, bounded, total
from holdfast.monitoring.reference import MINUTE, Bins
from holdfast.training.profile import profile
from holdfast.training.rows import rows_of


def bins() -> Bins:
    rows, _ = rows_of(table(2_000), contract())
    return Bins(contract(), profile(contract(), rows, np.linspace(0, 1, 2_000), rows.y, 0.5), "bundle")


BINS = bins()
VALUES = st.one_of(
    st.just(math.nan),
    st.sampled_from(SUSPECTS),
    st.just(0.0),
    st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: x + 0.0),
)
ROW = st.tuples(VALUES, VALUES, st.integers(0, 4).map(float), VALUES, st.floats(0, 1).map(lambda x: x + 0.0))


def counted(rows: list[tuple[float, ...]], times: list[int]) -> dict[int, Counts]:
    given = np.array(rows, np.float64).reshape(len(rows), 5)
    return BINS.count("1", given[:, :4], given[:, 4], (given[:, 4] >= 0.5).astype(float), np.array(times, np.int64))


@given(st.lists(st.tuples(ROW, st.integers(0, 10 * MINUTE)), min_size=1, max_size=60))
@settings(max_examples=150)
def test_counting_many_rows_at_once_is_counting_one_by_one(given: list[tuple[tuple[float, ...], int]]) -> None:
    rows, times = [row for row, _ in given], [time for _, time in given]
    found = counted(rows, times)
    assert sorted(found) == sorted({time // MINUTE * MINUTE for time in times})
    for start, counts in found.items():
        inside = [row for row, time in given if time // MINUTE * MINUTE == start]
        assert (counts.decisions, counts.start, counts.end) == (len(inside), start, start + MINUTE)
        assert counts.positive == sum(row[4] >= 0.5 for row in inside)
        for at, column in enumerate(BINS.layout.columns):
            values = [row[at] for row in inside]
            numbers = [value for value in values if not math.isnan(value)]
            told = counts.score if at == 4 else counts.bins[at]
            if column.edges is None:
                places = Counter(int(value) for value in values)
            else:
                edges = column.edges.tolist()
                places = Counter(
                    0 if math.isnan(value) else min(max(bisect_right(edges, value), 1), len(edges) - 1)
                    for value in values
                )
            assert told.tolist() == [places[cell] for cell in range(column.bins)]
            if at < 4 and column.edges is not None:
                narrow = len(edges) <= 10
                low = edges[0] if narrow else edges[0] - (edges[1] - edges[0])
                high = edges[-1] if narrow else edges[-1] + (edges[-1] - edges[-2])
                assert counts.below[at] == sum(value < low for value in numbers)
                assert counts.above[at] == sum(value > high for value in numbers)
                assert counts.suspects[at].tolist() == [numbers.count(value) for value in SUSPECTS]
                sizes = Counter(0 if x == 0 else min(max(math.frexp(x)[1] + 11, 1), OCTAVES - 1) for x in numbers)
                assert counts.octaves[at].tolist() == [sizes[cell] for cell in range(OCTAVES)]
                assert counts.spread[at].sum() == len(numbers)
    assert sum(int(counts.seasons.sum()) for counts in found.values()) == len(given)


@given(st.lists(st.tuples(ROW, st.integers(0, 3 * MINUTE)), min_size=2, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_counts_add_up_to_the_same_in_any_order_and_survive_being_packed(given, random) -> None:  # type: ignore[no-untyped-def]
    parts = [item for row, time in given for item in counted([row], [time]).values()]
    for at, item in enumerate(parts):
        item.warnings[f"kind: {at % 3}"] += 1
        item.unknown["kind", f"word {at % 7}"] += 2
        item.refusals["range"] += at
    whole = reduce(add, parts)
    random.shuffle(parts)
    cut = random.randrange(1, len(parts))
    again = reduce(add, parts[:cut]) + Counts("1", BINS.contract_hash, 0, 1) + reduce(add, parts[cut:])
    again.start, again.end = whole.start, whole.end
    assert again == whole
    kept = [item.as_dict() for item in parts]
    assert total(parts, "1", whole.start, whole.end) == whole
    assert [item.as_dict() for item in parts] == kept, "parts stay as they were"
    assert Counts.unpacked(whole.packed()) == whole
    again.cells[0] += 1
    assert again != whole


def test_many_unknown_words_are_told_apart_exactly_up_to_a_limit_whatever_the_order() -> None:
    words = [f"word {at}" for at in range(3 * WORDS)]
    parts = [Counter({("kind", word): at % 5 + 1}) for at, word in enumerate(words)] * 2
    forward = reduce(lambda a, b: bounded(a + b), parts)
    backward = reduce(lambda a, b: bounded(a + b), parts[::-1])
    assert forward == backward
    assert len(forward) == WORDS + 1
    assert sum(forward.values()) == sum(sum(part.values()) for part in parts)
    assert all(n == 2 * (words.index(word) % 5 + 1) for (_, word), n in forward.items() if word != REST)


def test_counts_by_the_bins_of_two_bundles_are_not_added() -> None:
    (one,) = counted([(1.0, 1.0, 2.0, 1.0, 0.5)], [0]).values()
    with pytest.raises(HoldfastError, match="cannot be added"):
        one + replace(one, bundle="another")
    with pytest.raises(HoldfastError, match="newer"):
        Counts.unpacked(one.packed().replace(b"\x01", b"\x63", 1))


def test_one_repeated_value_fills_one_bucket_and_many_values_fill_all() -> None:
    frozen = counted([(7.25, 1.0, 2.0, 1.0, 0.5)] * 40, [0] * 40)[0]
    assert sorted(frozen.spread[0].tolist()) == [0] * (SPREAD - 1) + [40]
    various = counted([(value / 7, 1.0, 2.0, 1.0, 0.5) for value in range(400)], [0] * 400)[0]
    assert various.spread[0].min() > 20


def test_two_heavy_values_have_a_bin_each() -> None:
    assert len(edges_of(np.array([0.0] * 90 + [1.0] * 10))) == 3
    found = edges_of(np.concatenate([np.linspace(0, 1, 900), np.full(100, 7.0)]))
    assert found[-2] == 7.0
    assert found[-1] > 7.0


def test_seasons_and_hours_of_the_week_are_those_of_the_calendar() -> None:
    hour = 3_600_000_000
    monday = 1_704_067_200_000_000  # 2024-01-01, a Monday
    times = np.array([monday, monday + 5 * 24 * hour + 13 * hour, monday + 7 * 24 * hour - 1], np.int64)
    assert season(times).tolist() == [0, 24 + 13, 24 + 23]
    assert hour_of_week(times).tolist() == [0, 5 * 24 + 13, 167]
