"""Every playbook has its page, every page its eight steps, and every command on it is one that there is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from holdfast.cli.main import app
from holdfast.monitoring.causes import ORDER
from holdfast.project.incidents.evidence import EVIDENCE
from holdfast.project.incidents.figures import FIGURES
from holdfast.project.incidents.mitigate import MITIGATIONS, mitigation
from holdfast.project.incidents.playbooks import PLAYBOOKS, Playbook, guess

PAGES = Path(__file__).parents[2] / "docs" / "playbooks"
STEPS = ("Acknowledge", "Mitigate", "Verify", "Communicate", "Diagnose", "Remediate", "Add a test", "Document")
by_name = pytest.mark.parametrize("book", PLAYBOOKS, ids=lambda book: book.name)


def commands(text: str) -> Iterator[str]:
    """Lines of code blocks and code in sentences that call holdfast."""
    blocks = re.findall(r"```\n(.*?)```", text, re.S)
    yield from (line for block in blocks for line in block.splitlines() if line.startswith("holdfast "))
    yield from (found for found in re.findall(r"`(holdfast [^`]+)`", text) if "…" not in found and "..." not in found)


def parsed(line: str) -> None:
    """Raises what the command line would raise for a wrong word; nothing is done."""
    command, words = typer.main.get_command(app), shlex.split(line)[1:]
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    assert not hasattr(command, "commands"), line
    command.make_context(line, words)


def test_a_wrong_command_is_seen() -> None:
    for wrong in ("holdfast incident mend", "holdfast incident put soon", "holdfast incident mitigate rollback --now"):
        with pytest.raises((AssertionError, typer.BadParameter.__bases__[0])):
            parsed(wrong)


@by_name
def test_every_command_of_a_page_is_one(book: Playbook) -> None:
    page = (PAGES / f"{book.name}.md").read_text(encoding="utf-8")
    found = list(commands(page))
    assert len(found) >= 8
    for line in found:
        parsed(line)
    assert tuple(re.findall(r"^## (.*)$", page, re.M)) == STEPS
    for name in book.mitigations[:1]:
        assert f"holdfast incident mitigate {name}" in page


@by_name
def test_what_a_playbook_names_there_is(book: Playbook) -> None:
    assert set(book.evidence) <= set(EVIDENCE)
    assert set(book.figures) <= {*FIGURES, "unanswered"}
    for name in book.mitigations:
        assert mitigation(name) in MITIGATIONS
    for line in commands("\n".join((*book.diagnose, *book.remediate))):
        if not re.search(r"\b[A-Z]{4,}\b", line):
            parsed(line)


def test_the_pages_are_those_of_the_playbooks() -> None:
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}
    assert pages == {book.name for book in PLAYBOOKS}
    readme = (PAGES / "README.md").read_text(encoding="utf-8")
    assert all(f"]({name}.md)" in readme for name in pages)


def test_every_cause_that_a_watch_names_has_one_playbook() -> None:
    for cause in ORDER:
        assert sum(cause in book.causes for book in PLAYBOOKS) == 1, cause
    assert guess(["nothing of the kind"]) is None
    for causes, name in (
        (["score", "units"], "silent-input-change"),
        (["score", "refusals"], "schema-change"),
        (["score", "outage"], "outage"),
        (["score"], "false-positive-spike"),
        (["ranking_lost"], "gradual-decay"),
    ):
        found = guess(causes)
        assert found is not None
        assert found.name == name, causes
