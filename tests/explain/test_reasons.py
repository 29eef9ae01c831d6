"""Contributions add up, reasons are few, specific and against a stated population."""

from __future__ import annotations

import gc
import math
import weakref
from pathlib import Path

import numpy as np
import pytest
from tests.explain.made import THRESHOLD, bundle, contract, fitted, rows

from holdfast.bundle.bundle import Bundle
from holdfast.explain.reasons import LEAST, MOST, Reasoner, ranked, reasoner
from holdfast.explain.reference import POPULATIONS, measure
from holdfast.training.settings import FAMILIES

COUNT = 10_000
SMALL = {
    "lightgbm": {"n_estimators": 60},
    "xgboost": {"n_estimators": 60},
    "hist_gradient_boosting": {"max_iter": 40},
    "random_forest": {"n_estimators": 20, "max_depth": 8},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle(tmp_path_factory.mktemp("loans"))


@pytest.fixture(scope="module")
def refused(made: Bundle) -> list[list[float]]:
    matrix, _ = rows()
    _, probabilities = made.predict_matrix(matrix)
    found: list[list[float]] = matrix[probabilities >= THRESHOLD].tolist()
    assert len(found) > 300
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_contributions_add_up_to_the_score_on_ten_thousand_rows(family: str) -> None:
    predictor = fitted(family, **SMALL.get(family, {})).predictor
    matrix, _ = rows()
    random = np.random.default_rng(11)
    # Every column drawn by itself: rows unlike those trained on, a tenth of the values null.
    drawn = np.column_stack([random.permutation(np.resize(matrix[:, at], COUNT)) for at in range(matrix.shape[1])])
    holes = random.random(drawn.shape) < 0.1
    holes[:, 5] = False
    drawn[holes] = np.nan
    worst = 0.0
    for row in drawn.tolist():
        parts = predictor.contributions(row)
        size = 1.0 + math.fsum(abs(part) for part in parts)
        worst = max(worst, abs(predictor.base_value + math.fsum(parts) - predictor.score(row)) / size)
    print(f"{family} ({predictor.method}): {COUNT:,} rows, farthest {worst:.1e}, tolerance {predictor.tolerance:.0e}")
    assert worst <= predictor.tolerance


def test_groups_add_up_to_the_score_and_their_distances_to_the_distance_from_the_population(
    made: Bundle, refused: list[list[float]]
) -> None:
    reference = made.reference
    assert reference is not None
    for row in refused[:200]:
        groups = reasoner(made).grouped(made.predictor.contributions(row))
        score, _ = made.predict(row)
        assert math.isclose(made.base_value + math.fsum(own for _, own, _ in groups), score, abs_tol=1e-9)
        apart = math.fsum(own - mean for _, own, mean in groups)
        assert math.isclose(apart, score - reference.score, abs_tol=1e-9)


def test_there_are_at_most_four_reasons_each_of_another_group_and_each_speaks_for_the_refusal(
    made: Bundle, refused: list[list[float]]
) -> None:
    counts = []
    for row in refused:
        told = reasoner(made).because(row, positive=True)
        counts.append(len(told.reasons))
        assert told.against == "approved"
        assert len({item.group for item in told.reasons}) == len(told.reasons)
        assert all(item.contribution > item.reference for item in told.reasons)
    assert max(counts) == MOST
    assert min(counts) >= 1


def test_every_reason_says_what_it_is_how_it_is_and_how_it_usually_is(made: Bundle, refused: list[list[float]]) -> None:
    texts = {item.text for row in refused for item in reasoner(made).because(row, positive=True).reasons}
    names = {item.description or item.name.replace("_", " ") for item in contract().features}
    for text in texts:
        head, _, rest = text.partition(": ")
        assert head in names, text
        assert "usual" in rest, text
    assert any(text.startswith("amount asked for: ") and " EUR (usually " in text for text in texts)
    assert any(text.startswith("purpose: holiday (usually ") for text in texts)


def test_a_personal_value_is_in_no_reason(made: Bundle, refused: list[list[float]]) -> None:
    masked = 0
    for row in refused:
        for item in reasoner(made).because(row, positive=True).reasons:
            if item.feature in ("income", "instalment_to_income", "amount_to_income"):
                masked += 1
                assert item.text.partition(": ")[2] in ("higher than usual", "lower than usual", "as it was given")
    assert masked > 50


def test_the_populations_are_what_they_are_called(made: Bundle) -> None:
    matrix, _ = rows()
    _, probabilities = made.predict_matrix(matrix)
    categories = [item.expr.kind == "category" for item in contract().features]
    found = {
        name: measure(made.predictor, matrix, probabilities, THRESHOLD, categories, name, rows=100)
        for name in POPULATIONS
    }
    approved, just, everyone = found["approved"], found["just_approved"], found["all"]
    assert approved is not None
    assert just is not None
    assert everyone is not None
    assert approved.of == int((probabilities < THRESHOLD).sum())
    assert just.of == round(0.1 * approved.of)
    assert everyone.of == len(matrix)
    assert approved.score < just.score < made.predictor.score(matrix[int(np.argmax(probabilities))].tolist())
    assert measure(made.predictor, matrix, probabilities, 0.0, categories) is None


def test_a_bundle_without_a_reference_says_so_and_compares_with_its_base_value(
    tmp_path: Path, refused: list[list[float]]
) -> None:
    bare = bundle(tmp_path, reference=None)
    told = reasoner(bare).because(refused[0], positive=True)
    assert told.against == ""
    assert all(item.reference == 0.0 for item in told.reasons)
    assert not any("usually" in item.text for item in told.reasons)


def test_near_ties_are_told_in_the_contracts_order() -> None:
    assert ranked([1.0, 1.04, 0.5]) == [0, 1, 2]
    assert ranked([1.0, 1.06, 0.5]) == [1, 0, 2]
    assert ranked([1.0, 1.04, 0.5], near=0.0) == [1, 0, 2]


def test_what_speaks_against_and_what_hardly_counts_is_no_reason() -> None:
    assert ranked([-3.0, 0.0, 2.0, 2.0 * LEAST / 2]) == [2]
    assert ranked([]) == ranked([-1.0, 0.0]) == []
    assert len(ranked([1.0, 2.0, 4.0, 8.0, 16.0])) == MOST


def test_a_jittery_case_keeps_its_first_reason_with_margins_and_not_without() -> None:
    """Two groups that say nearly the same, as a ratio and its part do: noise decides, unless near ties are fixed."""
    random = np.random.default_rng(2)
    kept = {0.0: 0, 0.05: 0}
    for _ in range(1_000):
        level = random.uniform(0.5, 2.0)
        before = [level, level * (1 + random.normal(0, 0.005)), 0.2]
        after = [item + random.normal(0, 0.005) * level for item in before]
        for near in kept:
            kept[near] += ranked(before, near=near)[0] == ranked(after, near=near)[0]
    print(f"first reason kept in {kept[0.05] / 10:.1f} % with margins, {kept[0.0] / 10:.1f} % without")
    assert kept[0.05] >= 990
    assert kept[0.0] < 900


def test_a_reasoner_goes_with_its_bundle(tmp_path: Path) -> None:
    made = bundle(tmp_path)
    kept = weakref.ref(reasoner(made))
    assert reasoner(made) is kept()
    del made
    gc.collect()
    assert kept() is None


def test_what_lowered_the_score_is_told_for_a_negative_decision(made: Bundle) -> None:
    matrix, _ = rows()
    _, probabilities = made.predict_matrix(matrix)
    row = matrix[int(np.argmin(probabilities))].tolist()
    told = Reasoner(made).because(row, positive=False, most=2)
    assert (told.most, len(told.reasons)) == (2, 2)
    assert all(item.contribution < item.reference for item in told.reasons)
