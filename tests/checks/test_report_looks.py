"""The page in a real browser: on a desk and on a phone, by day and by night, it can be read, and loads nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.checks.browser import Tab, browser, program
from tests.checks.verdicts import everywhere, judged, told

from holdfast.checks.report.page import page
from holdfast.checks.report.style import POLICY, STYLE
from holdfast.checks.report.words import html

pytestmark = pytest.mark.skipif(
    program() is None and "HOLDFAST_REQUIRE_SERVICES" not in os.environ,
    reason="no Chromium here: `apt-get install chromium`, or name one in HOLDFAST_CHROMIUM",
)

LEAST_CONTRAST = 4.5
"""WCAG 2 AA, for text of any size."""

PALE = """
(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(Number).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  let looked = 0;
  for (const node of document.querySelectorAll("body *")) {
    if (![...node.childNodes].some((item) => item.nodeType === 3 && item.data.trim())) continue;
    if (node.closest("defs")) continue;
    looked += 1;
    const style = getComputedStyle(node);
    const [a, b] = [light(node.namespaceURI.endsWith("svg") ? style.fill : style.color), light(behind(node))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < LEAST) found.push(`${node.tagName}.${node.getAttribute("class")} ${contrast.toFixed(2)}`);
  }
  return {looked, found: [...new Set(found)]};
})()
""".replace("LEAST", str(LEAST_CONTRAST))

OPEN = "document.querySelectorAll('details').forEach((item) => { item.open = true; })"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every status, every shape and the worst of names, all evidence beside a verdict before it."""
    path = tmp_path_factory.mktemp("page") / "verdict.html"
    path.write_text(page(told(), digest="e" * 64, before=told(judged(everywhere()))), encoding="utf-8")
    return path


def complaints(tab: Tab, since: int) -> list[Any]:
    methods = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening")
    return [item["params"] for item in tab.heard[since:] if item.get("method") in methods]


def asked_for(tab: Tab, since: int) -> set[str]:
    sent = [item["params"] for item in tab.heard[since:] if item.get("method") == "Network.requestWillBeSent"]
    return {item["request"]["url"].rpartition("/")[2] for item in sent}


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_can_be_read_and_is_alone(tab: Tab, shown: Path, width: int, dark: bool) -> None:
    since = len(tab.heard)
    tab.open(shown, width=width, dark=dark)
    tab.ask(OPEN)
    assert tab.ask(WIDE) == 0
    pale = tab.ask(PALE)
    assert pale["looked"] > 1_000
    assert pale["found"] == []
    assert tab.ask("getComputedStyle(document.body).backgroundColor") == (
        "rgb(21, 23, 26)" if dark else "rgb(252, 252, 250)"
    )
    assert complaints(tab, since) == []
    assert asked_for(tab, since) == {"verdict.html"}


def test_each_status_has_its_word_and_its_sign(tab: Tab, shown: Path) -> None:
    tab.open(shown, width=390, dark=False)
    words = tab.ask("[...new Set([...document.querySelectorAll('.check .s')].map((item) => item.textContent.trim()))]")
    assert set(words) == {"Passed", "Failed", "Crashed", "Not applicable", "Waived", "Advice"}
    assert tab.ask("[...document.querySelectorAll('.s')].every((item) => item.querySelector('svg use'))")
    colours = tab.ask("[...new Set([...document.querySelectorAll('.check .s')].map((i) => getComputedStyle(i).color))]")
    assert len(colours) == len(words)
    assert tab.ask("document.querySelectorAll('.glance li').length") == 10
    assert tab.ask("[...document.querySelectorAll('.glance a')].every((a) => document.querySelector(a.hash))")


def test_on_paper_all_evidence_is_there(tab: Tab, shown: Path) -> None:
    tab.open(shown, width=800, dark=True)
    before = tab.ask("document.documentElement.scrollHeight")
    tab.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert tab.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.ask("document.documentElement.scrollHeight") > before * 1.5
    finally:
        tab.call("Emulation.setEmulatedMedia", media="")


def test_what_is_pale_wide_or_not_alone_is_noticed(tab: Tab, shown: Path, tmp_path: Path) -> None:
    text = shown.read_text(encoding="utf-8")
    free = text.replace(html(POLICY), "default-src * 'unsafe-inline'")
    spoiled = tmp_path / "spoiled.html"

    def look(page: str, width: int = 390) -> int:
        since = len(tab.heard)
        spoiled.write_text(page, encoding="utf-8")
        tab.open(spoiled, width=width, dark=False)
        tab.ask(OPEN)
        return since

    look(free.replace("--quiet:#595e65", "--quiet:#8a8f96", 1))
    assert any("SUMMARY" in item for item in tab.ask(PALE)["found"])
    look(free.replace("<h1>", "<div style='width:500px'>wide</div><h1>"))
    assert tab.ask(WIDE) > 0
    since = look(free.replace("<h1>", "<img src='http://127.0.0.1:9/x'><h1>"))
    assert asked_for(tab, since) == {"spoiled.html", "x"}
    since = look(text.replace("<h1>", "<img src='http://127.0.0.1:9/x'><script>document.title='run'</script><h1>"))
    assert len(complaints(tab, since)) >= 2, "the page's own policy lets neither of them through"
    assert tab.ask("document.title") != "run"
    since = look(text.replace(STYLE, STYLE + " "))
    assert complaints(tab, since), "a style sheet that is not ours is not used"
