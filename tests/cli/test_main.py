"""The command line keeps its promises: speed, --json everywhere, exit codes, one shape of error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from holdfast import __version__
from holdfast.cli.main import app
from holdfast.cli.reference import walk

from .conftest import Run

COMMANDS = dict(walk(get_command(app), "holdfast"))


def best_of(times: int, *words: str) -> float:
    """Seconds of processor time: what the machine else does must not count."""
    found = []
    for _ in range(times):
        before = os.times()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        after = os.times()
        found.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(found)


def test_importing_takes_less_than_three_tenths_of_a_second() -> None:
    assert best_of(3, "-c", "import holdfast, holdfast.contract") < 0.3


def test_help_takes_less_than_half_a_second() -> None:
    assert best_of(3, "-m", "holdfast.cli.main", "--help") < 0.5


def test_the_command_line_imports_nothing_heavy_before_it_is_asked_to() -> None:
    code = (
        "import sys, holdfast.cli.main; print([m for m in ('numpy','pyarrow','mlflow','pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_it_does_answers_in_json_and_has_few_options(name: str) -> None:
    command: Any = COMMANDS[name]
    options = [item for item in command.params if item.param_type_name == "option"]
    assert command.help
    assert "--json" in [word for item in options for word in item.opts]
    assert len([item for item in options if "--json" not in item.opts]) <= 7
    assert all(item.help for item in command.params if item.name != "help")


def test_a_folder_without_a_project_is_misuse_and_says_how_to_start_one(tmp_path: Path, run: Run) -> None:
    told = run("-C", tmp_path, "versions")
    assert told.code == 2
    assert "no project here" in told.err
    assert "holdfast init" in told.err


def test_an_error_has_one_shape_in_json_with_all_its_problems(tmp_path: Path, run: Run) -> None:
    (tmp_path / "holdfast.toml").write_text("nmae = 'x'\n[serving]\nport = 'high'\n")
    told = run("-C", tmp_path, "contract", "check", "--json")
    error = told.document["error"]
    assert told.code == 2
    assert set(error) == {"what", "where", "mend", "problems"}
    assert {problem["field"] for problem in error["problems"]} == {"nmae", "serving.port"}


def test_an_unknown_command_is_misuse(run: Run) -> None:
    assert run("tarin").code == 2


def test_the_version_is_told_without_a_command(run: Run) -> None:
    told = run("--version")
    assert told.code == 0
    assert told.out == f"holdfast {__version__}\n"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("tarin",), "tarin"),
        (("train", "--bogus"), "--bogus"),
        (("promote",), "version"),
        (("parity", "--limit", "0"), "--limit"),
        (("replay", "--sample", "-3"), "--sample"),
        (("ledger", "show", "--last", "-2"), "--last"),
        (("explain", "p-1", "--top", "-1"), "--top"),
        (("serve", "--port", "99999"), "--port"),
    ],
)
def test_a_wrong_word_or_number_is_misuse_and_with_json_has_the_one_shape(
    run: Run, words: tuple[str, ...], what: str
) -> None:
    plain = run(*words)
    assert (plain.code, plain.out) == (2, "")
    assert what in plain.err
    assert "Traceback" not in plain.err
    told = run(*words, "--json")
    assert told.code == 2
    assert what in told.document["error"]["what"]
    assert told.document["error"]["mend"].endswith("--help")


def test_a_bug_is_a_fault_and_keeps_its_traceback(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("holdfast.project.start.start", broken)
    told = run("init", "shop", "--at", tmp_path / "shop")
    assert told.code == 3
    assert "Traceback" in told.err
    assert "report it" in told.err


def test_the_project_is_found_from_a_folder_within_it(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("init", "shop", "--template", "fraud", "--at", tmp_path / "shop", "--rows", "300").code == 0
    monkeypatch.chdir(tmp_path / "shop" / "data")
    assert run("contract", "check", "--json").document["features"] == 8
