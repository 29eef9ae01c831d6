"""Watching, side by side: what each way catches of the same incidents, when, with how many false alarms, at what cost.

    python -m benchmarks.watching [--templates cards …] [--rows N] [--scale 100000 1000000] [--docs docs/watching.md]

Each of the others runs in its own hash-locked environment (`benchmarks.environments`). While the next template's
traffic is sent, the judges look at the last one's; what a look at many rows costs is measured last, one by one.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.environments import NotInstalled, environment
from benchmarks.watching.page import WAYS, page
from benchmarks.watching.scale import rows_at_scale, stored_at_scale
from benchmarks.watching.tables import ROWS, Ours, at_scale, tables

HERE = Path(__file__).parent / "judges"
FEATURES = 100
KEPT = "kept.json"
PATIENCE = 1_500


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.watching", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--templates", nargs="*", default=list(ROWS))
    parser.add_argument("--rows", type=int, help="of each template's simulated history")
    parser.add_argument("--scale", nargs="*", type=int, default=[100_000, 1_000_000], help="predictions of one look")
    parser.add_argument("--work", type=Path, help="keep tables and answers here; a run that was stopped goes on")
    parser.add_argument("--docs", type=Path, help="write the page here")
    parser.add_argument("--again", type=Path, nargs="+", help="only the page, from kept.json of these")
    told = parser.parse_args(words)
    if told.again:
        _write(told.again, told.docs)
        return 0
    with tempfile.TemporaryDirectory(prefix="watching-") as home:
        work = told.work or Path(home)
        work.mkdir(parents=True, exist_ok=True)
        ours: dict[str, dict[str, Ours]] = {}
        with ThreadPoolExecutor(2) as others:
            asked = {}
            for template in told.templates:
                ours[template] = _ours(template, told.rows or ROWS[template], work / template)
                asked[template] = {name: others.submit(_judged, name, work / template) for name in WAYS}
            answers = {
                template: {name: item.result() for name, item in found.items()} for template, found in asked.items()
            }
        costs = {rows: _costs(work, rows) for rows in told.scale}
        _keep(work / KEPT, ours, answers, costs)
        _write([work / KEPT], told.docs)
    return 0


def _keep(path: Path, ours: dict[str, dict[str, Ours]], answers: Any, costs: Any) -> None:
    said = {name: {key: item.plain() for key, item in found.items()} for name, found in ours.items()}
    path.write_text(json.dumps({"ours": said, "answers": answers, "costs": costs}))


def _write(kept: Sequence[Path], docs: Path | None) -> None:
    """Of one run, or of one for each template and one for the costs."""
    ours: dict[str, dict[str, Ours]] = {}
    answers: dict[str, Any] = {}
    costs: dict[int, Any] = {}
    for path in kept:
        told = json.loads(path.read_text())
        ours |= {name: {key: Ours.of(item) for key, item in found.items()} for name, found in told["ours"].items()}
        answers |= told["answers"]
        costs |= {int(rows): found for rows, found in told["costs"].items()}
    text = page(ours, answers, costs)
    print(text)
    if docs:
        docs.write_text(text, encoding="utf-8")


def _ours(template: str, rows: int, work: Path) -> dict[str, Ours]:
    """The tables, and what we said of them; those of an earlier run in the same --work stand."""
    kept = work / "ours.json"
    if kept.exists():
        return {name: Ours.of(item) for name, item in json.loads(kept.read_text()).items()}
    found = tables(template, rows, work, _say)
    kept.write_text(json.dumps({name: item.plain() for name, item in found.items()}))
    return found


def _judged(name: str, work: Path) -> dict[str, Any]:
    answer = work / f"answer-{name}.json"
    if not answer.exists():
        done = _run(name, str(work), str(answer))
        if not answer.exists():
            return {"missing": (done.stderr.strip().splitlines() or ["it stopped"])[-1][:200]}
    found: dict[str, Any] = json.loads(answer.read_text())
    _say(f"{name} on {work.name}: {found['looks']} looks, {found['seconds']:.0f} s of processor")
    return found


def _costs(work: Path, rows: int) -> dict[str, dict[str, Any]]:
    """One by one; what an earlier run measured in the same --work stands."""
    places = {name: work / f"cost-{rows}-{name}.json" for name in ("stored", "rows", *WAYS)}
    found = {name: json.loads(place.read_text()) for name, place in places.items() if place.exists()}
    if len(found) < len(places):
        reference, current = at_scale(work, FEATURES, rows)
        for name in [name for name in places if name not in found]:
            _say(f"{name} at {FEATURES} features and {rows:,} predictions")
            found[name] = _cost(name, reference, current)
            if "error" not in found[name]:
                places[name].write_text(json.dumps(found[name]))
        for path in (reference, current):
            path.unlink()
    return found


def _cost(name: str, reference: Path, current: Path) -> dict[str, Any]:
    if name == "stored":
        return stored_at_scale(reference, current)
    if name == "rows":
        return rows_at_scale(reference, current)
    done = _run(name, "--scale", str(reference), str(current))
    lines = done.stdout.strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if not done.returncode and lines else {"error": done.stderr[-200:]}
    return found


def _run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        python = environment(WAYS[name])
    except NotInstalled as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = [str(python), str(HERE / f"{name}.py"), *words]
    try:
        return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return subprocess.CompletedProcess(words, 1, "", f"not done after {spent:,.0f} s of processor")


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
