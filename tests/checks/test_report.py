"""What is told of a verdict: plain JSON of the published shape, and a page that no name can break."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from tests.checks.verdicts import ANSWERS, HOSTILE, NOW, SHAPES, everywhere, judged, metric, subject, told

from holdfast.checks.check import DATA, PERFORMANCE, Answer, Check, passed
from holdfast.checks.report.compare import moved, turned
from holdfast.checks.report.document import question
from holdfast.checks.report.page import page
from holdfast.checks.report.plain import plain
from holdfast.checks.report.schema import schema
from holdfast.checks.report.terminal import lines
from holdfast.checks.report.words import sentence, visible
from holdfast.checks.verdict import Waiver, examine
from holdfast.cli.render import console

VALID = jsonschema_rs.validator_for(schema())
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "article", "svg", "defs",
    "symbol", "path", "use", "h1", "h2", "h3", "h4", "p", "b", "br", "small", "span", "bdi", "code", "pre", "a", "dl",
    "dt", "dd", "div", "ul", "ol", "li", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "figure",
    "figcaption", "line", "circle", "rect", "text", "polyline",
}  # fmt: skip


class Tags(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def dangers(text: str) -> list[str]:
    """What a page may not hold: other tags, handlers, styles, addresses."""
    found = Tags(text)
    return [
        *sorted(found.tags - TAGS),
        *(f"{name}={value}" for name, value in sorted(found.attributes)
          if name.startswith("on") or name in ("style", "src", "srcset", "action", "data")
          or (name == "href" and not value.startswith("#"))),
    ]  # fmt: skip


def test_evidence_becomes_plain_json() -> None:
    given = {
        "nan": float("nan"), "inf": -float("inf"), "row": np.array([1.5, np.nan]), "count": np.int64(3), 4: "key",
        "flag": np.bool_(True), "pair": (1, 2), "set": {"b", "a"}, "text": "\ud800",
    }  # fmt: skip
    assert plain(given) == {
        "nan": None, "inf": None, "row": [1.5, None], "count": 3, "4": "key", "flag": True, "pair": [1, 2],
        "set": ["a", "b"], "text": "\\ud800",
    }  # fmt: skip
    json.dumps(plain(SHAPES), allow_nan=False)
    endless: list[Any] = []
    endless.append(endless)
    for wrong, error in ((object(), TypeError), (endless, ValueError), ({"a": b"bytes"}, TypeError)):
        with pytest.raises(error):
            plain(wrong)


def test_evidence_that_is_no_json_is_a_crash_of_its_check() -> None:
    verdict = judged(everywhere(Check("GATE199", DATA, "last", ANSWERS["no_json"])))
    last = verdict.asked[-1]
    assert (last.status, verdict.exit_code) == ("crashed", 3)
    assert "evidence holds a object, which has no JSON form" in last.answer.why


def test_a_part_is_no_verdict_whatever_was_found() -> None:
    checks = everywhere()
    assert judged(checks).ok
    part = examine(subject(), checks, only=[item.code for item in checks], clock=lambda: float(NOW))
    assert (part.ok, part.exit_code, part.partial) == (False, 1, True)
    document = told(part)
    assert (document["ok"], document["partial"]) == (False, True)
    assert "A verdict needs all of them" in sentence(document)
    assert "No verdict: only a part was asked" in page(document)


def test_a_verdict_has_the_published_shape() -> None:
    document = told()
    assert [error.message for error in VALID.iter_errors(document)] == []
    assert VALID.is_valid(json.loads(json.dumps(document)))
    assert {item["status"] for item in document["checks"]} == {
        "passed", "failed", "not_applicable", "crashed", "waived",
    }  # fmt: skip
    spoils: tuple[Callable[[dict[str, Any]], object], ...] = (
        lambda item: item.pop("why"),
        lambda item: item.update(status="fine"),
        lambda item: item.update(category="K11"),
        lambda item: item.update(more=1),
        lambda item: item.update(evidence=[1]),
        lambda item: item.update(waiver={"who": "ada"}),
    )
    for spoil in spoils:
        wrong = deepcopy(document)
        spoil(wrong["checks"][0])
        assert not VALID.is_valid(wrong)


def test_a_check_is_told_with_the_question_in_its_file() -> None:
    from holdfast.checks import data_size

    assert question(data_size.CHECK).startswith("Are there enough rows, and enough of both classes")
    assert question(Check("GATE199", DATA, "its title", ANSWERS["passed"])) == "its title"


def test_no_name_from_the_data_becomes_part_of_the_page() -> None:
    document = told()
    text = page(document, digest="e" * 64, before=told(judged(everywhere())))
    assert dangers(text) == []
    found = Tags(text)
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[7]):
        assert name in found.text
    for hidden in ("\x00", "\x1b", "\x07", "\u202e", "\u2066", "\u200b"):
        assert hidden not in text
    assert "\\u202egnp.exe" in found.text
    for wrong in ("<script>1</script>", "<p onclick=x>", "<a href='http://x'>", "<i style='x'>"):
        assert dangers(text.replace("<h1>", wrong + "<h1>"))


def test_a_page_loads_nothing_and_says_so() -> None:
    text = page(told())
    assert "default-src &#x27;none&#x27;; style-src &#x27;sha256-" in text
    assert "<script" not in text


def test_a_page_tells_status_why_mend_waiver_and_what_stops_it() -> None:
    text = Tags(page(told(), digest="e" * 64)).text
    for words in (
        "Not known: a check crashed", "What stops it", "To mend it:", "mend it", "Waived", "Not asked", "Advice",
        "Not applicable", "How to make it again", "holdfast check 7", "holdfast reproduce 7", "sha256sum eeeeee",
        "backup and rollback", "2027-01-15 09:00 UTC", "first verdict kept here",
    ):  # fmt: skip
        assert words in text, words


def test_every_shape_of_evidence_is_shown() -> None:
    text = page(told(judged(everywhere())))
    shown = Tags(text).text
    for words in (
        "3.120%",
        "0.7 (0.66 to 0.75)",
        "north",
        "p99",
        "probability said",
        "true positive rate",
        "and 50 more",
    ):
        assert words in shown, words
    assert text.count("<figure>") >= 8 * 10


@pytest.mark.parametrize(("answer", "words"), [
    ("passed", "every required one passed."), ("failed", "1 required check failed (GATE199)"),
    ("not_applicable", "1 required check did not apply (GATE199)"), ("crashed", "1 required check crashed (GATE199)"),
])  # fmt: skip
def test_a_verdict_is_put_into_words(answer: str, words: str) -> None:
    verdict = judged(everywhere(Check("GATE199", DATA, "last", ANSWERS[answer])))
    assert words in sentence(told(verdict))
    waived = judged(
        everywhere(Check("GATE199", DATA, "last", ANSWERS[answer])), Waiver("GATE199", "ada", "so", (NOW + 60) * 10**6)
    )
    assert ("1 is waived" in sentence(told(waived))) == (answer != "passed")


def test_a_terminal_shows_every_status_and_no_control_character() -> None:
    screen = console()
    screen.width = 120
    with screen.capture() as capture:
        for line in lines(told()):
            screen.print(line, markup=False)
    text = capture.get()
    for words in ("crashed", "waived by", "not applicable", "advice", "mend: mend it", "K10", "nothing was asked"):
        assert words in text, words
    assert "\x1b" not in text.replace("\\x1b", "")
    assert "\u202e" not in text
    assert visible("a\tb\nc") == "a\\x09b\nc"


def turning(value: float, code: str = "GATE299", ask: Callable[..., Answer] | None = None) -> dict[str, Any]:
    evidence = {"metrics": {"f1": metric(value)}, "rows": 100.0, "steady": 1.0}
    check = Check(code, PERFORMANCE, "last", ask or (lambda *_: passed("", **evidence)))
    return told(judged(everywhere(check)))


def test_what_changed_since_another_verdict_is_told() -> None:
    before, now = turning(0.4), turning(0.6)
    assert turned(now, before) == []
    (change,) = moved(now, before)
    assert (change.code, change.figure, change.before, change.now, change.beyond) == (
        "GATE299", "metrics › f1", 0.4, 0.6, True,
    )  # fmt: skip
    assert [item.beyond for item in moved(turning(0.42), before)] == [False]
    assert moved(turning(0.4001), before) == []
    failing = turning(0.4, ask=ANSWERS["failed"])
    assert [(item.code, item.before, item.now) for item in turned(failing, before)] == [("GATE299", "passed", "failed")]
    other = turning(0.4, code="GATE298")
    assert [(item.code, item.before, item.now) for item in turned(other, before)] == [
        ("GATE298", None, "passed"), ("GATE299", "passed", None),
    ]  # fmt: skip
    text = Tags(page(failing, before=before)).text
    assert "Checks that turned" in text
    assert "Compared with the last verdict of this version" in text


def test_known_checks_are_drawn_beside_what_they_are_compared_with() -> None:
    found = {
        "GATE202": ({"baseline": "a tree", "measures": {"f1": {"it": metric(0.9), "baseline": 0.8, "guessing": 0.5}}},
                    ("a tree", "guessing", "mark1")),
        "GATE203": ({"difference": {"roc_auc": metric(0.01), "f1": metric(-0.01)}}, ("less the champion", "limit, 0")),
        "GATE205": ({"segments": [{"segment": "kind = a", "roc_auc": metric(0.7)}]}, ("kind = a", "limit, 0.55")),
        "GATE302": ({"folds": [0.8, 0.81]}, ("fold 2",)),
        "GATE401": ({"single": {"p50": 1, "p99": 3}, "batch": {"p50": 1, "p99": 3}, "batch_rows": 9},
                    ("limit 50 ms", "A batch of 9 rows")),
        "GATE701": ({"groupings": [{"by": "sex", "groups": [{"group": "f", "impact_ratio": metric(0.9)}]}]},
                    ("Impact ratio", "limit, 0.8")),
    }  # fmt: skip
    for code, (evidence, words) in found.items():
        check = Check(code, PERFORMANCE, "drawn", lambda *_, given=evidence: passed("", **given))
        text = page(told(judged([check])))
        for word in words:
            assert word in text, (code, word)
        assert "<svg viewBox" in text.partition("<details>")[0], "it is not folded away"


def test_a_verdict_of_older_evidence_is_still_shown() -> None:
    verdict = judged(everywhere(Check("GATE204", PERFORMANCE, "means it", lambda *_: passed("", curve="gone"))))
    assert "gone" in page(told(verdict))
