"""A small model, quickly: what a check trains to see what the rows hold, not to answer anybody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from holdfast.checks.subject import Subject
from holdfast.training.fit import Fitted, Recipe, fit
from holdfast.training.learn import recipe
from holdfast.training.rows import Floats, Index
from holdfast.training.split import Labels, Part

MOST = 20_000
SHAPE: dict[str, Any] = {"num_iterations": 60, "learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": 20}


@dataclass(frozen=True)
class Sample:
    """Some rows of a part: `index` into all rows, and their labels."""

    index: Index
    y: Labels

    def __len__(self) -> int:
        return len(self.index)


def sample(part: Part, seed: int, most: int = MOST) -> Sample:
    """At most so many rows, positives preferred up to a half: what ranks does not mind their share."""
    if len(part) <= most:
        return Sample(part.index, part.y)
    chance = np.random.default_rng(seed)
    positive, negative = np.flatnonzero(part.y == 1), np.flatnonzero(part.y != 1)
    chosen = chance.permutation(positive)[: max(most // 2, most - len(negative))]
    others = chance.permutation(negative)[: most - len(chosen)]
    at = np.sort(np.concatenate([chosen, others]))
    return Sample(part.index[at], part.y[at])


def plain_sample(part: Part, seed: int, most: int = MOST) -> Sample:
    """At most so many rows, each as likely as any other."""
    if len(part) <= most:
        return Sample(part.index, part.y)
    at = np.sort(np.random.default_rng(seed).permutation(len(part))[:most])
    return Sample(part.index[at], part.y[at])


def boosted(subject: Subject, X: Floats, y: Labels, columns: Index) -> Fitted:
    """A small boosted forest on these columns."""
    whole = recipe(subject.contract, subject.rows, subject.settings)
    categories = tuple(at for at, column in enumerate(columns.tolist()) if column in whole.categories)
    small = Recipe("lightgbm", SHAPE, seed=subject.settings.seed, threads=1, weigh=False, categories=categories)
    return fit(small, np.ascontiguousarray(X[:, columns]), y)


def again(subject: Subject, learned: Sample, seed: int) -> Fitted:
    """The version's own family and parameters, fitted on these rows with this seed."""
    how = replace(recipe(subject.contract, subject.rows, subject.settings), seed=seed)
    return fit(how, subject.rows.X[learned.index], learned.y)
