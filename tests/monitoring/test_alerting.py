"""One incident is one alert: against an oracle that reads the whole past anew, and rule by rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.monitoring.alerting import MINUTE, Alert, Book, Notice, Rules, advance
from holdfast.monitoring.finding import SEVERITIES, Finding, Severity, Status

RULES = Rules(
    well_for=3 * MINUTE,
    cool_down=5 * MINUTE,
    reopen_within=9 * MINUTE,
    together=6 * MINUTE,
    symptoms=frozenset({"drift"}),
)
Looks = Sequence[tuple[int, Mapping[str, Sequence[Finding]]]]


def bad(cause: str = "nulls", feature: str = "amount", severity: Severity = "warning", code: str = "") -> Finding:
    return Finding(code or f"WATCH-{cause}", "alert", cause, f"{feature} is wrong", "look", feature, severity)


def told(status: Status, cause: str = "nulls", feature: str = "amount") -> Finding:
    return Finding(f"WATCH-{cause}", status, cause, "as ever", feature=feature)


def run(looks: Looks, rules: Rules = RULES) -> tuple[Book, list[Notice]]:
    book, notices = Book("shop"), []
    for at, found in looks:
        book, new = advance(book, found, at * MINUTE, rules)
        notices += new
    return book, notices


def minutes(*looks: Sequence[Finding], version: str = "1") -> Looks:
    return [(at, {version: found}) for at, found in enumerate(looks, 1)]


def events(looks: Looks, rules: Rules = RULES) -> list[tuple[int, str]]:
    return [(notice.at // MINUTE, notice.event) for notice in run(looks, rules)[1]]


OK = [told("ok")]
BAD = [bad()]


# -- each rule, and that without it the outcome is another ---------------------------------------------------------


def test_what_is_seen_again_is_told_once() -> None:
    assert events(minutes(*[BAD] * 200)) == [(1, "opened")]
    assert events(minutes(BAD, BAD, [bad(), bad("units")])) == [(1, "opened"), (3, "opened")]


def test_ten_features_of_one_cause_are_one_alert_and_two_causes_are_two() -> None:
    ten = [bad("drift", f"f{number}") for number in range(10)]
    _, notices = run(minutes(ten))
    assert [(notice.event, len(notice.alert.parts)) for notice in notices] == [("opened", 10)]
    assert notices[0].alert.features == tuple(f"f{number}" for number in range(10))
    assert len(run(minutes([bad("nulls"), bad("units")]))[1]) == 2


def test_a_version_has_alerts_of_its_own() -> None:
    assert len(run([(1, {"1": BAD, "2": BAD})])[1]) == 2
    assert len(run([(1, {"1": BAD, "2": OK})])[1]) == 1


def test_it_is_resolved_after_it_was_well_for_a_while_and_that_is_told_once() -> None:
    assert events(minutes(BAD, OK, OK, OK, OK, OK, OK, OK)) == [(1, "opened"), (5, "resolved")]
    assert events(minutes(BAD, OK, OK, OK)) == [(1, "opened")]
    assert events(minutes(BAD, OK, OK, BAD, OK, OK, OK)) == [(1, "opened")]  # the while begins anew


@pytest.mark.parametrize("status", ["too_few", "not_applicable", "crashed"])
def test_only_ok_is_well(status: Status) -> None:
    assert events(minutes(BAD, *[[told(status)]] * 20)) == [(1, "opened")]
    assert events(minutes(BAD, *[[]] * 20)) == [(1, "opened")]
    assert events(minutes(BAD, OK, [told(status)], [told(status)], OK)) == [(1, "opened"), (5, "resolved")]


def test_a_watch_that_answers_without_naming_a_part_finds_it_well_and_another_watch_does_not() -> None:
    assert events(minutes(BAD, *[[told("ok", feature="")]] * 9))[-1] == (5, "resolved")
    assert events(minutes(BAD, *[[told("ok", "units")]] * 9)) == [(1, "opened")]


def test_what_is_explained_by_another_is_not_well_yet() -> None:
    assert events(minutes(BAD, *[[told("explained")]] * 9)) == [(1, "opened")]
    assert events(minutes(BAD, *[[told("explained", feature="hour")]] * 9)) == [(1, "opened"), (5, "resolved")]


def test_a_place_that_alerts_of_another_cause_is_not_well() -> None:
    other = [bad("units", code="WATCH-nulls")]
    assert events(minutes(BAD, *[other] * 9)) == [(1, "opened"), (2, "opened")]


def test_a_version_that_answers_no_more_is_resolved() -> None:
    looks = [(1, {"1": BAD}), *[(at, {"2": OK}) for at in range(2, 9)]]
    assert events(looks) == [(1, "opened"), (5, "resolved")]


def test_more_severe_is_told_at_once_and_less_severe_is_not() -> None:
    worse = [bad(severity="critical")]
    assert events(minutes(BAD, worse, BAD, worse, worse)) == [(1, "opened"), (2, "escalated")]
    assert events(minutes(worse, BAD, BAD)) == [(1, "opened")]


def test_a_further_part_waits_for_the_cool_down() -> None:
    two = [bad(), bad(feature="hour")]
    assert events(minutes(BAD, *[two] * 9)) == [(1, "opened"), (6, "widened")]
    assert events(minutes(BAD, *[two] * 4)) == [(1, "opened")]


def test_what_returns_soon_is_opened_again_and_what_returns_late_is_new() -> None:
    well = [OK] * 5
    _, notices = run(minutes(BAD, *well, *[BAD] * 9))
    assert [(notice.at // MINUTE, notice.event) for notice in notices] == [
        (1, "opened"), (5, "resolved"), (10, "reopened"),
    ]  # fmt: skip
    assert len({notice.alert.id for notice in notices}) == 1
    late = run(minutes(BAD, *[OK] * 14, BAD))[1]
    assert [notice.event for notice in late] == ["opened", "resolved", "opened"]
    assert len({notice.alert.id for notice in late}) == 2


def test_what_comes_and_goes_is_not_told_each_time_unless_it_is_critical() -> None:
    patient = replace(RULES, cool_down=20 * MINUTE)
    flapping = [found for _ in range(3) for found in (BAD, OK, OK, OK, OK)]
    assert events(minutes(*flapping), patient) == [(1, "opened"), (5, "resolved")]
    assert events(minutes(*flapping, *[BAD] * 20), patient)[-1] == (25, "reopened")  # and it is told at last
    urgent = [[bad(severity="critical")] if found is BAD else found for found in flapping]
    assert [event for _, event in events(minutes(*urgent), patient)] == [
        "opened",
        *["resolved", "reopened"] * 2,
        "resolved",
    ]


def test_a_symptom_belongs_to_a_cause_that_is_near_and_stands_alone_otherwise() -> None:
    both = [bad("units"), bad("drift", "mean_amount")]
    book, notices = run(minutes([bad("units")], both))
    assert [notice.event for notice in notices] == ["opened"]
    assert [part.cause for part in book.open[0].parts] == ["drift", "units"]
    assert (book.open[0].lead.cause, book.open[0].features) == ("units", ("amount",))
    assert len(run(minutes(*[[bad("units")]] * 7, both))[1]) == 2  # too late to be of it
    assert len(run(minutes([bad("units"), bad("drift", "mean_amount")]), Rules())[1]) == 2  # without the rule


def test_a_symptom_that_came_first_takes_the_name_of_its_cause() -> None:
    _, notices = run(minutes([bad("drift")], [bad("drift"), bad("units")], [bad("drift"), bad("units")]))
    assert [(notice.event, notice.alert.cause) for notice in notices] == [("opened", "drift"), ("explained", "units")]
    assert len({notice.alert.id for notice in notices}) == 1


def test_symptoms_without_a_cause_are_one_alert() -> None:
    rules = replace(RULES, symptoms=frozenset({"drift", "score"}))
    assert len(run(minutes([bad("drift")], [bad("drift"), bad("score")]), rules)[1]) == 1
    assert len(run(minutes([bad("drift")], [bad("drift"), bad("score")]), Rules())[1]) == 2


def test_a_severe_symptom_makes_its_cause_s_alert_severe() -> None:
    severe = [bad("units"), bad("drift", "mean_amount", "high")]
    assert events(minutes([bad("units")], severe)) == [(1, "opened"), (2, "escalated")]


def test_a_clock_that_goes_back_resolves_nothing_early_and_repeats_nothing() -> None:
    looks: Looks = [(100, {"1": BAD}), (10, {"1": OK}), (14, {"1": OK}), (90, {"1": BAD}), (101, {"1": BAD})]
    assert events(looks) == [(100, "opened")]


def test_a_finding_that_is_only_told_opens_nothing() -> None:
    assert events(minutes([bad(severity="info")])) == []


# -- in general ----------------------------------------------------------------------------------------------------

CAUSES = ("nulls", "units")
finding = st.builds(
    Finding,
    code=st.sampled_from(["W1", "W2"]),
    status=st.sampled_from(["alert", "alert", "ok", "too_few", "explained"]),
    cause=st.sampled_from(CAUSES),
    why=st.just("why"),
    feature=st.sampled_from(["a", "b", ""]),
    severity=st.sampled_from(SEVERITIES),
)
histories = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.dictionaries(st.sampled_from(["1", "2"]), st.lists(finding, max_size=4), max_size=2),
    ),
    max_size=25,
)


def spread(steps: list[tuple[int, dict[str, list[Finding]]]]) -> list[tuple[int, dict[str, list[Finding]]]]:
    at, looks = 0, []
    for step, found in steps:
        at += step
        looks.append((at, found))
    return looks


def oracle(looks: Looks, rules: Rules) -> list[tuple[int, str, str, str]]:
    """(minute, version, cause, event) where no cause is a symptom: each cause of each version is a story of its own,
    and at each look the whole story so far is read again."""
    least = SEVERITIES.index(rules.least)
    out = []
    for version in ("1", "2"):
        for cause in CAUSES:
            known: str | None = None  # severity people know of
            worst, words, spoke, parts_told, resolved_at, opened_at = -1, 0, -(10**9), 0, None, None
            for number, (at, found) in enumerate(looks):
                now = [f for f in found.get(version, ()) if f.status == "alert"]
                now = [f for f in now if SEVERITIES.index(f.severity) >= least]
                mine = [f for f in now if f.cause == cause]
                if mine and (opened_at is None or resolved_at is not None):
                    fresh = resolved_at is None or at - looks[resolved_at][0] >= rules.reopen_within // MINUTE
                    if fresh:
                        known, worst, words, spoke, parts_told = None, -1, 0, -(10**9), 0
                    opened_at, resolved_at = number, None
                if opened_at is None or resolved_at is not None:
                    continue
                past = looks[opened_at : number + 1]
                places = {
                    (f.code, f.feature)
                    for _, seen in past
                    for f in seen.get(version, ())
                    if f.status == "alert" and f.cause == cause and SEVERITIES.index(f.severity) >= least
                }
                severity = max(
                    SEVERITIES.index(f.severity)
                    for _, seen in past
                    for f in seen.get(version, ())
                    if f.status == "alert" and f.cause == cause and SEVERITIES.index(f.severity) >= least
                )
                since = [well_since(past, version, place, cause, least) for place in places]
                if all(begin is not None and (at - begin) * MINUTE >= rules.well_for for begin in since):
                    resolved_at = number
                    if known is not None:
                        out.append((at, version, cause, "resolved"))
                        known, spoke, words, parts_told = None, at, words + 1, len(places)
                    continue
                cooled = (at - spoke) * MINUTE >= rules.cool_down
                if not words:
                    event = "opened"
                elif known is None:
                    event = "reopened" if severity == 3 or severity > worst or cooled else ""
                elif severity > SEVERITIES.index(known):
                    event = "escalated"
                else:
                    event = "widened" if len(places) > parts_told and cooled else ""
                if event:
                    out.append((at, version, cause, event))
                    known, spoke, words, parts_told = SEVERITIES[severity], at, words + 1, len(places)
                    worst = max(worst, severity)
    return sorted(out)


def well_since(past: Looks, version: str, place: tuple[str, str], cause: str, least: int) -> int | None:
    """The minute since which this place has been well, in the looks that said anything."""
    began = False
    since: int | None = None
    for at, seen in past:
        if version not in seen:
            since = at if began and since is None else since
            continue
        of_code = [f for f in seen[version] if f.code == place[0]]
        here = [f for f in of_code if f.feature == place[1]]
        wrong = [f for f in here if f.status == "alert" and SEVERITIES.index(f.severity) >= least]
        began = began or any(f.cause == cause for f in wrong)
        if wrong:
            since = None
        elif began and since is None:
            quiet = {"too_few"} | ({"explained"} if here else set())
            since = at if any(f.status not in quiet for f in here or of_code) else None
    return since


PLAIN = Rules(well_for=3 * MINUTE, cool_down=5 * MINUTE, reopen_within=9 * MINUTE)


@settings(max_examples=300, deadline=None)
@given(histories)
def test_it_tells_what_the_whole_past_read_anew_would_tell(steps: list[tuple[int, dict[str, list[Finding]]]]) -> None:
    looks = spread(steps)
    found = [(n.at // MINUTE, n.alert.version, n.alert.cause, n.event) for n in run(looks, PLAIN)[1]]
    assert sorted(found) == oracle(looks, PLAIN)


@pytest.mark.parametrize("name", ["well_for", "cool_down", "reopen_within"])
def test_the_oracle_sees_each_rule(name: str) -> None:
    """A machine with another rule is told apart from the oracle: the comparison can fail."""
    story = [*[BAD] * 2, *[[bad(), bad(feature="hour")]] * 9, *[OK] * 6, *[BAD] * 6, *[OK] * 20, BAD]
    renamed = [[_in_general(item) for item in found] for found in story]
    looks = minutes(*renamed)
    changed = replace(PLAIN, **{name: getattr(PLAIN, name) * 2})
    found = [(n.at // MINUTE, n.alert.version, n.alert.cause, n.event) for n in run(looks, changed)[1]]
    assert sorted(found) != oracle(looks, PLAIN)
    assert sorted(found) == oracle(looks, changed)


def _in_general(item: Finding) -> Finding:
    return Finding("W1", item.status, item.cause, item.why, feature=item.feature, severity=item.severity)


@settings(max_examples=150, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_findings_and_a_restart_change_nothing(
    steps: list[tuple[int, dict[str, list[Finding]]]], shuffle: Any
) -> None:
    looks = spread(steps)
    book, again = Book("shop"), Book("shop")
    for at, found in looks:
        mixed = {version: shuffle.sample(list(items), len(items)) for version, items in found.items()}
        book, notices = advance(book, found, at * MINUTE, RULES)
        read = tuple(Alert.of(json.loads(json.dumps(alert.as_dict()))) for alert in again.alerts)
        again, same = advance(Book("shop", read, again.at), mixed, at * MINUTE, RULES)
        assert again == book
        assert same == notices
        assert advance(book, found, at * MINUTE, RULES)[1] == []  # the same look once more tells nobody anything


@settings(max_examples=150, deadline=None)
@given(histories)
def test_every_finding_that_alerts_is_in_one_open_alert_and_keys_never_repeat(
    steps: list[tuple[int, dict[str, list[Finding]]]],
) -> None:
    rules = Rules(
        well_for=3 * MINUTE, cool_down=5 * MINUTE, reopen_within=9 * MINUTE, symptoms=frozenset({"units"}), least="info"
    )
    book, keys = Book("shop"), []
    for at, found in spread(steps):
        book, notices = advance(book, found, at * MINUTE, rules)
        keys += [notice.key for notice in notices]
        for version, items in found.items():
            for item in items:
                key = (item.code, item.cause, item.feature)
                holding = [a for a in book.open if a.version == version and key in {part.key for part in a.parts}]
                assert item.status != "alert" or len(holding) == 1
    assert len(set(keys)) == len(keys)
