"""Verdicts for looking at: every status, every shape of evidence, and names as bad as anybody's data may hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, cast

import numpy as np

from holdfast.bundle.manifest import Manifest
from holdfast.checks.check import CATEGORIES, DATA, Answer, Check, failed, not_applicable, passed
from holdfast.checks.report.document import document
from holdfast.checks.subject import Subject
from holdfast.checks.verdict import Verdict, Waiver, examine

NOW = 1_800_000_000
HOSTILE = (
    "<script>fetch('http://127.0.0.1:9/')</script>",
    '"><img src=http://127.0.0.1:9/x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title><svg onload=alert(1)>",
    "a\x00b\x1b[31mred\x07",
    "\u202egnp.exe \u2066x\u200b",
    "\ud800 lone",
    "&lt;b&gt; &amp; {{7*7}} ${7*7} javascript:alert(1)",
    "m" * 300,
)


def crash(*_: Any) -> Answer:
    raise ZeroDivisionError(HOSTILE[0])


def metric(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.04, "high": value + 0.05}


SHAPES: dict[str, Any] = {
    "a_number": 0.123456,
    "positive_share": 0.0312,
    "nothing": None,
    "yes": True,
    "none_at_all": [],
    "not_a_number": float("nan"),
    "from_numpy": np.array([1.0, np.inf, 3.0]),
    "metrics": {"roc_auc": metric(0.9), "f1": metric(0.4)},
    "one_metric": metric(0.7),
    "groups": [{"group": f"{name}", "rows": 100 + at, **metric(0.2 + at / 50)} for at, name in enumerate("abcdefgh")],
    "each_with": [{"segment": name, "rows": 9, "roc_auc": metric(0.6), "f1": metric(0.3)} for name in "xyz"],
    "lists": {"sex": [{"group": name, "positive": metric(0.1)} for name in ("f", "m")]},
    "by_segment": {name: {"rows": 12, "rate": 0.3, "low": 0.1, "high": 0.5} for name in ("north", "south")},
    "curve": [{"rows": 10 * at, "said": at / 10, "seen": at / 11} for at in range(1, 11)],
    "single_ms": {"p50": 1.2, "p95": 3.4, "p99": 9.9, "max": 40.1},
    "roc": {"fpr": [0.0, 0.1, 1.0], "tpr": [0.0, 0.8, 1.0]},
    "pr": {"recall": [0.0, 0.5, 1.0], "precision": [1.0, 0.6, 0.1]},
    "shares": {name: at / 100 for at, name in enumerate("abcdefghijklmnopqrstuvw")},
    "points": [[0.0, 1.0], [1.0, 3.0], [2.0, 2.0]],
    "deep": {"a": {"b": {"c": {"d": {"e": 1}}}}},
    "rows": [{"name": "x", "count": at} for at in range(150)],
    "names": [f"name {at}" for at in range(150)],
    "hash": "f" * 64,
    "mixed": [{"a": [1, 2]}, {"a": {"b": 1}}],
}
BAD = {name: name for name in HOSTILE} | {"list": list(HOSTILE), "rows": [{name: name} for name in HOSTILE]}
BAD["groups"] = {name: metric(0.5) for name in HOSTILE}
BAD["shares"] = dict.fromkeys(HOSTILE, 0.5)

ANSWERS: dict[str, Callable[..., Answer]] = {
    "passed": lambda *_: passed("it is", **SHAPES),
    "failed": lambda *_: failed("it is not", "mend it", **SHAPES),
    "hostile": lambda *_: failed(" ".join(HOSTILE), " ".join(HOSTILE), **BAD),
    "not_applicable": lambda *_: not_applicable("there is none"),
    "crashed": crash,
    "no_json": lambda *_: passed("it is", thing=object()),
}


class Bundle:
    def __init__(self, name: str = "b" * 64) -> None:
        self.hash = name


def subject(version: str = "7", bundle: str = "b" * 64) -> Subject:
    return cast(Subject, type("Version", (), {"version": version, "bundle": Bundle(bundle)})())


def everywhere(*more: Check) -> list[Check]:
    """A check that passes in every category, and more."""
    checks = [Check(f"GATE{at}01", item, "passes", ANSWERS["passed"]) for at, item in enumerate(CATEGORIES, 1)]
    return [*checks, *more]


def judged(checks: Sequence[Check], *waivers: Waiver, of: Subject | None = None, began: int = NOW) -> Verdict:
    ticks = count(began)
    return examine(of or subject(), checks, waivers=waivers, clock=lambda: float(next(ticks)))


def every_status() -> Verdict:
    """All there is: each status, required and advised, a waiver, and a name from hell in each place."""
    checks = everywhere(
        *(Check(f"GATE1{at}0", DATA, f"asks {name}", ask) for at, (name, ask) in enumerate(ANSWERS.items(), 2)),
        Check("GATE198", DATA, HOSTILE[1], ANSWERS["hostile"], "advised"),
        Check("GATE199", DATA, "waived", ANSWERS["hostile"]),
    )
    waiver = Waiver("GATE199", HOSTILE[0], HOSTILE[1] + HOSTILE[5], (NOW + 3600) * 1_000_000)
    return judged([item for item in checks if item.category != CATEGORIES[-1]], waiver)


def manifest(**training: Any) -> Manifest:
    """Of a version whose name and author are hostile, too."""
    told = {"who": HOSTILE[0], "data": {"rows": 3_000, "content": "c" * 64}, "code": {"commit": HOSTILE[2]}, **training}
    return Manifest(
        name=HOSTILE[3], created_at="2026-01-01T00:00:00+00:00", family="random_forest", contract="a" * 32,
        model_hash="d" * 64, holdfast="0.1.0", training=told,
    )  # fmt: skip


def told(verdict: Verdict | None = None, **training: Any) -> dict[str, Any]:
    return document(verdict or every_status(), manifest(**training))
