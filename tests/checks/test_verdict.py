"""What the gate makes of its answers: only what passed is a pass, and what did not run did not pass."""

from __future__ import annotations

import json
from itertools import count
from typing import Any, cast

import pytest

from holdfast.checks.catalog import CHECKS
from holdfast.checks.check import CATEGORIES, DATA, Answer, Check, failed, not_applicable, passed
from holdfast.checks.limits import Limits, limits_from
from holdfast.checks.subject import Subject
from holdfast.checks.verdict import Verdict, Waiver, examine
from holdfast.errors import HoldfastError

NOW = 1_800_000_000


class Bundle:
    hash = "b" * 64


SUBJECT = cast(Subject, type("Version", (), {"version": "7", "bundle": Bundle()})())


def crash(subject: Subject, limits: Limits) -> Answer:
    raise ZeroDivisionError("of what")


ANSWERS: dict[str, Any] = {
    "passed": lambda *_: passed("it is", rows=3),
    "failed": lambda *_: failed("it is not", "mend it", rows=3),
    "not_applicable": lambda *_: not_applicable("there is none"),
    "crashed": crash,
}


def everywhere(**last: Any) -> list[Check]:
    """A check that passes in every category, and one more as told."""
    checks = [Check(f"GATE{at}01", item, "passes", ANSWERS["passed"]) for at, item in enumerate(CATEGORIES, 1)]
    return [*checks, Check(**{"code": "GATE199", "category": DATA, "title": "last", **last})]


def judged(checks: list[Check], *waivers: Waiver) -> Verdict:
    ticks = count(NOW)
    return examine(SUBJECT, checks, waivers=waivers, clock=lambda: float(next(ticks)))


@pytest.mark.parametrize(
    ("answer", "ok", "code"),
    [("passed", True, 0), ("failed", False, 1), ("not_applicable", False, 1), ("crashed", False, 3)],
)
def test_only_what_passed_is_a_pass(answer: str, ok: bool, code: int) -> None:
    verdict = judged(everywhere(ask=ANSWERS[answer]))
    assert (verdict.ok, verdict.exit_code) == (ok, code)
    assert [item.check.code for item in verdict.stopping] == ([] if ok else ["GATE199"])
    advised = judged(everywhere(ask=ANSWERS[answer], severity="advised"))
    assert (advised.ok, advised.exit_code) == (True, 0)


def test_a_crash_stops_no_other_check_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judged([Check("GATE100", DATA, "first", crash), *everywhere(ask=ANSWERS["passed"])])
    assert len(verdict.asked) == 12
    told = verdict.asked[0].answer
    assert told.status == "crashed"
    assert "ZeroDivisionError: of what" in told.why
    assert told.evidence["where"].startswith("test_verdict.py:")


def test_a_category_in_which_nothing_is_asked_is_no_pass() -> None:
    for missing in CATEGORIES:
        checks = [item for item in everywhere(ask=ANSWERS["passed"]) if item.category != missing]
        verdict = judged(checks)
        assert verdict.unasked == (missing.key,)
        assert not verdict.ok
        assert verdict.exit_code == 1
    advice = [item for item in everywhere(ask=ANSWERS["passed"]) if item.category != DATA]
    advice.append(Check("GATE150", DATA, "advice", ANSWERS["passed"], "advised"))
    assert judged(advice).unasked == ("K1",)


def test_a_waiver_stands_for_its_own_check_until_it_ends_and_says_who_and_why() -> None:
    waived = Waiver("GATE199", "ada", "known, mended in May", (NOW + 60) * 1_000_000)
    for answer in ("failed", "not_applicable", "crashed"):
        verdict = judged(everywhere(ask=ANSWERS[answer]), waived)
        assert verdict.ok
        assert verdict.exit_code == 0
        last = verdict.as_dict()["checks"][-1]
        assert (last["status"], last["waiver"]["who"]) == ("waived", "ada")
    assert judged(everywhere(ask=ANSWERS["passed"]), waived).asked[-1].status == "passed"
    for other in (Waiver("GATE101", "ada", "another", waived.until), Waiver("GATE199", "ada", "over", NOW * 1_000_000)):
        assert not judged(everywhere(ask=ANSWERS["failed"]), other).ok


def test_a_standing_waiver_answers_for_what_does_not_apply_and_for_nothing_else() -> None:
    standing = Waiver("GATE199", "ada", "no person is decided about", (NOW + 60) * 1_000_000, standing=True)
    verdict = judged(everywhere(ask=ANSWERS["not_applicable"]), standing)
    assert verdict.ok
    assert verdict.as_dict()["checks"][-1]["waiver"]["standing"]
    for answer in ("failed", "crashed"):
        verdict = judged(everywhere(ask=ANSWERS[answer]), standing)
        assert (verdict.ok, verdict.asked[-1].status) == (False, answer)


def test_the_verdict_is_json_and_names_version_bundle_and_evidence() -> None:
    told = json.loads(json.dumps(judged(everywhere(ask=ANSWERS["failed"])).as_dict()))
    assert (told["version"], told["bundle"], told["ok"]) == ("7", "b" * 64, False)
    assert told["checks"][-1] | {"seconds": 0} == {
        "code": "GATE199",
        "category": "K1",
        "title": "last",
        "severity": "required",
        "status": "failed",
        "why": "it is not",
        "mend": "mend it",
        "evidence": {"rows": 3},
        "seconds": 0,
        "waiver": None,
    }


def test_codes_are_unique_and_begin_with_their_category() -> None:
    codes = [item.code for item in CHECKS]
    assert len(set(codes)) == len(codes)
    for item in CHECKS:
        assert item.code[:-2] == "GATE" + item.category.key.removeprefix("K")


def test_limits_are_read_and_every_wrong_one_is_named() -> None:
    assert limits_from({"least_rows": 50, "least_auc": 0.9}) == Limits(least_rows=50, least_auc=0.9)
    assert limits_from({"least_auc": 1}).least_auc == 1
    with pytest.raises(HoldfastError) as caught:
        limits_from({"least_row": 50, "least_f1": "much", "least_rows": 1.5, "most_missing": True})
    assert [item.field for item in caught.value.problems] == [
        "checks.least_row",
        "checks.least_f1",
        "checks.least_rows",
        "checks.most_missing",
    ]
    assert "least_rows" in caught.value.problems[0].mend
