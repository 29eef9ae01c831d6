"""What every judge is shown, and the shape of its answer; needs pandas alone.

python JUDGE.py WORK ANSWER.json            every incident in WORK, a look at the end of each day
python JUDGE.py --scale REFERENCE CURRENT   processor seconds and memory of one look, as JSON on the output
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

warnings.filterwarnings("ignore")
WINDOWS = {"day": 1, "week": 7}
"""Days back that a look is shown."""
CALENDAR = ("weekday", "day_of_week")
"""Constant within a day: nobody compares them by the day, so there no judge is given them."""
LEAST = 20
"""Rows, at least, for it to be asked."""
About = dict[str, Any]
Look = Callable[[pd.DataFrame], list[str]]
"""Rows of one look: the columns that it raises, and words of its own that begin with ``…``."""
Fit = Callable[[pd.DataFrame, About], Look]
"""What it learns of the reference, and what the columns are; one that needs nothing keeps it."""


def judge(fit: Fit, at_scale: Fit | None = None, windows: Sequence[str] = tuple(WINDOWS)) -> None:
    """`at_scale` in the place of `fit` where a look is one of very many rows."""
    if sys.argv[1] == "--scale":
        _scale(at_scale or fit, Path(sys.argv[2]), Path(sys.argv[3]))
        return
    work, answer = Path(sys.argv[1]), Path(sys.argv[2])
    about = json.loads((work / "about.json").read_text())
    reference = pd.read_parquet(work / "reference.parquet")
    tables = {path.stem: pd.read_parquet(path) for path in sorted(work.glob("*.parquet")) if path.stem != "reference"}
    told: dict[str, Any] = {"own": about["own"], "windows": {}, "errors": {}, "looks": 0}
    began = time.process_time()
    for window in windows:
        seen = without(about, CALENDAR) if window == "day" else about
        look = fit(reference, without(seen, [name for name in columns(seen) if reference[name].isna().all()]))
        told["windows"][window] = {
            name: [_safe(look, rows, told, f"{name} {window}") for rows in _days(reference, table, WINDOWS[window])]
            for name, table in tables.items()
        }
        told["seconds"] = time.process_time() - began
        answer.write_text(json.dumps(told))  # whoever is stopped in the next window has answered in this one


def columns(about: About) -> list[str]:
    return [*about["numbers"], about["score"], *about["categories"]]


def without(about: About, names: Sequence[str]) -> About:
    kept = {kind: [name for name in about[kind] if name not in names] for kind in ("numbers", "categories")}
    return {**about, **kept}


def yes(values: pd.Series) -> bool:
    """Whether any is true; one that could not be computed is not."""
    return bool((values.notna() & values.fillna(False).astype(bool)).any())


def _days(reference: pd.DataFrame, table: pd.DataFrame, back: int) -> list[pd.DataFrame]:
    """What each look is shown: the rows of so many days, those before the first from the reference."""
    every = pd.concat([reference[reference["day"] > -back], table], ignore_index=True)
    last = int(table["day"].max())
    return [every[(every["day"] > day - back) & (every["day"] <= day)] for day in range(last + 1)]


def _safe(look: Look, rows: pd.DataFrame, told: dict[str, Any], name: str) -> list[str]:
    if len(rows) < LEAST:
        return []
    told["looks"] += 1
    try:
        return sorted(set(look(rows.reset_index(drop=True))))
    except Exception as error:  # whatever it is, it is told, and the others are shown all the same
        told["errors"].setdefault(name, f"{type(error).__name__}: {error}"[:300])
        return []


def _scale(fit: Fit, *paths: Path) -> None:
    reference, current = (pd.read_parquet(path) for path in paths)
    about = {
        "numbers": [name for name in map(str, reference) if name.startswith("x")],
        "categories": [],
        "score": "score",
    }
    tables = memory("VmRSS")
    forget_peak()
    began, clock = time.process_time(), time.perf_counter()
    look = fit(reference, about)
    fitted = time.process_time() - began
    raised = look(current)
    seconds, waited = time.process_time() - began, time.perf_counter() - clock
    told = {
        "seconds": seconds,
        "waited": waited,
        "fit": fitted,
        "peak_mb": memory("VmHWM"),
        "tables_mb": tables,
        "raised": len(raised),
    }
    print(json.dumps(told))


def memory(word: str) -> float:
    """MB of this process: ``VmRSS`` now, ``VmHWM`` at most since `forget_peak`; without /proc at most ever."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in lines if line.startswith(word)) / 1024


def forget_peak() -> None:
    """Reading a file takes more memory than its table: that is not the look's."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return
