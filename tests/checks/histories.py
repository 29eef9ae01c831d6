"""What may happen to a history of loan applications: each fault is a change of its columns, put in before training or
after it."""

from __future__ import annotations

import numpy as np
from tests.checks.applications import Columns

from holdfast.training.settings import TrainingSettings

STUMP = TrainingSettings(
    family="decision_tree", folds=2, bootstrap=20, params={"max_depth": 1}, without=("debt", "score", "late")
)
WELL = TrainingSettings(folds=2, bootstrap=20, threads=1, params={"n_estimators": 120, "num_leaves": 15})


def rows_again(made: Columns) -> None:
    """A third of the rows stand there twice, under another id."""
    again = np.arange(0, 3_000, 3)
    for name, values in made.items():
        made[name] = np.concatenate([np.asarray(values, dtype=object), np.asarray(values, dtype=object)[again]])
    made["id"] = [*made["id"][:3_000], *(f"b{at:05d}" for at in again)]
    _typed(made)


def two_outcomes(made: Columns) -> None:
    """A tenth of the records stand there twice, under another id and with the other outcome."""
    rows_again(made)
    made["bad"] = np.concatenate([made["bad"][:3_000], 1 - made["bad"][3_000:]])
    for name in made:
        made[name] = made[name][:3_300]


def _typed(made: Columns) -> None:
    for name in made:
        if name not in ("id", "at", "person", "job", "sex"):
            made[name] = np.asarray(made[name].tolist())
        else:
            made[name] = list(made[name])


def the_target(made: Columns) -> None:
    made["noise_3"] = made["bad"] * 2.5 - 1


def after_the_fact(made: Columns) -> None:
    chance = np.random.default_rng(4)
    made["score"] = chance.normal(0, 1, 3_000)  # so that what was known says less than what was not
    made["noise_2"] = np.round(made["bad"] * 2.2 + chance.normal(0, 1, 3_000), 6)


def a_flag_after_the_fact(made: Columns) -> None:
    """Set for some who did not pay, and for nobody else: it ranks few rows, and settles those."""
    chance = np.random.default_rng(4)
    made["score"], made["late"] = chance.normal(0, 1, 3_000), chance.integers(0, 9, 3_000)
    made["noise_2"] = (np.asarray(made["bad"]) & (chance.random(3_000) < 0.35)).astype(float)


def a_negative_sex(made: Columns, at: int = 77) -> None:
    made["sex"][at] = "x"


def other_money(made: Columns) -> None:
    made["income"][2_300:] = made["income"][2_300:] * 35


def a_new_job(made: Columns) -> None:
    made["job"][2_300:] = np.where(made["job"][2_300:] == "cook", "driver", made["job"][2_300:])
    made["job"][:2_300] = np.where(made["job"][:2_300] == "driver", "clerk", made["job"][:2_300])


def codes(made: Columns) -> None:
    made["debt"][100:140] = 999_999
    made["late"][50:90] = -1
    made["late"][150:190] = -2
    made["job"][500:520] = "n/a"


def few_women(made: Columns) -> None:
    made["sex"][:] = "m"
    made["sex"][::300] = "f"


def worse_for_women(made: Columns) -> None:
    women = np.asarray(made["sex"]) == "f"
    made["bad"][np.flatnonzero(women)[::3]] = True


def blanked(made: Columns, at: int = 1_234) -> None:
    made["score"][at] = np.nan


def shifted(made: Columns) -> None:
    made["debt"] = np.roll(made["debt"], 1)


def blanked_where_it_must_not_be(made: Columns, at: int = 1_234) -> None:
    made["income"] = made["income"].astype(float)
    made["income"][at] = np.nan


def no_rule_for_cooks(made: Columns) -> None:
    chance = np.random.default_rng(8)
    cooks = np.flatnonzero(np.asarray(made["job"]) == "cook")
    made["bad"][cooks] = chance.random(len(cooks)) < 0.4
