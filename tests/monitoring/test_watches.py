"""Each watch: silent on clean traffic, names its own fault, and no other cause before it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from benchmarks.false_alarms import INCIDENTS, new_words
from benchmarks.seasons import AT, BEGIN, DAY, HOUR, MINUTE, NAMES, Traffic, World

from holdfast.bundle.bins import Floats, Integers
from holdfast.errors import HoldfastError
from holdfast.monitoring.catalog import WATCHES, looked
from holdfast.monitoring.counts import LATENCY, Counts
from holdfast.monitoring.finding import Finding
from holdfast.monitoring.limits import Limits, limits_from
from holdfast.monitoring.seen import Skew

WORLD = World(2_000, 7)
SINCE = BEGIN + 16 * DAY
OURS = [item for item in WATCHES if item.pillar in ("quality", "inputs", "scores", "service")]
DOCS = Path(__file__).parents[2] / "docs" / "monitor"


@lru_cache(maxsize=1)
def clean() -> Traffic:
    return Traffic(WORLD, 18, grain=20)


@lru_cache(maxsize=1)
def disturbed(name: str) -> Traffic:
    incident = next(item for item in INCIDENTS if item.name == name)
    unknown = new_words if name == "50 to 200 words" else None
    return Traffic(WORLD, 18, grain=20, change=incident.change, since=SINCE, unknown=unknown)


def alerts(traffic: Traffic, now: int) -> list[Finding]:
    found = looked(traffic.at(now))
    assert not [item.why for item in found if item.status == "crashed"]
    return [item for item in found if item.status == "alert"]


def codes(traffic: Traffic, now: int) -> dict[str, str]:
    """Code → cause of all that is seen, the explained too."""
    return {item.code: item.cause for item in looked(traffic.at(now)) if item.status in ("alert", "explained")}


def test_clean_traffic_raises_nothing_at_any_hour() -> None:
    assert [item.why for hour in range(1, 18 * 24, 5) for item in alerts(clean(), BEGIN + hour * HOUR)] == []


@pytest.mark.parametrize("name", [item.name for item in INCIDENTS])
def test_an_incident_is_named_first_and_alone(name: str) -> None:
    incident = next(item for item in INCIDENTS if item.name == name)
    found = alerts(disturbed(name), SINCE + 30 * HOUR)
    assert found, "nobody was told"
    assert found[0].cause in incident.causes, found[0].why
    assert not incident.features or found[0].feature in incident.features
    assert len(found) == 1, [(item.code, item.cause, item.feature) for item in found]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nulls 5 %", "WATCH101"), ("amount x 100", "WATCH102"), ("placeholder -999, 5 %", "WATCH103"),
        ("50 to 200 words", "WATCH105"), ("amount x 2", "WATCH201"), ("population filter", "WATCH201"),
        ("amount x 100", "WATCH203"), ("swapped pair", "WATCH204"), ("time zone + 5 h", "WATCH205"),
        ("night shift", "WATCH205"), ("frozen feature", "WATCH206"), ("population filter", "WATCH207"),
        ("amount x 100", "WATCH301"), ("fraud spike, 10 %", "WATCH302"),
    ],
)  # fmt: skip
def test_a_watch_sees_its_fault_and_is_silent_without_it(name: str, code: str) -> None:
    now = SINCE + 30 * HOUR
    assert code in codes(disturbed(name), now)
    assert code not in codes(clean(), now)


def test_what_ended_is_told_no_more_after_a_day() -> None:
    incident = next(item for item in INCIDENTS if item.name == "amount x 100")

    def for_a_while(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        inside = times < SINCE + 3 * HOUR
        X[inside] = incident.change(X[inside].copy(), times[inside], rng)
        return X

    traffic = Traffic(WORLD, 18, grain=20, change=for_a_while, since=SINCE)
    assert alerts(traffic, SINCE + 3 * HOUR)
    assert alerts(traffic, SINCE + 30 * HOUR) == []


def test_many_unrelated_features_are_one_alert() -> None:
    def change(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        for name in ("amount", "balance", "duration", "ratio"):
            column = X[:, AT[name]]
            X[:, AT[name]] = np.where(rng.random(len(X)) < 0.5, np.quantile(column, 0.1), np.quantile(column, 0.9))
        return X

    traffic = Traffic(WORLD, 18, grain=20, change=change, since=SINCE)
    found = alerts(traffic, SINCE + 30 * HOUR)
    assert ("WATCH202", "many_features") in [(item.code, item.cause) for item in found]
    assert not [item for item in found if item.code == "WATCH201"]


def test_hours_that_all_lie_below_trainings_are_no_unit() -> None:
    """Everything in one outer bin fits any factor: sizes must fit, too."""

    def young_only(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        X[:, AT["age"]] = rng.integers(0, 6, len(X))
        return X

    found = alerts(Traffic(WORLD, 18, grain=20, change=young_only, since=SINCE), SINCE + 30 * HOUR)
    assert [item.feature for item in found] == ["age"]
    assert found[0].cause not in ("units", "scale"), found[0].why

    def months(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        X[:, AT["age"]] *= 12
        return X

    told = alerts(Traffic(WORLD, 18, grain=20, change=months, since=SINCE), SINCE + 30 * HOUR)
    assert [item.feature for item in told] == ["age"]
    assert told[0].cause in ("units", "scale"), told[0].why


def test_a_feature_that_came_to_be_empty_is_no_unit() -> None:
    def emptied(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        X[:, AT["income"]] = np.nan
        return X

    found = alerts(Traffic(WORLD, 18, grain=20, change=emptied, since=SINCE), SINCE + 30 * HOUR)
    assert (found[0].cause, found[0].feature) in (("nulls", "income"), ("missing", "income")), found[0].why
    assert not [item for item in found if item.cause in ("units", "scale")]


def test_one_new_word_in_twenty_rows_is_told_and_one_in_a_hundred_is_not() -> None:
    def seldom(share: float) -> Traffic:
        def change(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
            X[rng.random(len(X)) < share, AT["channel"]] = 1
            return X

        return Traffic(WORLD, 18, grain=20, change=change, since=SINCE)

    found = alerts(seldom(0.05), SINCE + 6 * HOUR)
    assert [(item.cause, item.feature) for item in found] == [("vocabulary", "channel")]
    assert alerts(seldom(0.01), SINCE + 30 * HOUR) == []


class Beside(Traffic):
    """Clean traffic of a version that came after others."""

    told = (0, 0)

    def others(self, start: int, end: int) -> tuple[int, int]:
        return self.told


def test_a_version_that_decides_twice_as_many_positively_as_those_before_is_told() -> None:
    def scared(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        X[:, AT["amount"]] = 3_000.0
        return X

    beside = Beside(WORLD, 18, grain=20, change=scared, since=SINCE)
    assert "new_version" not in [item.cause for item in alerts(beside, SINCE + 30 * HOUR)]
    beside.told = (5_000, 30)
    found = alerts(beside, SINCE + 30 * HOUR)
    assert (found[0].code, found[0].cause) == ("WATCH302", "new_version"), found[0].why
    assert "decisions" not in [item.cause for item in found]
    quiet = Beside(WORLD, 18, grain=20)
    quiet.told = (5_000, 30)
    assert alerts(quiet, SINCE + 30 * HOUR) == []


class Served(Traffic):
    """Clean traffic with requests that were answered in other ways."""

    told = Counts("", "", 0, 0)
    share = 1.0
    compared: Skew | None = None

    def service(self, start: int, end: int) -> Counts:
        n = self.decisions(max(start, SINCE), end)
        was = max(0, self.decisions(start, min(end, SINCE)))
        own = self.told
        latency = np.array([was, *([0] * len(LATENCY))], np.int64)
        if len(own.latency):
            latency = latency + (own.latency * n) // max(1, int(own.latency.sum()))
        return replace(
            own, start=start, end=end, latency=latency, replies=Counter({"200": was}) + scaled(own.replies, n),
            away=scaled(own.away, n), refusals=scaled(own.refusals, n), problems=scaled_pairs(own.problems, n),
        )  # fmt: skip

    def skew(self) -> Skew | None:
        return self.compared


def scaled(told: Counter[str], n: int) -> Counter[str]:
    return Counter({key: count * n // 100 for key, count in told.items()})


def scaled_pairs(told: Counter[tuple[str, str]], n: int) -> Counter[tuple[str, str]]:
    return Counter({key: count * n // 100 for key, count in told.items()})


@lru_cache(maxsize=1)
def served() -> Served:
    return Served(WORLD, 18, grain=20)


def answered(**changes: object) -> Served:
    traffic = served()
    plain = Counts(
        "", "", 0, 0, latency=np.array([100, *([0] * len(LATENCY))], np.int64), replies=Counter({"200": 100})
    )
    traffic.told = replace(plain, **changes)  # type: ignore[arg-type]
    return traffic


def slow(share: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    buckets = np.zeros(len(LATENCY) + 1, np.int64)
    buckets[0], buckets[LATENCY.index(0.1) + 1] = round(100 * (1 - share)), round(100 * share)
    return buckets


@pytest.mark.parametrize(
    ("code", "cause", "changes"),
    [
        ("WATCH502", "latency", {"latency": slow(0.3)}),
        ("WATCH503", "errors", {"replies": Counter({"200": 80, "500": 20})}),
        ("WATCH504", "overload", {"away": Counter({"busy": 40})}),
        ("WATCH504", "turned_away", {"away": Counter({"key": 40})}),
        (
            "WATCH104",
            "schema",
            {"refusals": Counter({"missing": 50}), "problems": Counter({("missing", "amount"): 50})},
        ),
        ("WATCH104", "range", {"refusals": Counter({"range": 20}), "problems": Counter({("range", "hour"): 20})}),
        ("WATCH104", "vocabulary", {"refusals": Counter({"unknown_value": 20})}),
    ],
)
def test_the_service_is_watched(code: str, cause: str, changes: dict[str, object]) -> None:
    now = SINCE + 14 * HOUR
    assert alerts(answered(), now) == []
    found = alerts(answered(**changes), now)
    assert (found[0].code, found[0].cause) == (code, cause), found[0].why


def test_one_in_twenty_may_be_slow_and_one_in_a_hundred_may_fail() -> None:
    now = SINCE + 14 * HOUR
    assert alerts(answered(latency=slow(0.05), replies=Counter({"200": 99, "500": 1})), now) == []


def test_live_answers_that_batch_computes_otherwise_alert() -> None:
    traffic = answered()
    now = SINCE + 14 * HOUR
    traffic.compared = Skew(1_000, 0, {}, 5, {"visits_7d": 5})
    assert alerts(traffic, now) == []
    traffic.compared = Skew(1_000, 3, {"visits_7d": 3})
    assert [(item.cause, item.feature) for item in alerts(traffic, now)] == [("skew", "visits_7d")]
    traffic.compared = Skew(1_000, 0, {}, 200, {"visits_7d": 200})
    assert [(item.cause, item.feature) for item in alerts(traffic, now)] == [("arrival", "visits_7d")]
    traffic.compared = None


def test_nobody_asking_is_seen() -> None:
    def nobody(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        return X[:0]

    traffic = Traffic(WORLD, 18, grain=20, change=nobody, since=SINCE + 9 * HOUR)
    assert [item.cause for item in alerts(traffic, SINCE + 11 * HOUR)] == ["silence"]


def test_twice_as_many_and_half_as_many_are_seen() -> None:
    def twice(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        return np.concatenate([X, X])

    def half(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        return X[::2]

    for change, cause in ((twice, "more_volume"), (half, "less_volume")):
        traffic = Traffic(WORLD, 18, grain=20, change=change, since=SINCE)
        assert [item.cause for item in alerts(traffic, SINCE + 30 * HOUR)] == [cause]


def test_half_as_many_again_are_seen_and_stay_seen() -> None:
    """The first days of a change must not be what the next ones are excused with."""

    def more(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        return np.concatenate([X, X[::2]])

    traffic = Traffic(WORLD, 22, grain=20, change=more, since=SINCE)
    for days in (2, 3):
        assert [item.cause for item in alerts(traffic, SINCE + days * 24 * HOUR + 13 * HOUR)] == ["more_volume"], days


def test_what_began_long_ago_is_not_kept_back_by_what_began_just_now() -> None:
    later = SINCE + 9 * HOUR

    def both(X: Floats, times: Integers, rng: np.random.Generator) -> Floats:
        X[:, AT["distance"]] = np.where(X[:, AT["distance"]] > 3, X[:, AT["distance"]] * 4, 0.5)
        X[:, AT["duration"]] = np.where(times >= later, 7.0, X[:, AT["duration"]])
        return X

    traffic = Traffic(WORLD, 18, grain=5, change=both, since=SINCE)
    for minutes in (0, 20, 40):
        assert "distance" in {item.feature for item in alerts(traffic, later + minutes * MINUTE)}, minutes


def test_too_few_rows_say_nothing() -> None:
    found = {item.code: item.status for item in looked(clean().at(BEGIN + 20 * MINUTE))}
    assert found["WATCH201"] == found["WATCH501"] == "too_few"
    # Nobody is told that values are in range where there were none.
    judged = [item.code for item in OURS if item.pillar in ("quality", "inputs", "scores")]
    assert {found[code] for code in judged} <= {"too_few", "not_applicable"}


def test_a_watch_that_crashes_is_not_well_and_blinds_no_other() -> None:
    def broken(seen: object, limits: object) -> list[Finding]:
        raise ValueError("no")

    found = looked(clean().at(SINCE), Limits(), (replace(WATCHES[0], look=broken), *OURS[1:]))
    assert [item.code for item in found if item.status == "crashed"] == [WATCHES[0].code]
    assert {item.code for item in found} == {item.code for item in OURS}


def test_a_look_without_a_limit_would_cry_wolf() -> None:
    """The control of the clean test: with no room for chance the same hours alert."""
    eager = Limits(null_rise=-1.0)
    assert [item for item in looked(clean().at(SINCE), eager) if item.status == "alert"]


def test_every_watch_has_its_page_and_code() -> None:
    pillars = {"quality": "1", "inputs": "2", "scores": "3", "outcomes": "4", "service": "5"}
    assert len({item.code for item in WATCHES}) == len(WATCHES)
    for item in WATCHES:
        assert item.code.startswith(f"WATCH{pillars[item.pillar]}")
    for item in OURS:
        page = (DOCS / f"{item.code}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {item.code}: {item.title}\n")
        assert len(page.splitlines()) < 35
    assert {path.stem for path in DOCS.glob("WATCH*.md")} == {item.code for item in WATCHES}


def test_limits_are_told_with_all_that_is_wrong() -> None:
    assert limits_from({"drift_psi": 0.2, "volume": 1}).drift_psi == 0.2
    with pytest.raises(HoldfastError) as caught:
        limits_from({"drift_ps": 0.2, "volume": "much", "least_predictions": 1.5})
    assert [(item.field, item.code) for item in caught.value.problems] == [
        ("monitor.drift_ps", "unknown_setting"), ("monitor.volume", "type"), ("monitor.least_predictions", "type"),
    ]  # fmt: skip


def test_the_world_has_the_features_that_are_told() -> None:
    assert len(NAMES) == 20
