"""The watch sees the traffic alone: it imports nothing of the drills, and nothing in a copy tells that it is one."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import holdfast
from holdfast.drills.catalog import DRILLS
from holdfast.drills.report import CLOSE, OPEN

ROOT = Path(holdfast.__file__).parent


def _imports(path: Path) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {item.name for item in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_nothing_but_the_command_knows_of_drills() -> None:
    others = [path for path in ROOT.rglob("*.py") if "drills" not in path.relative_to(ROOT).parts]
    knowing = {path.relative_to(ROOT).as_posix() for path in others if any("drills" in name for name in _imports(path))}
    assert len(others) > 300
    assert knowing == {"cli/drill.py"}


def test_an_injection_is_under_thirty_lines() -> None:
    for drill in DRILLS:
        assert len(inspect.getsource(drill.inject).splitlines()) < 30, drill.id


def test_the_sandbox_and_the_stage_know_no_single_drill() -> None:
    for name in ("stage.py", "sandbox.py", "recorded.py", "ask.py", "command.py"):
        assert not {item for item in _imports(ROOT / "drills" / name) if "incidents" in item or "catalog" in item}


def test_the_page_lists_every_drill() -> None:
    page = (ROOT.parents[1] / "docs" / "drills.md").read_text(encoding="utf-8")
    for drill in DRILLS:
        assert f"| {drill.id} | `{drill.name}` | {drill.incident} | {drill.kind} |" in page
        assert f"| {', '.join(drill.causes)} |" in page


def test_the_page_of_results_has_a_place_for_the_table() -> None:
    results = (ROOT.parents[1] / "docs" / "results.md").read_text(encoding="utf-8")
    assert OPEN in results
    assert CLOSE in results
