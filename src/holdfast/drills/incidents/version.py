"""What was trained: a feature that knows the future, rows learned by heart, a version nobody looked at."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from holdfast.contract.model import Contract
from holdfast.drills.ask import door, gate
from holdfast.drills.command import command, done
from holdfast.drills.drill import Drill, Within
from holdfast.drills.fields import first, numbers
from holdfast.drills.incidents.inputs import CHECKS, FINTECH, HANDBOOK
from holdfast.drills.stage import Stage

BEFORE_LIVE = Within(0, 0)
BY_HEART = (
    "params={ num_iterations = 100, learning_rate = 0.3, num_leaves = 255, min_data_in_leaf = 1 }",
    'family="lightgbm"', 'calibration="none"',
)  # fmt: skip


def train(stage: Stage, *changes: str) -> None:
    """Another version, and the gate is asked about it."""
    words = [word for change in changes for word in ("--set", change)]
    stage.asked_about = str(done(command(stage.folder, "train", *words))["version"])


def leaked(stage: Stage) -> None:
    """A field of the history was filled in after the outcome was known."""
    contract = stage.contract
    path = stage.folder / "data" / f"{contract.decide_on}.parquet"
    table = pyarrow.parquet.read_table(path)
    field = first([item for item in numbers(contract) if item.name in table.column_names])
    bad = np.array([bool(item) for item in table[contract.target.name].to_pylist()])
    after = np.where(bad, 40, 10) + stage.chance.integers(0, 20, len(bad))
    at = table.column_names.index(field.name)
    kind = table[field.name].type
    cells = [Decimal(item) for item in after.tolist()] if pa.types.is_decimal(kind) else after.tolist()
    told = pa.array(cells, kind)
    pyarrow.parquet.write_table(table.set_column(at, field.name, told), path)
    _forget(stage)
    train(stage)


def as_it_is(stage: Stage) -> None:
    """The version that was trained in the copy."""
    stage.asked_about = "1"


def by_heart(stage: Stage) -> None:
    """Of most rows the outcome is chance; many leaves, few rows in each, know them all the same."""
    path = stage.folder / "data" / f"{stage.contract.decide_on}.parquet"
    table = pyarrow.parquet.read_table(path)
    name = stage.contract.target.name
    chance = stage.chance.permutation(table.num_rows)
    hit = pa.array(stage.chance.random(table.num_rows) < 0.6)
    told = pc.if_else(hit, table[name].take(pa.array(chance)), table[name])
    pyarrow.parquet.write_table(table.set_column(table.column_names.index(name), name, told), path)
    _forget(stage)
    train(stage, *BY_HEART)


def _forget(stage: Stage) -> None:
    """Features that were built of the history as it was."""
    for made in stage.folder.glob("data/features*"):
        made.unlink()


def unexamined(stage: Stage) -> None:
    """Friday, five in the afternoon: nobody looked at it, and it is to go live."""
    stage.asked_about = "1"


def vouched(stage: Stage) -> None:
    """Somebody examined it and another person approved."""
    stage.asked_about = "1"
    stage.vouch()


def _has_numbers(contract: Contract) -> str:
    return "" if numbers(contract) else "no field is a number"


DRILLS = (
    Drill("F4", "label-leakage", "a field was filled in after the outcome was known", f"{FINTECH}: failure 3",
          ("D6", "K1"), "version", BEFORE_LIVE, ("GATE105",), (gate("GATE105"),), leaked, _has_numbers, days=0,
          base="trained", twin=as_it_is),
    Drill("C2", "overfit-model", "the version has learned its rows by heart", f"{CHECKS}: robustness", ("K3",),
          "version", BEFORE_LIVE, ("GATE301",), (gate("GATE301"),), by_heart, days=0, base="trained", twin=as_it_is),
    Drill("H11", "friday-deploy", "a version that nobody examined is to go live on a Friday",
          f"{HANDBOOK}: incidents", ("K9", "R3"), "version", BEFORE_LIVE, ("missing",), (door,), unexamined, days=0,
          base="trained", twin=vouched),
)  # fmt: skip
