"""Watching, side by side: what each way catches of the same incidents, when, with how many false alarms, at what cost.

    python -m benchmarks.watching [--templates cards …] [--scale 100000 1000000] [--docs docs/watching.md]

Each of the others runs in its own hash-locked environment (`benchmarks.environments`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.environments import NotInstalled, environment
from benchmarks.watching.page import page
from benchmarks.watching.scale import ours_at_scale
from benchmarks.watching.tables import Ours, at_scale, tables

HERE = Path(__file__).parent / "judges"
WAYS = {"drift_preset": "evidently", "nanny": "nannyml", "ks": "evidently"}
"""Each judge, and the environment it runs in."""
FEATURES = 100
PATIENCE = 3_000


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.watching", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--templates", nargs="*", default=["cards", "fraud"])
    parser.add_argument("--scale", nargs="*", type=int, default=[100_000, 1_000_000], help="predictions of one look")
    parser.add_argument("--work", type=Path, help="keep the tables here")
    parser.add_argument("--docs", type=Path, help="write the page here")
    told = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="watching-") as home:
        work = told.work or Path(home)
        work.mkdir(parents=True, exist_ok=True)
        ours: dict[str, dict[str, Ours]] = {}
        answers: dict[str, dict[str, Any]] = {}
        for template in told.templates:
            ours[template] = tables(template, work / template, _say)
            answers[template] = {name: _judged(name, work / template) for name in WAYS}
        costs = {rows: _costs(work, rows) for rows in told.scale}
        text = page(ours, answers, costs, FEATURES)
        print(text)
        if told.docs:
            told.docs.write_text(text, encoding="utf-8")
    return 0


def _judged(name: str, work: Path) -> dict[str, Any]:
    _say(f"{name} on {work.name}")
    answer = work / f"answer-{name}.json"
    done = _run(name, str(work), str(answer))
    if done.returncode or not answer.exists():
        return {"missing": (done.stderr.strip().splitlines() or ["it stopped"])[-1][:200]}
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


def _costs(work: Path, rows: int) -> dict[str, dict[str, Any]]:
    reference, current = at_scale(work, FEATURES, rows)
    found: dict[str, dict[str, Any]] = {"ours": ours_at_scale(FEATURES, rows)}
    for name in WAYS:
        _say(f"{name} at {FEATURES} features and {rows:,} predictions")
        done = _run(name, "--scale", str(reference), str(current))
        lines = done.stdout.strip().splitlines()
        found[name] = json.loads(lines[-1]) if not done.returncode and lines else {"error": done.stderr[-200:]}
    for path in (reference, current):
        path.unlink()
    return found


def _run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        python = environment(WAYS[name])
    except NotInstalled as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))
    line = [str(python), str(HERE / f"{name}.py"), *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
