"""What reasons cost: exact contributions and words for each family, and what a decision without them pays.

`python benchmarks/reasons.py` trains small models of the test loans; give a project's folder to measure its bundles.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.explain.made import THRESHOLD, bundle, rows

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.explain.lime import second_opinion
from holdfast.explain.reasons import reasoner
from holdfast.project.build import read
from holdfast.project.project import Project
from holdfast.training.settings import FAMILIES

ROWS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("projects", nargs="*", type=Path)
    told = parser.parse_args()
    print(f"{'':34} {'predict':>9} {'exact':>9} {'reasons':>9} {'LIME':>9}")
    for name, made, matrix in projects(told.projects) if told.projects else families():
        _, probability = made.predict_matrix(matrix)
        refused = matrix[probability >= made.threshold.value][:ROWS].tolist()
        reasoner(made).because(refused[0], positive=True)
        predict = each(refused, made.predict)
        contributions = each(refused, made.predictor.contributions)
        because = each(refused, lambda row, made=made: reasoner(made).because(row, True))  # type: ignore[misc]
        lime = each(refused[:10], lambda row, made=made: second_opinion(made, row))  # type: ignore[misc]
        print(f"{name:34} {predict:6.1f} µs {contributions:6.0f} µs {because:6.0f} µs {lime / 1e3:6.0f} ms")


def families() -> Iterator[tuple[str, Bundle, np.ndarray]]:
    matrix, _ = rows()
    for family in FAMILIES:
        with TemporaryDirectory() as folder:
            yield f"loans, {family}", bundle(Path(folder), family=family), matrix
    assert THRESHOLD > 0


def projects(folders: list[Path]) -> Iterator[tuple[str, Bundle, np.ndarray]]:
    for folder in folders:
        project = Project.open(folder)
        for place in sorted(project.bundles_path.glob("[0-9a-f]*")):
            made = load(place)
            table = read(project.features_path, made.contract)
            yield f"{project.name}, {made.manifest.family}, {len(made.features)} features", made, table.matrix


def each(rows_: list[list[float]], call: Callable[[list[float]], object]) -> float:
    """Microseconds a call, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for row in rows_:
            call(row)
        best = min(best, (time.perf_counter() - begun) / len(rows_) * 1e6)
    return best


if __name__ == "__main__":
    main()
