"""What the profile keeps of seasons and days: like with like, and chance taken off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.training.tables import START, contract, table

from holdfast.bundle.bins import HOURS_OF_WEEK, SEASONS, season
from holdfast.contract.model import DAY, Aggregate, Feature, Node, canonical
from holdfast.training.natural import HOUR, volume
from holdfast.training.profile import HELD_OUT, profile
from holdfast.training.rows import Floats, Rows, rows_of

ROWS = 40_000


def made(values: Floats, times: np.ndarray[tuple[int], np.dtype[np.int64]], probability: Floats | None = None) -> dict:  # type: ignore[type-arg]
    """The profile of rows whose amount is `values`; the other features do not vary."""
    X = np.column_stack([values, np.zeros(len(values)), np.full(len(values), 2.0), np.zeros(len(values))])
    ids = np.arange(len(times)).astype(str)
    y = (np.arange(len(times)) % 10 == 0).astype(np.int8)
    rows = Rows(ids, times, X, y, times, ("amount", "rate", "kind", "noise"))
    return profile(contract(), rows, y * 0.5 if probability is None else probability, y, 0.5)


def spread_over(days: int, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.sort(START + np.random.default_rng(seed).integers(0, days * DAY, ROWS))


def test_every_row_is_counted_in_its_season() -> None:
    rows, _ = rows_of(table(2_000), contract())
    found = profile(contract(), rows, np.linspace(0, 1, 2_000), rows.y, 0.5)
    by_season = np.bincount(season(rows.times), minlength=SEASONS).tolist()
    for name in (*rows.names, "score"):
        cells = np.array(found["seasons"]["bins"][name])
        assert cells.shape[0] == SEASONS
        assert cells.sum(axis=1).tolist() == by_season
        told = found["features"].get(name, found["score"])
        counts = told["counts"] if "counts" in told else [told["codes"].get(str(at), 0) for at in range(cells.shape[1])]
        assert cells.sum(axis=0)[-len(counts) :].tolist() == counts
    sizes = found["sizes"]["amount"]
    assert sum(sizes["octaves"]) == sum(sizes["spread"]) == sum(found["features"]["amount"]["counts"])
    assert found["features"]["amount"]["smallest"] == rows.X[:, 0].min()


def test_hours_that_differ_are_no_variation_from_day_to_day() -> None:
    times = spread_over(40)
    random = np.random.default_rng(2)
    by_hour = random.normal(size=ROWS) + 3 * (times // HOUR % 24 < 6)
    found = made(by_hour, times)
    assert abs(found["daily"]["amount"]["mean"]) < 0.005
    assert abs(found["hourly"]["amount"]["mean"]) < 0.02
    wandering = by_hour + random.normal(size=40)[(times - START) // DAY] * 0.5
    assert made(wandering, times)["daily"]["amount"]["mean"] > 0.05
    assert made(wandering, times)["daily"]["amount"]["p99"] > 0.2


def test_the_days_in_which_windows_fill_up_say_nothing_of_what_is_usual() -> None:
    times = spread_over(60)
    random = np.random.default_rng(5)
    filling = np.where(times < START + 20 * DAY, np.nan, random.normal(size=ROWS))
    X = np.column_stack([random.normal(size=ROWS), filling])
    y = (np.arange(ROWS) % 10 == 0).astype(np.int8)
    rows = Rows(np.arange(ROWS).astype(str), times, X, y, times, ("amount", "rate"))
    looks_back = replace(contract(), features=tuple(
        Feature("rate", Node("aggregate", "number", params=(("index", 0),))) if item.name == "rate" else item
        for item in contract().features
    ), aggregates=(Aggregate("mean", "loans", ("id",), ("id",), 20 * DAY, value="amount"),))  # fmt: skip
    told = profile(looks_back, rows, y * 0.5, y, 0.5)
    assert abs(told["daily"]["rate"]["mean"]) < 0.01
    assert np.array(told["seasons"]["bins"]["rate"])[:, 0].sum() == 0, "nobody is without a past any more"
    assert np.array(told["seasons"]["bins"]["amount"]).sum() == ROWS, "what looks at the decision alone is kept whole"
    longer = replace(looks_back, aggregates=(replace(looks_back.aggregates[0], over=365 * DAY),))
    half = profile(longer, rows, y * 0.5, y, 0.5)
    later = times >= times.min() + (times.max() - times.min()) // 2
    assert np.array(half["seasons"]["bins"]["rate"]).sum() == later.sum()
    assert profile(contract(), rows, y * 0.5, y, 0.5)["daily"]["rate"]["mean"] > 1


def test_chance_alone_is_taken_off_however_few_rows_a_day_has() -> None:
    for days in (10, 400):
        found = made(np.random.default_rng(3).normal(size=ROWS), spread_over(days))
        assert abs(found["daily"]["amount"]["mean"]) < 0.02


def test_too_few_days_say_nothing_of_variation() -> None:
    found = made(np.random.default_rng(4).normal(size=ROWS), spread_over(3))
    assert found["daily"] == {}
    assert canonical(found), "JSON without NaN"
    one = made(np.full(ROWS, np.nan), spread_over(30))
    assert one["daily"]["amount"]["mean"] <= 0
    assert canonical(one)


def test_volume_says_how_many_hours_there_were() -> None:
    times = START + np.arange(0, 15 * DAY, HOUR // 2, dtype=np.int64)
    found = volume(times)
    assert sum(found["rows"]) == len(times)
    assert sum(found["hours"]) == 15 * 24
    assert len(found["rows"]) == len(found["hours"]) == HOURS_OF_WEEK
    assert all(rows == 2 * hours for rows, hours in zip(found["rows"], found["hours"], strict=True))
    assert found["days"] == [48] * 15


def test_the_score_is_told_of_rows_the_model_did_not_learn_from() -> None:
    rows, _ = rows_of(table(2_000), contract())
    told = profile(
        contract(), rows, np.linspace(0, 1, 2_000), rows.y, 0.5, held_out=(rows.times[:600], np.full(600, 0.25))
    )
    assert told["score"]["held_out"] is True
    assert (told["score"]["rows"], told["score"]["mean"]) == (600, 0.25)
    few = (rows.times[: HELD_OUT - 1], np.full(HELD_OUT - 1, 0.25))
    told = profile(contract(), rows, np.linspace(0, 1, 2_000), rows.y, 0.5, held_out=few)
    assert told["score"]["held_out"] is False
    assert told["score"]["counts"] == told["probability"]["counts"]


def test_a_profile_of_two_hundred_features_is_small() -> None:
    random = np.random.default_rng(5)
    names = [f"a_feature_with_a_name_{at}" for at in range(200)]
    node = Node("field", "number", (), (("name", "rate"), ("source", "payments")))
    wide = replace(contract(), features=tuple(Feature(name, node) for name in names))
    X = random.normal(size=(20_000, 200))
    times = np.sort(START + random.integers(0, 90 * DAY, 20_000))
    y = (random.random(20_000) < 0.1).astype(np.int8)
    rows = Rows(np.arange(20_000).astype(str), times, X, y, times, tuple(names))
    assert len(canonical(profile(wide, rows, random.random(20_000), y, 0.5))) < 2_000_000


def test_what_wanders_from_week_to_week_varies_by_weeks_as_much_as_by_days() -> None:
    times, random = spread_over(70), np.random.default_rng(6)
    plain = random.normal(size=ROWS)
    weekly = plain + random.normal(size=11)[(times - times.min()) // (7 * DAY)] * 0.5
    by_day = plain + random.normal(size=71)[(times - START) // DAY] * 0.5
    slow, fast, none = (made(values, times) for values in (weekly, by_day, plain))
    assert slow["weekly"]["amount"]["p50"] > 0.03
    assert slow["weekly"]["amount"]["mean"] > 0.6 * slow["daily"]["amount"]["mean"]
    assert fast["weekly"]["amount"]["mean"] < 0.4 * fast["daily"]["amount"]["mean"]
    assert abs(none["weekly"]["amount"]["mean"]) < 0.005
    assert made(weekly[:20_000], times[:20_000])["weekly"] == {}, "five weeks and no fewer say how weeks vary"
