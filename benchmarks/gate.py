"""The gate on public data: seconds for all ten categories of each set, and what it found.

    python -m benchmarks.gate [NAME …] [--data FOLDER] [--at FOLDER] [--docs docs/results.md]

Each project is made from its folder in `examples/`, trained, and examined by `holdfast check`, one after the other.
Nothing else should run meanwhile: the gate measures what the machine leaves it. `--at` keeps projects and pages.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import write_into

ROOT = Path(__file__).parents[1]
BOUND = 180.0
"""Seconds, for each set."""
MARK = "gate"


@dataclass(frozen=True)
class Set:
    """A set of public data; `example` is the folder that knows what its file lacks."""

    title: str
    example: str
    file: str


SETS = {
    "ulb": Set("ULB card payments", "ulb", "ulb_transactions.parquet"),
    "uci": Set("UCI credit card clients", "credit_default", "default_credit_card_clients.parquet"),
    "german": Set("German credit", "german_credit", "german_credit.parquet"),
    "adult": Set("Adult", "adult", "adult.parquet"),
    "bank": Set("Bank marketing", "bank_marketing", "bank_marketing_full.parquet"),
}


def made(one: Set, data: Path, folder: Path) -> None:
    """A project in a new folder."""
    home = ROOT / "examples" / one.example
    if one.example != "ulb":
        _run_of(home).EXAMPLE.project(data / one.file, folder)
        return
    folder.mkdir(parents=True)
    shutil.copy(home / "contract.py", folder)
    settings = (home / "holdfast.toml").read_text()
    (folder / "holdfast.toml").write_text(
        settings.replace("../../../shared/data/ulb_transactions.parquet", str((data / one.file).resolve()))
    )


def _run_of(home: Path) -> Any:
    sys.path.insert(0, str(home.parent))
    spec = importlib.util.spec_from_file_location(home.name, home / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def holdfast(folder: Path, *words: str) -> tuple[int, dict[str, Any], float]:
    """One command: its exit code, its answer, its seconds from start to end."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "holdfast.cli.main", *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    try:
        return done.returncode, json.loads(done.stdout), took
    except json.JSONDecodeError:
        sys.exit(f"holdfast {' '.join(words)} ended with {done.returncode}: {done.stderr[-2_000:]}")


def examined(one: Set, data: Path, folder: Path) -> tuple[list[str], bool]:
    """One row of the table, and whether it stayed within the bound."""
    made(one, data, folder)
    code, trained, _ = holdfast(folder, "train")
    if code:
        sys.exit(f"{one.title} was not trained: {json.dumps(trained)[:2_000]}")
    page = folder / "verdict.html"
    _, told, took = holdfast(folder, "check", str(trained["version"]), "--html", str(page))
    checks = told["checks"]
    stopping = [item["code"] for item in checks if item["severity"] == "required" and item["status"] != "passed"]
    advice = sum(item["severity"] == "advised" and item["status"] == "failed" for item in checks)
    under = next(item for item in checks if item["code"] == "GATE401")
    categories = len({item["category"] for item in checks})
    for item in checks:
        if item["code"] in stopping:
            print(f"  {item['code']} {item['status']}: {item['why']}", flush=True)
    print(f"  {page}, {page.stat().st_size // 1000:,} kB", flush=True)
    row = [
        one.title, f"{told['trained']['data']['rows']:,}", f"{len(checks)} in {categories}", f"{took:.0f}",
        under["why"] if under["status"] == "passed" else f"GATE401 {under['status']}",
        ", ".join(stopping) or "none", str(advice),
    ]  # fmt: skip
    return row, took < BOUND and categories == 10


HEAD = ("data", "rows", "checks", "seconds", "under load", "what stops it", "advice")


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SETS))
    default = os.environ.get("HOLDFAST_SHARED_DATA", ROOT.parent / "shared" / "data")
    words.add_argument("--data", type=Path, default=Path(default))
    words.add_argument("--at", type=Path, default=None)
    words.add_argument("--docs", type=Path, default=None)
    told = words.parse_args()
    unknown = [name for name in told.names if name not in SETS]
    if unknown:
        words.error(f"there is no {', '.join(unknown)}; one of: {', '.join(SETS)}")
    chosen = [SETS[name] for name in told.names or SETS]
    absent = [one.file for one in chosen if not (told.data / one.file).is_file()]
    if absent:
        sys.exit(f"{told.data} lacks {', '.join(absent)}: set HOLDFAST_SHARED_DATA, or give --data")
    rows, within = [], True
    with tempfile.TemporaryDirectory() as scratch:
        for one in chosen:
            print(one.title, flush=True)
            row, held = examined(one, told.data, (told.at or Path(scratch)) / one.example)
            rows.append(row)
            within &= held
            print(f"  {row[3]} s{'' if held else ': OVER THE BOUND, or not all categories'}", flush=True)
    table = "\n".join("| " + " | ".join(row) + " |" for row in (HEAD, ["---"] * len(HEAD), *rows))
    print(table)
    if told.docs:
        write_into(told.docs, MARK, table)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
