"""Faults of model performance (2) and robustness (3): what a model may have learned that does not hold."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
from benchmarks.scorecard.ask import IN_PROCESS, fault
from benchmarks.scorecard.fault import Fault
from benchmarks.scorecard.stage import APPLICATIONS, Stage
from tests.checks import stage as shops
from tests.checks.applications import Columns
from tests.checks.unsound import Broken

from holdfast.bundle.bundle import Bundle
from holdfast.checks.subject import Subject
from holdfast.project.bundles import named
from holdfast.project.train import train

BY_HEART = "params={ num_iterations = 120, num_leaves = 127, min_data_in_leaf = 1 }"
STUMP = ('family="decision_tree"', "params={ max_depth = 1 }", 'without=["debt", "score", "late"]')
ONE_TREE = (
    'family="random_forest"', "params={ n_estimators = 1, max_depth = 30, min_samples_leaf = 1, max_features = 1 }",
)  # fmt: skip
GUESSING = "GATE201 GATE202 GATE204 GATE205 GATE206 GATE301 GATE302 GATE303 GATE304 GATE307 GATE504 GATE602 GATE701"
"""What may follow where a model guesses, or has learned its rows by heart."""
CHANGED = 2_300


def _trained(change: Any = None, *words: str, **more: Any) -> Any:
    def put(stage: Stage) -> Subject:
        stage.applications(change, words, **more)
        return stage.version()

    return put


def shuffled(made: Columns) -> None:
    made["bad"] = np.random.default_rng(5).permutation(made["bad"])


def hardly_known(made: Columns) -> None:
    """Half of the labels are chance: what is left can be ranked, and not well."""
    chance = np.random.default_rng(6)
    made["bad"] = np.where(chance.random(3_000) < 0.6, chance.random(3_000) < 0.15, made["bad"])


def _strain(made: Columns) -> Any:
    """What makes an applicant bad, without chance."""
    return made["debt"] / made["income"] / 4 + 0.3 * made["late"] + 0.8 * np.nan_to_num(made["score"])


def cooks_turn(made: Columns) -> None:
    """From one day on cooks who look bad are good, and those who look good are bad as often."""
    jobs, at = np.asarray(made["job"]), np.arange(3_000)
    strain = _strain(made)
    late = (jobs == "cook") & (at >= CHANGED)
    made["bad"][late] = strain[late] < np.quantile(strain[late], 0.3)


def fewer_in_the_end(made: Columns) -> None:
    """From one day on four in five of the bad ones are not recorded any more."""
    late = (np.arange(3_000) >= CHANGED) & (np.random.default_rng(7).random(3_000) < 0.8)
    made["bad"] = np.where(late, False, made["bad"])


def turned_for_a_while(made: Columns) -> None:
    """In one stretch the labels say the opposite."""
    strain = _strain(made)[1_000:1_500]
    made["bad"][1_000:1_500] = strain < np.quantile(strain, 0.15)


def by_the_last_digit(made: Columns) -> None:
    cents = np.random.default_rng(3).integers(0, 200, 3_000)
    made["noise_4"], made["bad"] = cents / 100, cents % 2 == 0


def by_one_field(made: Columns) -> None:
    """Nothing but one field tells anything, and it is not sure."""
    chance = np.random.default_rng(6)
    sure = made["debt"] > np.quantile(made["debt"], 0.85)
    made["bad"] = np.where(chance.random(3_000) < 1 / 5, chance.random(3_000) < 0.1, sure)


def by_the_job(made: Columns) -> None:
    chance = np.random.default_rng(9)
    made["bad"] = (np.asarray(made["job"]) == "cook") & (chance.random(3_000) < 0.9)


def worse_than_the_champion(stage: Stage) -> Subject:
    project = stage.applications()
    _, bundle = named(project, "1")
    (project.folder / "1.version").write_text(bundle.hash)
    shops.live(project, "1")
    train(project, changes=["folds=3", "bootstrap=50", *STUMP])
    return stage.version("2")


def another_threshold(stage: Stage) -> Subject:
    """The threshold of somebody's spreadsheet in the place of the one that was chosen."""
    stage.copied()
    sound = stage.version()
    sound.bundle.threshold = replace(sound.bundle.threshold, value=0.04)
    return sound


def gives_up(stage: Stage) -> Subject:
    stage.copied()
    sound = stage.version()
    return replace(sound, bundle=cast(Bundle, Broken(sound.bundle)))


_ = partial(fault, base=APPLICATIONS)
FAULTS: tuple[Fault, ...] = (
    _("C2.1a", "labels that have nothing to do with the rows", ("GATE201", "GATE202"), _trained(shuffled),
      columns="label", beside=GUESSING),
    _("C2.2a", "a stump that a simple model beats", "GATE202", _trained(None, *STUMP, 'baseline="logistic_regression"'),
      columns="score", beside=GUESSING),
    _("C2.2b", "a version that is worse than the champion", "GATE203", worse_than_the_champion,
      columns="score", beside=GUESSING),
    _("C2.3a", "a threshold at which hardly a positive is found", "GATE201",
      _trained(None, 'threshold="fixed"', "target=0.999"), columns="score",
      beside="GATE206 GATE306 GATE504 GATE601 GATE602 GATE604 GATE701"),
    _("C2.4a", "cooks are judged by a rule that no longer holds", "GATE205", _trained(cooks_turn),
      columns="job label", beside=GUESSING),
    _("C2.5a", "a threshold whose false alarms nobody chose", "GATE206", another_threshold,
      beside="GATE201 GATE303 GATE306 GATE504 GATE602 GATE701", in_the_data=False, categories=IN_PROCESS),
    _("C2.5b", "probabilities that promise three times what comes", "GATE204", _trained(fewer_in_the_end),
      columns="label", beside=GUESSING),
    _("C2.6a", "labels of which half are chance", "GATE201", _trained(hardly_known), columns="label",
      beside=GUESSING),
    _("C3.1a", "rows learned by heart", "GATE301", _trained(shuffled, BY_HEART, 'calibration="none"'),
      columns="label score", beside=f"{GUESSING} GATE601"),
    _("C3.2a", "one stretch of the history says the opposite", "GATE302", _trained(turned_for_a_while),
      columns="label", beside=GUESSING),
    _("C3.3a", "a last digit decides", "GATE303", _trained(by_the_last_digit, BY_HEART, 'calibration="none"'),
      columns="noise_4", beside=f"{GUESSING} GATE101 GATE105"),
    _("C3.3b", "decisions that hang on the seed", "GATE307", _trained(None, *ONE_TREE), columns="score",
      beside=GUESSING),
    _("C3.3c", "an unseen word turns decisions", "GATE306", _trained(by_the_job), columns="job",
      beside=f"{GUESSING} GATE105"),
    _("C3.3d", "one field carries everything", "GATE304", _trained(by_one_field), columns="debt",
      beside=f"{GUESSING} GATE105"),
    _("C3.4a", "a model that gives up at extremes", "GATE305", gives_up, in_the_data=False,
      categories=IN_PROCESS),
)  # fmt: skip
