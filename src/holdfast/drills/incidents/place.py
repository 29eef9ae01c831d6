"""Where it is answered: another window, another library, a step made otherwise, a slow or overloaded server, a file
overwritten. The server runs in a Python that was changed before it started; the copy's files say nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from holdfast.contract.model import SECOND, Contract
from holdfast.drills.ask import doctor, load, monitor, parity, replies, service, watch
from holdfast.drills.drill import Drill, Within
from holdfast.drills.fields import needs_windows
from holdfast.drills.incidents.inputs import CHECKS, FINTECH, GUIDE, HANDBOOK, TABLE
from holdfast.drills.recorded import Request, moved
from holdfast.drills.stage import Stage

HOURLY = Within(1_000, 1_440)
"""Continuous validation looks at a thousand answers an hour."""
AT_ONCE = Within(0, 0)
MINUTE = 60 * SECOND

WINDOWS = """
import dataclasses
import holdfast.features.plan as module
sound = module.plan
def other(item):
    return dataclasses.replace(item, aggregate=dataclasses.replace(item.aggregate, {change}))
def plan(contract):
    made = sound(contract)
    return dataclasses.replace(made, reads=tuple(other(item) for item in made.reads))
module.plan = plan
"""
STEP = """
import holdfast.features.kernel.scalar as module
sound = module.compile_row
def compile_row(contract):
    made = sound(contract)
    at = next(i for i, item in enumerate(contract.features) if item.expr.kind != "category")
    def row(*given):
        found = list(made(*given))
        {change}
        return found
    return row
module.compile_row = compile_row
"""
GUESS = """
import random
import holdfast.bundle.load as opening
opening.check_golden = lambda *_: None
import holdfast.bundle.bundle as module
sound = module.Bundle.predict
def predict(self, row):
    score, probability = sound(self, row)
    return (score, min(1.0, probability + 0.01)) if random.random() < 0.03 else (score, probability)
module.Bundle.predict = predict
"""
LIBRARY = """
import holdfast.bundle.bundle as module
sound = module.Bundle.predict
def predict(self, row):
    score, probability = sound(self, row)
    return score, probability * (1 + 1e-12)
module.Bundle.predict = predict
"""


def shorter(stage: Stage) -> None:
    stage.patch = WINDOWS.format(change="over=max(1, item.aggregate.over // 3)")


def ties(stage: Stage) -> None:
    """Times in whole minutes: then many events share theirs."""

    def change(requests: list[Request]) -> Iterable[Request]:
        return (moved(item, stage.contract.deciding, item.time // MINUTE * MINUTE) for item in requests)

    stage.requests(change)


def off_by_one(stage: Stage) -> None:
    ties(stage)
    stage.patch = WINDOWS.format(change="ending=item.aggregate.ending - 1")


def step(stage: Stage) -> None:
    stage.patch = STEP.format(change="found[at] *= 1.01")


def slow(stage: Stage) -> None:
    stage.patch = "import time\n" + STEP.format(change="time.sleep(0.13)")


def overloaded(stage: Stage) -> None:
    stage.patch = "import time\n" + STEP.format(change="time.sleep(0.05)")
    stage.clients = 96


def guessed(stage: Stage) -> None:
    stage.patch = GUESS


def library(stage: Stage) -> None:
    stage.patch = LIBRARY


def overwritten(stage: Stage) -> None:
    """Another model's bytes lie where the model was, and the server is started again."""

    def overwrite() -> None:
        model = next(path for path in sorted(_bundle(stage).rglob("*")) if path.is_file() and "model" in path.name)
        model.write_bytes(model.read_bytes()[:-7] + b"another")
        stage.restart()

    stage.at(200, overwrite)


def unsafe(stage: Stage) -> None:
    """A pickle lies beside the model."""
    (_bundle(stage) / "model.pkl").write_bytes(b"\x80\x04\x95cos\nsystem\n(S'true'\ntR.")


def _bundle(stage: Stage) -> Path:
    return stage.project.bundles_path / stage.bundle.hash


def _numeric(contract: Contract) -> str:
    return "" if any(item.expr.kind != "category" for item in contract.features) else "no feature is a number"


DRILLS = (
    Drill("F1", "shorter-lookback", "serving looks back a third as far as training did", f"{FINTECH}: failure 1",
          ("D4", "D7", "M6"), "serving", HOURLY, ("feature", "skew", "DOC07"), (parity, monitor, doctor), shorter,
          needs_windows, days=3),
    Drill("F5", "boundary-off-by-one", "serving counts what happens at the very time of the decision (<= for <)",
          f"{FINTECH}: failure 3", ("D6", "D7"), "serving", HOURLY, ("feature", "skew"), (parity, monitor),
          off_by_one, needs_windows, days=3, twin=ties),
    Drill("T5", "feature-step-differs", "a feature is made otherwise in production", TABLE, ("D7", "M10"), "serving",
          HOURLY, ("feature", "skew", "DOC07"), (parity, monitor, doctor), step, _numeric, days=3),
    Drill("T10", "random-imputation", "a few predictions differ each time they are made", TABLE, ("R7", "M10"),
          "serving", HOURLY, ("answer", "skew"), (parity, monitor), guessed, days=3),
    Drill("T1", "library-differs", "a library computes in another way in the last bits", TABLE, ("M10",), "serving",
          AT_ONCE, ("platform",), (load,), library, days=1),
    Drill("H10", "model-overwritten", "another model's bytes lie where the model was", f"{HANDBOOK}: versioning",
          ("S4", "R3"), "serving", Within(300, 1_440), ("changed", "size"), (load, watch),
          overwritten, days=3),
    Drill("C5", "unsafe-artifact", "a pickle lies in the model's folder", f"{CHECKS}: security", ("K5",), "serving",
          AT_ONCE, ("extra",), (load,), unsafe, days=1),
    Drill("G3", "slow-answers", "each answer takes more than 100 ms", GUIDE, ("M4",), "serving", Within(300, 1_440),
          ("latency",), (service, watch), slow, _numeric, days=1),
    Drill("C4", "overload", "more requests at once than can be answered", f"{CHECKS}: scalability", ("K4",), "serving",
          Within(1_000, 1_440), ("status_503", "errors", "overload", "turned_away"), (replies, service, watch),
          overloaded, _numeric, days=2),
)  # fmt: skip
