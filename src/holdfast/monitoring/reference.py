"""What a bundle's training rows looked like, as live traffic is counted against it.

Bundles whose profile is of the first format are watched with less: no seasons, no natural variation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from holdfast.bundle.bins import SEASONS, Floats, Integers, layout_of, score_of, season
from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import FIRST_CODE, Contract
from holdfast.contract.words import vocabulary_of
from holdfast.monitoring.counts import Counts
from holdfast.monitoring.distance import MEAN_TO_MIDDLE
from holdfast.monitoring.expected import SCORE, Expected, Shape

MINUTE = 60_000_000
"""µs; the shortest stretch that is told apart."""
DECISION = "decision"


class Bins:
    """The bins of one bundle, named by its hash: counts rows by them and says what to expect in each."""

    def __init__(self, contract: Contract, profile: Mapping[str, Any], bundle: str) -> None:
        self.bundle = bundle
        self.contract = contract
        self.contract_hash = contract.hash
        self.profile = profile
        self.layout = layout_of(contract, profile)
        self.names = tuple(feature.name for feature in contract.features)

    @classmethod
    def of(cls, bundle: Bundle) -> Bins:
        return cls(bundle.contract, bundle.profile, bundle.hash)

    def place(self, matrix: Floats, probability: Floats) -> Integers:
        """Bin numbers of feature rows and their probability, null's is 0: shape (rows, features + 1)."""
        columns = zip(self.layout.columns, [*matrix.T, probability], strict=True)
        return np.stack([column.place(values) for column, values in columns], axis=1)

    def count(
        self, version: str, matrix: Floats, probability: Floats, positive: Floats, times: Integers
    ) -> dict[int, Counts]:
        """Decisions by event minute: what lies in ``[minute, minute + MINUTE)``, by its first µs.

        Shapes (rows, features) and (rows,); null is NaN, categories are codes, times µs UTC.
        """
        starts, groups = np.unique(times // MINUTE * MINUTE, return_inverse=True)
        rows = np.column_stack([matrix, probability])
        cells = self.layout.count(rows, season(times), groups, len(starts))
        decisions = np.bincount(groups, minlength=len(starts)).tolist()
        said = np.bincount(groups[positive > 0], minlength=len(starts)).tolist()
        return {
            start: Counts(
                version, self.contract_hash, start, start + MINUTE, self.bundle, decisions[at], said[at],
                self.layout.shape, cells[at],
            )
            for at, start in enumerate(starts.tolist())
        }  # fmt: skip

    def shapes(self) -> tuple[Shape, ...]:
        """How each feature lay, in contract order, and last the probability."""
        told = self.profile.get("features", {})
        kinds = {feature.name: feature for feature in self.contract.features}
        shapes = [
            self._shape(at, name, told.get(name, {}), kinds[name].expr.kind) for at, name in enumerate(self.names)
        ]
        return (*shapes, self._shape(len(shapes), SCORE, score_of(self.profile), "number"))

    def expected(self) -> Expected:
        """What to expect of a stretch of traffic, and how much of it by hour."""
        found = self.profile.get("volume", {})
        decision = Shape(
            DECISION, "boolean", np.array([0], np.int64), daily=self._usually("daily", DECISION),
            weekly=self._usually("weekly", DECISION), hourly=self._natural("hourly", DECISION),
        ) if DECISION in self.profile.get("daily", {}) else None  # fmt: skip
        if not found or not sum(found["hours"]):
            return Expected(self.shapes(), decision=decision)
        rows, hours = np.array(found["rows"], np.float64), np.array(found["hours"], np.float64)
        week = np.arange(len(rows), dtype=np.int64)
        by = week % 24 + 24 * (week // 24 >= 5)
        traffic = np.bincount(by, rows, SEASONS) / np.maximum(np.bincount(by, hours, SEASONS), 1.0)
        return Expected(
            self.shapes(),
            rows_an_hour=float(rows.sum() / hours.sum()),
            traffic=traffic,
            hours=float(hours.sum()),
            decision=decision,
        )

    def shares(self, weights: Floats) -> tuple[Floats, ...]:
        """Expected shares of the bins, by feature and last of the probability, for decisions that lay in the seasons
        by `weights` (48 of them: counts or shares).
        """
        found = self.expected()
        mixed = found.mixed(weights / max(1e-12, float(weights.sum())))
        return tuple(mixed[found.cells(name)] for name in found.names)

    def words(self, feature: str) -> tuple[str, ...]:
        """What each bin of a category means, in the order of bins; empty for other kinds."""
        found = next(item for item in self.contract.features if item.name == feature)
        if found.expr.kind != "category":
            return ()
        known = vocabulary_of(self.contract, found.expr)
        bins = self.layout.columns[self.names.index(feature)].bins
        rest = (f"code {code}" for code in range(FIRST_CODE + len(known), bins))
        return ("(null)", "(unknown)", *known, *rest)

    def _shape(self, at: int, name: str, told: Mapping[str, Any], kind: str) -> Shape:
        column = self.layout.columns[at]
        seasons = self.profile.get("seasons", {}).get("bins", {}).get(name)
        sizes = self.profile.get("sizes", {}).get(name, {})
        rows = int(told.get("rows", self.profile.get("rows", 0)))
        if seasons is not None:
            total = np.array(seasons, np.int64).sum(axis=0)
        elif "codes" in told:
            total = np.zeros(column.bins, np.int64)
            for code, count in told["codes"].items():
                total[int(code)] = count
        elif "counts" in told:
            there = np.array(told["counts"], np.int64)
            total = np.concatenate([[max(0, rows - int(there.sum()))], there]).astype(np.int64)
        else:
            null = round(float(told.get("null_share", 0.0)) * rows)
            total = np.zeros(column.bins, np.int64)
            total[:2] = null, rows - null
        edges = () if column.edges is None or "edges" not in told else tuple(column.edges.tolist())
        return Shape(
            name, kind, total, edges, self.words(name) if name != SCORE else (),
            None if seasons is None else np.array(seasons, np.int64),
            self._natural("daily", name), self._usually("weekly", name), self._natural("hourly", name),
            octaves=tuple(sizes.get("octaves", ())), suspects=tuple(sizes.get("suspects", ())),
        )  # fmt: skip

    def _usually(self, part: str, name: str) -> float | None:
        """From the middle one, as a square of chance would have it: the weeks in which a window fills up say nothing of
        the others."""
        found = self.profile.get(part, {}).get(name)
        return None if found is None else min(float(found["mean"]), MEAN_TO_MIDDLE * float(found["p50"]))

    def _natural(self, part: str, name: str) -> float | None:
        found = self.profile.get(part, {}).get(name)
        return None if found is None else float(found["mean"])
