"""Two places that do not hold the same: what research and production exported of the same rows, and the doctor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.drills.ask import doctor
from holdfast.drills.drill import Drill, Inject, Within
from holdfast.drills.exported import Export, export
from holdfast.drills.incidents.inputs import TABLE
from holdfast.drills.stage import Stage

ONCE = Within(3_000, 0)


def _same(there: Export) -> Export:
    return there


def sides(change: Callable[[Export], Export], ours: Callable[[Export], Export] = _same) -> Inject:
    """Research as it is, production changed."""

    def put(stage: Stage) -> None:
        made = export(stage.project, stage.bundle)
        research = ours(made).write(stage.aside / "research")
        stage.sides = (research, change(made).write(stage.aside / "production"))

    return put


def _noisy(noise: float, **facts: object) -> Inject:
    def put(stage: Stage) -> None:
        sides(lambda there: there.scored(noise, stage.chance).told(**facts))(stage)

    return put


def shuffled(stage: Stage) -> None:
    """Rows in another order, and scores put beside them as they stood before."""

    def change(there: Export) -> Export:
        moved = there.take(stage.chance.permutation(len(there)))
        return moved.put(score=there.columns["score"], score_again=there.columns["score"])

    sides(change)(stage)


def other_source(stage: Stage) -> None:
    name = stage.contract.decide_on
    source = {name: {"path": "replica", "fingerprint": "77aa", "rows": 5_100}}

    def change(there: Export) -> Export:
        model = {**there.facts["model"], "hash": "fedcba"}
        column = next(item.name for item in stage.contract.features if item.expr.kind != "category")
        values = there.columns[column]
        other = np.where(stage.chance.random(len(values)) < 0.2, values * 0.9, values)
        return there.put(**{column: other}).scored(0.05, stage.chance).told(sources=source, model=model)

    sides(change)(stage)


SAME = sides(_same)
DRILLS = (
    Drill("T2", "python-differs", "production runs on another Python", TABLE, ("M10",), "rows", ONCE, ("DOC02",),
          (doctor,), _noisy(1e-6, python="3.9.18"), days=0, twin=SAME),
    Drill("T3", "no-seed", "no seed was set, so training again gives another model", TABLE, ("R7",), "rows", ONCE,
          ("DOC04",), (doctor,), _noisy(0.03, seed=None), days=0, twin=SAME),
    Drill("T4", "other-source", "research read a replica", TABLE, ("D16", "M10"), "rows", ONCE, ("DOC05",),
          (doctor,), other_source, days=0, twin=SAME),
    Drill("T6", "other-order", "rows stand in another order, and scores were put beside them", TABLE, ("D15",),
          "rows", ONCE, ("DOC06",), (doctor,), shuffled, days=0, twin=SAME),
)  # fmt: skip
