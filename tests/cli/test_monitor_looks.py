"""The page of `holdfast monitor` in a real browser, on a desk and a phone, by day and by night, whatever was found."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.checks.browser import Tab, browser, program
from tests.checks.test_report_looks import OPEN, PALE, WIDE, asked_for, complaints

from holdfast.cli.monitor_page import page
from holdfast.contract.model import DAY
from holdfast.monitoring.catalog import WATCHES
from holdfast.monitoring.finding import Finding
from holdfast.project.monitor import Report
from holdfast.project.monitor_history import Day

pytestmark = pytest.mark.skipif(
    program() is None and "HOLDFAST_REQUIRE_SERVICES" not in os.environ,
    reason="no Chromium here: `apt-get install chromium`, or name one in HOLDFAST_CHROMIUM",
)

NOW = int(datetime(2026, 11, 11, 20, 30, tzinfo=UTC).timestamp()) * 1_000_000
LONG = "customer_" + "amount" * 14
EVIL = "<img src=x onerror=alert(1)>\u202e"
UNITS = Finding(
    "WATCH203", "alert", "units", f"{LONG} looks like training's values × 100", "ask who sends it", LONG, "critical",
    {"factor": 100.0, "psi": 4.4647}, NOW - DAY // 3, 1_050,
)  # fmt: skip
ROOT = {"explained_by": f"WATCH203 units of {LONG}"}
FOUND = (
    Finding("WATCH105", "alert", "vocabulary", EVIL, EVIL, EVIL, "warning", since=NOW - DAY, predictions=90),
    UNITS,
    Finding("WATCH302", "alert", "decisions", "more are positive", "look at the inputs", severity="high"),
    Finding("WATCH501", "alert", "more_volume", "more comes than usual", "ask who", severity="info"),
    Finding("WATCH201", "explained", "drift", "amount is not spread as in training", feature=LONG, evidence=ROOT),
    Finding("WATCH301", "explained", "score", "scores are not", evidence=ROOT),
    Finding("WATCH401", "too_few", "none", "0 decisions are settled"),
    Finding("WATCH406", "not_applicable", "none", "no protected field is known of decisions"),
    Finding("WATCH402", "ok", "none", "recall is 0.9", feature="recall"),
    *(Finding(watch.code, "ok", "none", watch.title) for watch in WATCHES[:4]),
)
REPORT = Report("cards", "1", "b" * 64, NOW, 1_093, FOUND)
CRASHED = Finding("WATCH407", "crashed", "crashed", "it could not look", "this is a bug in Holdfast")


def week() -> list[Day]:
    """28 days up to the look: nothing at first, one day with too few, and amounts that moved on the last three."""
    days = []
    for back in range(28, 0, -1):
        psi = {LONG: 4.6 if back <= 3 else 0.01, "weekday": 3.0, "score": 0.2, **{f"x{i}": 0.0 for i in range(70)}}
        number = 0 if back > 20 else 12 if back == 9 else 1_000 + back
        days.append(Day(NOW - back * DAY, number, number // 50, psi if number > 50 else {}))
    return days


def look(days_ago: int, *findings: Finding, version: str = "1") -> dict[str, Any]:
    at = datetime.fromtimestamp((NOW - days_ago * DAY) / 1e6, UTC).isoformat(timespec="seconds")
    told = [item.as_dict() for item in findings]
    return {"at": at, "version": version, "predictions": 90, "findings": told}


PAST = (
    look(20, UNITS, version="0"), look(9), look(3, UNITS), look(2, UNITS, FOUND[4]), look(1, UNITS, FOUND[0]),
    look(-1),
)  # fmt: skip


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def opened(
    tab: Tab, folder: Path, report: Report = REPORT, days: Sequence[Day] | None = None, past: Sequence[Any] = PAST,
    *, width: int = 1280, dark: bool = False, written: int = NOW,
) -> int:  # fmt: skip
    """Show a page, everything in it unfolded; answers how much the browser had said before."""
    file = folder / "monitor.html"
    file.write_text(page(report, week() if days is None else days, past, written=written), encoding="utf-8")
    since = len(tab.heard)
    tab.open(file, width=width, dark=dark)
    tab.ask(OPEN)
    return since


def text(tab: Tab, selector: str) -> list[str]:
    found = tab.ask(f"[...document.querySelectorAll({selector!r})].map((item) => item.innerText ?? item.textContent)")
    return [" ".join(item.split()) for item in found]


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("found", [FOUND, (CRASHED, *FOUND[6:]), FOUND[6:]], ids=["alerts", "crashed", "quiet"])
def test_the_page_can_be_read_and_is_alone(
    tab: Tab, tmp_path: Path, width: int, dark: bool, found: tuple[Finding, ...]
) -> None:
    since = opened(tab, tmp_path, replace(REPORT, findings=found), width=width, dark=dark)
    assert tab.ask(WIDE) == 0
    pale = tab.ask(PALE)
    assert pale["looked"] > 100
    assert pale["found"] == []
    assert complaints(tab, since) == []
    assert asked_for(tab, since) == {"monitor.html"}


def test_the_worst_comes_first_with_its_name_and_what_to_do(tab: Tab, tmp_path: Path) -> None:
    opened(tab, tmp_path)
    assert text(tab, ".verdict") == ["4 alerts, the worst critical"]
    assert text(tab, ".check .s") == ["Critical", "High", "Warning", "Info"]
    assert text(tab, ".check h3")[0] == f"Units: {LONG} WATCH203"
    assert text(tab, ".check .mend")[0] == "First step: ask who sends it"
    assert "2 other findings follow from it" in text(tab, ".check:first-of-type summary")
    assert 'holdfast incident open silent-input-change --because "…"' in text(tab, "ol code")
    order = text(tab, "h2")
    assert order[:3] == ["What is wrong", "What to do next", "Day by day"]


def test_times_say_their_zone_and_since_when_it_was_told(tab: Tab, tmp_path: Path) -> None:
    opened(tab, tmp_path)
    assert "up to 2026-11-11 20:30 UTC" in text(tab, ".lead")[0]
    first = text(tab, ".check:first-of-type .question")[0]
    assert first == "Seen in 1,050 decisions since 2026-11-11 12:30 UTC. First told 2026-11-08 20:30 UTC."
    assert "+00:00" not in tab.ask("document.body.innerText")
    told = text(tab, "tbody tr")
    begin = next(at for at, row in enumerate(told) if row.startswith("2026-11-10"))
    assert [row[:10] for row in told[begin : begin + 4]] == ["2026-11-10", "2026-11-08", "2026-11-02", "2026-10-22"]
    assert told[begin + 2].endswith("nothing"), "what follows makes no row of its own, nor does a look after this one"


def test_old_traffic_is_called_old(tab: Tab, tmp_path: Path) -> None:
    opened(tab, tmp_path, written=NOW + 11 * DAY)
    assert "This page was written 11 days later, at 2026-11-22 20:30 UTC" in text(tab, ".lead")[1]
    opened(tab, tmp_path, written=NOW + DAY // 48)
    assert len(text(tab, ".lead")) == 1


def test_where_nobody_asked_nothing_is_called_well(tab: Tab, tmp_path: Path) -> None:
    nobody = replace(REPORT, predictions=0, findings=FOUND[6:])
    opened(tab, tmp_path, nobody, [], [])
    assert text(tab, ".verdict") == ["Nobody asked, so nothing is known"]
    assert tab.ask("document.querySelector('.verdict').classList.contains('passed')") is False
    assert text(tab, "ol li")[0].startswith("No prediction was answered in these 24 hours.")
    assert "No day with predictions yet." in text(tab, "p")
    assert "What was told before" not in text(tab, "h2")
    silent = replace(nobody, findings=(Finding("WATCH501", "alert", "silence", "none came", "look"), *FOUND[6:]))
    opened(tab, tmp_path, silent, [], [])
    assert text(tab, ".verdict") == ["1 alert, warning"]


def test_days_have_dates_a_scale_and_what_is_usual(tab: Tab, tmp_path: Path) -> None:
    opened(tab, tmp_path)
    captions = text(tab, "figcaption")
    assert captions[0] == "Predictions: 1,001 on the last day, usually 1,011"
    assert captions[1] == "Decided positively: 2.0% on the last day, usually 2.0%"
    assert captions[2] == f"{LONG}: 4.60 on the last day, usually 0.01"
    assert [item for item in captions if item.startswith("weekday")] == ["weekday: 3.00 on the last day, usually 3.00"]
    assert text(tab, "figure text")[:4] == ["1,020", "0", "2026-10-23", "2026-11-11"], "from the first day on"
    bars = tab.ask("[...document.querySelectorAll('figure')].map((item) => item.querySelectorAll('.bar').length)")
    assert bars[:3] == [20, 20, 19], "a day with too few has no distance"
    assert tab.ask("document.querySelectorAll('figure .mark2').length") == len(bars)
    assert "13 more rose less." in text(tab, "p.more")


def test_what_a_name_from_the_data_holds_is_shown_and_not_run(tab: Tab, tmp_path: Path) -> None:
    since = opened(tab, tmp_path)
    assert complaints(tab, since) == []
    assert tab.ask("document.querySelectorAll('img').length") == 0
    assert "<img src=x onerror=alert(1)>\\u202e" in text(tab, ".check .mend bdi")
