"""Research beside production: which rows are the same, and where they differ. Computed once, asked by every cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.doctor.figures import surely_more
from holdfast.doctor.gaps import Gap, gap
from holdfast.doctor.shapes import Shape, Values, is_words, null, shape_of
from holdfast.doctor.side import Floats, Rows, Side

MOST_STRETCHES = 12
DAY = 86_400 * 1_000_000
ENOUGH = 100
"""So many equal rows show that two places compute alike."""


Detect = Callable[[Shape, Shape, int], dict[str, Any] | None]
"""(training, live, comparisons made together) → what is odd, with its ``effect``, or None."""


@dataclass(frozen=True)
class Pair:
    """Both sides, and what lies between them."""

    research: Side
    production: Side

    @cached_property
    def common(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Positions of the rows that both have, in research and in production; in production's order."""
        ours, theirs = self.research.rows, self.production.rows
        if ours is None or theirs is None:
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        where = {item: at for at, item in enumerate(ours.ids.tolist())}
        pairs = [(where[item], at) for at, item in enumerate(theirs.ids.tolist()) if item in where]
        both = np.asarray(pairs, dtype=np.intp).reshape(-1, 2)
        return both[:, 0], both[:, 1]

    @property
    def ids(self) -> NDArray[np.str_]:
        """Of the rows in common."""
        assert self.production.rows is not None
        return self.production.rows.ids[self.common[1]]

    @cached_property
    def features(self) -> dict[str, Gap]:
        """Every feature that both have for the same rows, with where it differs (perhaps nowhere)."""
        return self._gaps("columns")

    @cached_property
    def inputs(self) -> dict[str, Gap]:
        """The same for what came in."""
        return self._gaps("inputs")

    @cached_property
    def scores(self) -> Gap | None:
        """Scores of the same rows; a row that one side did not score is not among the differing ones."""
        return self._gap_of("scores")

    @cached_property
    def labels(self) -> Gap | None:
        return self._gap_of("labels")

    @cached_property
    def split(self) -> Gap | None:
        """Which part the same rows were in."""
        ours, theirs = self._both()
        if ours is None or theirs is None or ours.split is None or theirs.split is None:
            return None
        at, beside = self.common
        here, there = ours.split[at].astype(object), theirs.split[beside].astype(object)
        return Gap("split", here != there, here, there, self.ids)

    @cached_property
    def order_differs(self) -> bool:
        """Whether the rows in common stand in another order."""
        return bool(len(self.common[0]) > 1 and (np.diff(self.common[0]) < 0).any())

    @cached_property
    def reference(self) -> dict[str, Shape]:
        """How each column looked in training: of the rows that learned, where that is told."""
        shapes = dict(self.research.learned)
        rows = self.research.rows
        if rows is not None:
            learned = np.ones(len(rows), np.bool_) if rows.split is None else np.char.startswith(rows.split, "train")
            keep = learned if learned.any() else np.ones(len(rows), np.bool_)
            shapes |= {name: shape_of(values[keep]) for name, values in columns_of(rows).items()}
        return shapes

    @cached_property
    def live(self) -> dict[str, Shape]:
        """How each column looks in production."""
        rows = self.production.rows
        return (
            {}
            if rows is None or not self.production.live
            else {name: shape_of(values) for name, values in columns_of(rows).items()}
        )

    @cached_property
    def columns(self) -> list[str]:
        """Columns of which both the training and the live shape are known, and of one kind."""
        both = [name for name in self.reference if name in self.live]
        return [name for name in both if (self.reference[name].words is None) == (self.live[name].words is None)]

    def unlike(self, name: str, detect: Detect) -> dict[str, Any] | None:
        """What `detect` finds of a live column beside training's, if it is more than research's own stretches show.

        Rows of one day, or of one customer, are alike: a test that takes them as independent sees news in every
        stretch. So each stretch of research's rows, as long as the live one, is held against the rest of them; what
        is found there too counts only when it is more than twice as large.
        """
        windowed = name in self.research.windowed + self.production.windowed
        if windowed and (self.research.rows is None or self.within_a_week or self.is_a_part):
            return None  # it moves slowly by itself: how far is not known, or not to be seen in so short a time
        then, now = self.reference[name], self.live[name]
        tests = len(self.columns)
        found = detect(then, now, tests)
        if found is None:
            return None
        usual = [own["effect"] for rest, stretch in self.stretches(name)
                 if (own := detect(rest, stretch, tests)) is not None]  # fmt: skip
        return found if found["effect"] > 2 * max(usual, default=0.0) else None

    @property
    def too_short(self) -> bool:
        """Whether live rows of less than a week stand beside training rows not at hand: weekdays would differ."""
        return self.research.rows is None and self.within_a_week

    @property
    def within_a_week(self) -> bool:
        """Whether production's rows are told to be of less than a week."""
        rows = self.production.rows
        if rows is None or rows.times is None or not len(rows):
            return False
        return int(rows.times.max() - rows.times.min()) < 7 * DAY

    @cached_property
    def is_a_part(self) -> bool:
        """Whether production's rows are told to be of less than half the time that research's are of."""
        ours, theirs = self.research.rows, self.production.rows
        if ours is None or theirs is None or ours.times is None or theirs.times is None:
            return False
        return len(theirs) > 0 and 2 * int(np.ptp(theirs.times)) < int(np.ptp(ours.times))

    def stretches(self, name: str) -> list[tuple[Shape, Shape]]:
        """Research's rows of one column in order of time, cut as long as the live ones: (all others, one stretch)."""
        ours, theirs = self.research.rows, self.production.rows
        if ours is None or theirs is None or name not in columns_of(ours):
            return []
        if name not in self._stretches:
            values = columns_of(ours)[name]
            order = np.arange(len(ours)) if ours.times is None else np.argsort(ours.times, kind="stable")
            length = max(1, min(len(theirs), len(ours) // 2))
            starts = np.linspace(0, len(ours) - length, min(MOST_STRETCHES, len(ours) // length)).astype(np.intp)
            cuts = [(np.r_[order[:at], order[at + length :]], order[at : at + length]) for at in starts.tolist()]
            self._stretches[name] = [(shape_of(values[rest]), shape_of(values[part])) for rest, part in cuts]
        return self._stretches[name]

    @cached_property
    def _stretches(self) -> dict[str, list[tuple[Shape, Shape]]]:
        return {}

    @cached_property
    def vocabulary(self) -> Mapping[str, tuple[str, ...]]:
        return {**self.production.vocabulary, **self.research.vocabulary}

    @cached_property
    def unscored(self) -> NDArray[np.bool_]:
        """Production's rows that got no score; none where it tells no scores at all."""
        rows = self.production.rows
        if rows is None or rows.scores is None:
            return np.zeros(0 if rows is None else len(rows), np.bool_)
        gone: NDArray[np.bool_] = np.isnan(rows.scores)
        return gone

    @cached_property
    def disagreements(self) -> dict[str, int]:
        """What was seen to differ, and in how many rows: features, scores, split, model."""
        found = {}
        apart = [gap.mask for gap in self.features.values() if gap.count]
        if apart:
            found["features"] = int(np.logical_or.reduce(apart).sum())
        for name, item in (("scores", self.scores), ("split", self.split)):
            if item is not None and item.count:
                found[name] = item.count
        if self.other_model:
            found["model"] = 1
        return found

    @cached_property
    def other_model(self) -> bool:
        ours, theirs = self.research.model, self.production.model
        if ours.hash and theirs.hash:
            return ours.hash != theirs.hash
        return bool(ours.bundle and theirs.bundle and ours.bundle != theirs.bundle)

    @cached_property
    def shown_equal(self) -> bool:
        """The model gives its bits, or enough rows gave the same scores: what computes does no harm if it differs."""
        return not self.disagreements and (self.proved or self.rows_equal)

    @cached_property
    def rows_equal(self) -> bool:
        """Enough rows gave the same scores and features, in the same split."""
        scores = self.scores
        if self.disagreements or scores is None:
            return False
        return len(scores.mask) - int(self._either_unscored) >= ENOUGH

    @cached_property
    def proved(self) -> bool:
        """The same model, seen to give the same bits where production runs."""
        ours, theirs = self.research.model, self.production.model
        told = (ours.hash and theirs.hash) or (ours.bundle and theirs.bundle)
        return bool(told) and not self.other_model and self.production.proved

    @cached_property
    def unscored_for(self) -> dict[str, tuple[str, ...]]:
        """Columns by which rows that got no score stand out, with why: null, unseen, outside."""
        found: dict[str, list[str]] = {}
        rows, gone = self.production.rows, self.unscored
        if rows is None or not gone.any():
            return {}
        for name, values in columns_of(rows).items():
            shape = self.reference.get(name)
            if shape is None:
                continue
            for why, odd in oddities(values, shape, self.vocabulary.get(name, ())).items():
                hit, miss = int((odd & gone).sum()), int((odd & ~gone).sum())
                of, others = int(gone.sum()), int((~gone).sum())
                sure = others == 0 or surely_more(hit, of, miss, others, 3 * len(self.reference)) or (hit and not miss)
                if hit and hit / of >= 0.1 and sure:
                    found.setdefault(name, []).append(why)
        return {name: tuple(why) for name, why in found.items()}

    def _both(self) -> tuple[Rows | None, Rows | None]:
        return self.research.rows, self.production.rows

    @property
    def _either_unscored(self) -> int:
        gap = self.scores
        return 0 if gap is None else int((null(gap.research) | null(gap.production)).sum())

    def _gaps(self, kind: str) -> dict[str, Gap]:
        ours, theirs = self._both()
        at, beside = self.common
        if ours is None or theirs is None or not len(at):
            return {}
        mine: Mapping[str, Values] = getattr(ours, kind)
        other: Mapping[str, Values] = getattr(theirs, kind)
        names = [name for name in mine if name in other]
        return {name: gap(name, mine[name][at], other[name][beside], self.ids) for name in names}

    def _gap_of(self, name: str) -> Gap | None:
        ours, theirs = self._both()
        at, beside = self.common
        if ours is None or theirs is None or not len(at):
            return None
        here: Floats | None = getattr(ours, name)
        there: Floats | None = getattr(theirs, name)
        if here is None or there is None:
            return None
        found = gap(name, here[at], there[beside], self.ids)
        return found.only(~null(found.research) & ~null(found.production))


def columns_of(rows: Rows) -> dict[str, Values]:
    """Inputs and features; a name that both have is the feature's."""
    return {**rows.inputs, **rows.columns}


def oddities(values: Values, shape: Shape, declared: tuple[str, ...]) -> dict[str, NDArray[np.bool_]]:
    """Which values training never had: ``null`` where it had none, ``unseen`` words, numbers ``outside`` its range."""
    gone = null(values)
    found = {"null": gone & (shape.nulls == 0)}
    if shape.words is not None and is_words(values):
        known = set(shape.words) | set(declared)
        found["unseen"] = ~gone & np.fromiter((item not in known for item in values), np.bool_, len(values))
    elif shape.words is None and not is_words(values) and len(shape.edges):
        numbers = values.astype(np.float64)
        with np.errstate(invalid="ignore"):
            found["outside"] = (numbers < shape.low) | (numbers > shape.high)
    return found
