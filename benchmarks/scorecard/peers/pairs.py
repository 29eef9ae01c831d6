"""What the three judges share: the pairs of tables they are shown, and the answer they write.

Runs in each peer's own environment, found by PYTHONPATH, and needs nothing but pandas. A folder of WORK holds
`reference.parquet` (what one trains on), `current.parquet` (the new batch) and `about.json`; `python judge.py WORK
OUT.json [NAME …]` looks at all of them, or at those named, and writes what was raised. A judge never ends because of a
table: what a tool could not do is kept as its error, and the parts of it that still answered count.
"""

from __future__ import annotations

import json
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import FrameType

import pandas as pd

PATIENCE = 180
"""Seconds for one pair."""
SHORT = 300


@dataclass(frozen=True)
class Pair:
    """Two tables, and what their owner knows of them. `label` and `score` are empty where one of the two has none."""

    reference: pd.DataFrame
    current: pd.DataFrame
    label: str
    score: str
    key: str
    categories: tuple[str, ...]
    features: tuple[str, ...]
    """The reference's columns that are neither key, label nor score."""


@dataclass
class Answer:
    """What a tool said of one pair."""

    raised: list[dict[str, str | None]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def raises(self, check: str, column: str | None, why: str) -> None:
        self.raised.append({"check": check, "column": column, "why": " ".join(why.split())[:SHORT]})

    def stopped(self, part: str, error: BaseException) -> None:
        self.errors.append(f"{part}: {type(error).__name__}: {' '.join(str(error).split())}"[:SHORT])

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """One part of a tool, which may fail without the others."""
        try:
            yield
        except TimeoutError:
            raise
        except Exception as error:
            self.stopped(name, error)


def read(folder: Path) -> Pair:
    about = json.loads((folder / "about.json").read_text())
    reference, current = (_plain(pd.read_parquet(folder / f"{name}.parquet")) for name in ("reference", "current"))

    def there(name: str) -> str:
        """The column, where both tables have it and something in it."""
        known = about.get(name) or ""
        return known if all(known in table and table[known].notna().any() for table in (reference, current)) else ""

    apart = {about.get(name) for name in ("key", "label", "score")}
    features = tuple(name for name in reference.columns if name not in apart)
    categories = tuple(name for name in about.get("categories", ()) if name in reference)
    return Pair(reference, current, there("label"), there("score"), about.get("key") or "", categories, features)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """The same with numpy's own types, as not every tool knows pandas' own: numbers with nulls are floats."""
    for name in table.columns:
        values = table[name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            table[name] = values.astype(object)
        elif pd.api.types.is_extension_array_dtype(values.dtype) and pd.api.types.is_numeric_dtype(values.dtype):
            table[name] = values.astype(float if values.isna().any() else values.dtype.numpy_dtype)
    return table


def named(values: pd.Series) -> pd.Series:
    """A column of categories with whole numbers as such, though some are missing: 1 and None, not 1.0 and NaN."""
    if not pd.api.types.is_float_dtype(values) or (values.dropna() % 1 != 0).any():
        return values
    return values.astype("Int64").astype(object).where(values.notna(), None)


def _late(_: int, __: FrameType | None) -> None:
    raise TimeoutError(f"no answer after {PATIENCE} s")


def judge(tool: str, look: Callable[[Pair, Answer], None]) -> None:
    """Show every pair to the tool and write what it answers."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _late)
    work, out, *names = sys.argv[1:]
    folders = sorted(path.parent for path in Path(work).glob("*/about.json") if not names or path.parent.name in names)
    began, judged = time.perf_counter(), {}
    for folder in folders:
        answer, started = Answer(), time.perf_counter()
        signal.alarm(PATIENCE)
        try:
            look(read(folder), answer)
        except Exception as error:
            answer.stopped("all of it", error)
        finally:
            signal.alarm(0)
        judged[folder.name] = {
            "raised": answer.raised,
            "seconds": round(time.perf_counter() - started, 2),
            "error": "; ".join(answer.errors) or None,
        }
        print(folder.name, judged[folder.name]["seconds"], file=sys.stderr, flush=True)
    versions = {name: version(name) for name in (tool, "pandas", "numpy", "scikit-learn") if _installed(name)}
    seconds = round(time.perf_counter() - began, 1)
    Path(out).write_text(json.dumps({"versions": versions, "seconds": seconds, "judged": judged}, indent=1))


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except ImportError:
        return False
