"""The documents cannot lie about what they name: pages made from code are fresh, links lead somewhere, proofs exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from holdfast.cli.main import app
from holdfast.cli.reference import pages, walk
from holdfast.project.settings import table

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`((?:src|tests|docs|examples|benchmarks)/[\w./*-]+|(?:[a-z_]+/)+[a-z_]+\.py)`")


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_made_from_the_code_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`"


def test_every_command_and_every_setting_is_documented() -> None:
    commands = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert [name for name, _ in walk(get_command(app), "holdfast") if f"## `{name}" not in commands] == []
    settings = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert [row.name for row in table() if f"`{row.name}`" not in settings] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = CODE.findall(page.read_text(encoding="utf-8"))
    assert [
        name for name in named if not any(list(base.glob(name)) for base in (ROOT, ROOT / "src" / "holdfast"))
    ] == []


def test_every_row_of_the_feature_table_points_at_its_proof() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.split("## What it does")[1].split("\n## ")[0].splitlines() if line.startswith("| ")]
    proofs = [row.rstrip("| ").rsplit("|", 1)[1] for row in rows[2:]]
    assert len(proofs) > 10
    for proof in proofs:
        assert LINK.search(proof), proof


def test_every_decision_says_what_was_asked_decided_and_what_it_costs() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    assert len(decisions) >= 8
    for page in decisions:
        text = page.read_text(encoding="utf-8")
        for word in ("**Question.**", "**Decided.**", "**Costs.**"):
            assert word in text, page.name


def test_nothing_names_a_machine() -> None:
    """Paths of one computer and addresses of package indexes have no place in pages that others read."""
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(work|root|home|tmp)/|index-url", page.read_text(encoding="utf-8")), page
