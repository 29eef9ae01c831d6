"""The gate's pages are what the gate asks: a page for each code, a code for each page, and the published shape."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from holdfast.checks.catalog import CHECKS
from holdfast.checks.limits import Limits
from holdfast.checks.report.schema import schema
from holdfast.cli.reference import filled

GATE = Path(__file__).parents[2] / "docs" / "gate"
CODES = {item.code for item in CHECKS}
HEADINGS = ["What it asks", "How it decides", "The default and where it comes from", "How to mend"]


def faults(code: str, text: str) -> list[str]:
    """What is wrong with a page."""
    (title,) = (item.title for item in CHECKS if item.code == code)
    found = [] if text.startswith(f"# {code}: {title}\n") else [f"its first line is not '# {code}: {title}'"]
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    if parts[1::2] != HEADINGS:
        found.append(f"its headings are {parts[1::2]}")
    found += [
        f"nothing stands under {name!r}"
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
        if not body.strip()
    ]
    known = {f"checks.{item.name}" for item in fields(Limits)}
    found += [f"there is no limit {name}" for name in re.findall(r"`(checks\.\w+)`", text) if name not in known]
    return found


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    written = {page.stem for page in GATE.glob("GATE*.md")}
    assert sorted(CODES - written) == [], "these pages are missing"
    assert sorted(written - CODES) == [], "nothing asks these"


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_page_says_what_it_asks_how_it_decides_by_what_limit_and_how_to_mend(code: str) -> None:
    page = GATE / f"{code}.md"
    text = page.read_text(encoding="utf-8")
    assert faults(code, text) == []
    assert len(text.splitlines()) <= 30


def test_a_page_that_lacks_something_is_noticed() -> None:
    text = (GATE / "GATE101.md").read_text(encoding="utf-8")
    assert faults("GATE101", text.replace("## How to mend", "## And so on"))
    assert faults("GATE101", text.replace("checks.least_rows", "checks.fewest_rows")) == [
        "there is no limit checks.fewest_rows"
    ]
    assert faults("GATE101", text.replace("# GATE101: Enough", "# GATE101: Too few"))
    assert faults("GATE101", text.partition("## How to mend")[0] + "## How to mend\n") == [
        "nothing stands under 'How to mend'"
    ]


def test_the_index_is_made_from_the_catalog() -> None:
    text = (GATE / "README.md").read_text(encoding="utf-8")
    assert "<!-- checks: made" in text
    assert filled(text) == text, "run `make docs`"
    assert filled(text.replace("| [GATE101](GATE101.md)", "| [GATE999](GATE999.md)")) == text


def test_the_published_schema_is_the_codes_own() -> None:
    assert json.loads((GATE / "verdict.schema.json").read_text(encoding="utf-8")) == schema(), "run `make docs`"
