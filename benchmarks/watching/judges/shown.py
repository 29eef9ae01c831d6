"""What every judge is shown, and the shape of its answer; needs pandas alone.

python JUDGE.py WORK ANSWER.json            every incident in WORK
python JUDGE.py --scale REFERENCE CURRENT   seconds and memory of one look, as JSON on the output
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

warnings.filterwarnings("ignore")
SIZES = (50, 100, 200, 500, 1_000, 2_000)
"""Predictions after which it is asked."""
Look = Callable[[pd.DataFrame, pd.DataFrame, dict[str, Any]], list[str]]
"""Reference, what came since, what the columns are: the columns (or ``…`` of its own) that it raises."""


def judge(look: Look) -> None:
    if sys.argv[1] == "--scale":
        _scale(look)
        return
    work, answer = Path(sys.argv[1]), Path(sys.argv[2])
    about = json.loads((work / "about.json").read_text())
    reference = pd.read_parquet(work / "reference.parquet")
    clean = pd.read_parquet(work / "clean.parquet")
    told: dict[str, Any] = {"quiet": {}, "windows": [], "incidents": {}, "errors": {}}
    began = time.perf_counter()
    told["quiet"] = {size: _safe(look, reference, clean.head(size), about, told, "clean") for size in SIZES}
    for _, day in clean.groupby(clean["time"] // 86_400_000_000):
        if len(day) >= SIZES[0]:
            told["windows"].append(_safe(look, reference, day, about, told, "clean"))
    for path in sorted(work.glob("incident-*.parquet")):
        name, rows = path.stem.removeprefix("incident-"), pd.read_parquet(path)
        told["incidents"][name] = {
            size: _safe(look, reference, rows.head(size), about, told, name) for size in SIZES if len(rows) >= size
        }
    told["seconds"] = time.perf_counter() - began
    answer.write_text(json.dumps(told))


def _safe(look: Look, reference: Any, current: Any, about: Any, told: Any, name: str) -> list[str]:
    try:
        return sorted(set(look(reference, current, about)))
    except Exception as error:  # whatever it is, it is told, and the others are shown all the same
        told["errors"].setdefault(name, f"{type(error).__name__}: {error}"[:300])
        return []


def _scale(look: Look) -> None:
    reference, current = (pd.read_parquet(path) for path in sys.argv[2:4])
    about = {"numbers": [name for name in reference if name.startswith("x")], "categories": [], "score": "score"}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    raised = look(reference, current, about)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak_mb": peak / 1024, "tables_mb": before / 1024, "raised": len(raised)}))
