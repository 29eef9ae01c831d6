"""Every row of the table of integration issues, put into one side of a clean pair; `docs/doctor.md` lists them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .places import Fault, Place, both, live, only_new, people, random_split, same, split_by_hash


@dataclass(frozen=True)
class Injected:
    """One fault: the row of the table it stands for, what was done, and the cause that is to be named first."""

    row: str
    what: str
    code: str
    put: Fault
    beside: frozenset[str] = frozenset()
    """What else follows from it."""


def _libraries(place: Place, **versions: str) -> Place:
    return place.told(libraries={**place.facts["libraries"], **versions})


def _amount(place: Place, values: Any) -> Place:
    return place.put(amount=values).scored()


def library_scores(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    return ours, _libraries(theirs.scored(1e-4, seed), **{"scikit-learn": "1.2.2"})


def library_features(seed: int) -> tuple[Place, Place]:
    ours, theirs = same(seed)
    rate = theirs.columns["rate"] * (1 + 1e-6 * np.random.default_rng(seed).normal(size=len(theirs)))
    return ours, _libraries(theirs.put(rate=rate).scored(), pandas="1.5.3")


def library_alone(seed: int) -> tuple[Place, Place]:
    ours, theirs = only_new(seed)
    return ours, _libraries(theirs, numpy="1.26.4")


def python_scores(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    return ours, theirs.scored(1e-6, seed).told(python="3.9.18")


def python_features(seed: int) -> tuple[Place, Place]:
    ours, theirs = same(seed)
    return ours, theirs.put(hour=(theirs.columns["hour"] + seed % 2 + 1) % 24).scored().told(python="3.8.2")


def platform(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    return ours, theirs.scored(1e-7, seed).told(platform="Linux aarch64")


def no_seed_model(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    return ours, theirs.scored(0.03, seed).told(seed=None)


def other_seed_features(seed: int) -> tuple[Place, Place]:
    """A feature that is drawn for every row, with another seed in each place."""
    ours, theirs = same(seed)
    ours = ours.put(rate=np.random.default_rng(1).normal(size=len(ours))).scored()
    return ours, theirs.put(rate=np.random.default_rng(2).normal(size=len(ours))).scored().told(seed=7)


def no_seed_split(seed: int) -> tuple[Place, Place]:
    ours, theirs = same(seed)
    return random_split(ours, 1), random_split(theirs, 2).told(seed=None)


def _another_source(place: Place) -> Place:
    source = {"path": "replica.payments_2023", "fingerprint": "77aa", "rows": 5100}
    return place.told(sources={"payments": source})


def source_of_training(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    model = {**theirs.facts["model"], "hash": "fedcba"}
    return ours, _another_source(theirs.scored(0.05, seed)).told(model=model)


def source_of_values(seed: int) -> tuple[Place, Place]:
    ours, theirs = same(seed)
    chosen = np.random.default_rng(seed).random(len(theirs)) < 0.2
    amount = np.where(chosen, np.round(theirs.columns["amount"] * 0.9, 2), theirs.columns["amount"])
    theirs = theirs.put(**{"input.amount_text": amount, "amount": amount}).scored()
    return ours, _another_source(theirs)


def source_alone(seed: int) -> tuple[Place, Place]:
    ours, theirs = only_new(seed)
    return ours, _another_source(theirs)


def order_split(seed: int) -> tuple[Place, Place]:
    """The same seed deals out places, and the query gives the rows in another order."""
    ours, theirs = same(seed)
    shuffled = theirs.take(np.random.default_rng(seed).permutation(len(theirs)))
    return random_split(ours, 42), random_split(shuffled, 42)


def order_scores(seed: int) -> tuple[Place, Place]:
    """Scores put beside the rows of another order."""
    ours, theirs = same(seed)
    order = np.random.default_rng(seed).permutation(len(theirs))
    score = theirs.columns["score"]
    return ours, theirs.take(order).put(score=score, score_again=score)


def step_units(seed: int) -> tuple[Place, Place]:
    ours, theirs = same(seed)
    return ours, _amount(theirs, theirs.columns["amount"] * 100)


def step_filling(seed: int) -> tuple[Place, Place]:
    """Nulls are filled with 0 in research and with the mean in production."""
    ours, theirs = same(seed)
    rate = np.where(np.isnan(theirs.columns["input.asked"]), 0.37, theirs.columns["rate"])
    return ours, theirs.put(rate=rate).scored()


def nulls(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    gone = np.random.default_rng(seed).random(len(theirs)) < 0.04
    return ours, theirs.put(hour=np.where(gone, np.nan, theirs.columns["hour"])).scored()


def few_nulls_without_score(seed: int) -> tuple[Place, Place]:
    ours, theirs = only_new(seed)
    hour = theirs.columns["hour"].copy()
    hour[:4] = np.nan
    return ours, theirs.put(hour=hour).scored()


def unseen(seed: int) -> tuple[Place, Place]:
    ours, theirs = only_new(seed)
    kind = theirs.columns["kind"].copy()
    kind[np.random.default_rng(seed).random(len(theirs)) < 0.03] = "crypto"
    return ours, theirs.put(kind=kind).scored()


def few_unseen_without_score(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    kind, score = theirs.columns["kind"].copy(), theirs.columns["score"].copy()
    kind[-3:], score[-3:] = "voyage", np.nan
    return ours, theirs.put(kind=kind, score=score, score_again=score)


def placeholder(seed: int) -> tuple[Place, Place]:
    ours, theirs = only_new(seed)
    hour = theirs.columns["hour"].copy()
    hour[np.random.default_rng(seed).random(len(theirs)) < 0.02] = 999
    return ours, theirs.put(hour=hour).scored()


def cents(seed: int) -> tuple[Place, Place]:
    ours, theirs = only_new(seed)
    raw = {"input.amount_text": theirs.columns["amount"] * 100}
    return ours, theirs.put(amount=theirs.columns["amount"] * 100, **raw).scored()


def random_filling(seed: int) -> tuple[Place, Place]:
    """Nulls are filled by drawing from what there is, anew in each place."""
    ours, theirs = same(seed)
    made = []
    for place, drawn in ((ours, seed), (theirs, seed + 1)):
        asked = place.columns["input.asked"]
        gone, draw = np.isnan(asked), np.random.default_rng(drawn)
        rate = np.where(gone, draw.choice(asked[~gone], len(asked)), asked)
        made.append(place.put(rate=rate).scored())
    return made[0], made[1]


def random_scoring(seed: int) -> tuple[Place, Place]:
    """A few rows get another score when they are asked for again."""
    ours, theirs = both(seed)
    again = theirs.columns["score"].copy()
    gone = np.isnan(theirs.columns["input.asked"])
    again[gone] = np.clip(again[gone] + np.random.default_rng(seed).normal(0, 0.1, int(gone.sum())), 0, 1)
    return ours, theirs.put(score_again=again)


def missing(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    return ours, theirs.without("debt").scored()


def missing_all_null(seed: int) -> tuple[Place, Place]:
    ours, theirs = only_new(seed)
    return ours, theirs.put(debt=np.full(len(theirs), np.nan)).scored()


def filter_in_training(seed: int) -> tuple[Place, Place]:
    """Payments over 60 were left out when the training data was gathered."""
    ours, theirs = people(4_000, seed), live(seed)
    ours = split_by_hash(ours.take(np.flatnonzero(ours.columns["amount"] <= 60)))
    return ours, theirs.put(id=np.array([f"q{i}" for i in range(len(theirs))], dtype=object))


def filter_in_live(seed: int) -> tuple[Place, Place]:
    ours, theirs = only_new(seed)
    return ours, theirs.take(np.flatnonzero(theirs.columns["kind"] != "travel"))


def shifted(seed: int) -> tuple[Place, Place]:
    """Live customers are other ones: far more of them pay at night."""
    ours, theirs = only_new(seed)
    night = np.random.default_rng(seed).random(len(theirs)) < 0.4
    hour = np.where(night, np.random.default_rng(seed + 1).integers(0, 5, len(theirs)), theirs.columns["hour"])
    return ours, theirs.put(hour=hour.astype(np.float64)).scored()


def exceptions(seed: int) -> tuple[Place, Place]:
    """A rule before the model keeps large payments away from it."""
    ours, theirs = same(seed)
    return ours, theirs.take(np.flatnonzero(theirs.columns["amount"] <= 80))


def labels_differ(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    label = theirs.columns["label"].copy()
    late = np.random.default_rng(seed).random(len(label)) < 0.3
    return ours, theirs.put(label=np.where(late, 0.0, label))


def labels_say_less(seed: int) -> tuple[Place, Place]:
    """Half of the outcomes were never entered, and others at random."""
    ours, theirs = only_new(seed)
    draw = np.random.default_rng(seed)
    wrong = draw.random(len(theirs)) < 0.5
    return ours, theirs.put(label=np.where(wrong, draw.integers(0, 2, len(theirs)), theirs.columns["label"]))


def other_model(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    model = {**theirs.facts["model"], "hash": "fedcba", "threshold": 0.3}
    return ours, theirs.scored(0.05, seed).told(model=model)


def unexplained(seed: int) -> tuple[Place, Place]:
    ours, theirs = both(seed)
    bare = Place({name: theirs.columns[name] for name in ("id", "score")}, {})
    return ours, replace(bare.put(score=np.clip(bare.columns["score"] + 0.01, 0, 1)))


def _(*codes: str) -> frozenset[str]:
    return frozenset(codes)


STEP, MODEL = "DOC07", "DOC16"
FAULTS: dict[str, Injected] = {
    "T1a": Injected("predictions differ: library", "another scikit-learn, scores differ", "DOC01", library_scores),
    "T1b": Injected("predictions differ: Python", "another Python, scores differ", "DOC02", python_scores),
    "T1c": Injected("predictions differ: no seed", "no seed where it is fitted again", "DOC04", no_seed_model),
    "T1d": Injected(
        "predictions differ: other training data", "trained on another table", "DOC05", source_of_training, _(MODEL)
    ),
    "T1e": Injected("predictions differ: library", "nothing but versions can be compared", "DOC01", library_alone),
    "T1f": Injected("predictions differ: platform", "another processor, scores differ", "DOC03", platform),
    "T2a": Injected("features differ: library", "another pandas, digits differ", "DOC01", library_features, _(STEP)),
    "T2b": Injected("features differ: Python", "another Python, hours differ", "DOC02", python_features, _(STEP)),
    "T2c": Injected("features differ: no seed", "a drawn feature, another seed", "DOC04", other_seed_features, _(STEP)),
    "T2d": Injected("features differ: other source", "a fifth of the amounts differ", "DOC05", source_of_values),
    "T2e": Injected("features differ: the step", "cents for dollars", "DOC07", step_units, _("DOC11")),
    "T2f": Injected("features differ: the step", "nulls filled otherwise", "DOC07", step_filling, _("DOC11")),
    "T3a": Injected("different data obtained", "another table, and nothing else to compare", "DOC05", source_alone),
    "T4a": Injected("different split: no seed", "split drawn without a seed", "DOC04", no_seed_split),
    "T4b": Injected("different split: row order", "rows in another order, split by place", "DOC06", order_split),
    "T4c": Injected("rows in another order", "scores beside the wrong rows", "DOC06", order_scores),
    "T5a": Injected("does not score: nulls", "4 % nulls, no score", "DOC09", nulls),
    "T5b": Injected("does not score: nulls", "four nulls, no score", "DOC09", few_nulls_without_score),
    "T5c": Injected("does not score: unseen categories", "3 % of a new kind", "DOC10", unseen),
    "T5d": Injected("does not score: unseen categories", "three of a new kind", "DOC10", few_unseen_without_score),
    "T6a": Injected("unusual values", "999 for an hour that is not known", "DOC11", placeholder),
    "T6b": Injected("unusual values", "cents for dollars, in new rows", "DOC11", cents, _("DOC15")),
    "T7a": Injected("a few predictions differ", "nulls filled by drawing", "DOC12", random_filling, _(STEP)),
    "T7b": Injected("a few predictions differ", "another score when asked again", "DOC12", random_scoring),
    "T8a": Injected("variable missing in live", "no such column", "DOC08", missing, _("DOC17")),
    "T8b": Injected("variable missing in live", "null in every row", "DOC08", missing_all_null),
    "T9a": Injected("population: filter", "training left out large payments", "DOC13", filter_in_training),
    "T9b": Injected("population: filter", "live leaves out travel", "DOC13", filter_in_live),
    "T9c": Injected("population: distribution", "far more at night", "DOC13", shifted),
    "T9d": Injected("exceptions in what is sent", "large payments never sent", "DOC14", exceptions, _("DOC13")),
    "T9e": Injected("unreliable target", "positives not recorded yet", "DOC15", labels_differ),
    "T9f": Injected("unreliable target", "outcomes entered at random", "DOC15", labels_say_less),
    "X1": Injected("another model answers", "another hash and threshold", "DOC16", other_model),
    "X2": Injected("nothing explains it", "scores differ, nothing else told", "DOC17", unexplained),
}
