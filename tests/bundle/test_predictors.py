"""Every predictor gives its original's bits, alone and in a matrix, and contributions that add up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from tests.bundle.made import CATEGORY, FAMILIES, fitted, rows

from holdfast.bundle.predictors.catalog import open_predictor
from holdfast.bundle.predictors.forest import read_forest
from holdfast.bundle.predictors.from_sklearn import from_sklearn, sklearn_score
from holdfast.bundle.predictors.lightgbm import from_lightgbm
from holdfast.bundle.predictors.linear import Linear, Term, fit_design, linear_spec
from holdfast.bundle.predictors.prove import prove_equal, with_nulls
from holdfast.bundle.predictors.spec import ModelSpec, Predictor
from holdfast.errors import HoldfastError


def opened(family: str) -> Predictor:
    return open_predictor(fitted(family)[0])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_predictor_scores_as_its_original_with_and_without_nulls(family: str) -> None:
    proof = prove_equal(fitted(family)[1], opened(family), rows()[0])
    assert (proof.rows, proof.null_rows, proof.one_by_one) == (3_000, 3_000, 2_000)
    assert proof.measure == ("within 1e-12" if family == "logistic_regression" else "bits")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_has_the_same_bits_alone_in_a_matrix_and_in_any_part_of_it(family: str) -> None:
    predictor, matrix = opened(family), with_nulls(np.tile(rows()[0], (3, 1)))
    whole = predictor.scores(matrix)
    assert len(matrix) > 8_192  # more than one part of the tree walk
    assert whole[::7].tobytes() == predictor.scores(matrix[::7]).tobytes()
    alone = np.asarray([predictor.score(row) for row in matrix[4_000:4_400].tolist()])
    assert alone.tobytes() == whole[4_000:4_400].tobytes()
    assert predictor.scores(matrix[:0]).shape == (0,)


@pytest.mark.parametrize("family", FAMILIES)
def test_base_value_and_contributions_add_up_to_the_raw_score(family: str) -> None:
    predictor, worst = opened(family), 0.0
    for row in with_nulls(rows()[0][:150]).tolist():
        parts = predictor.contributions(row)
        total = predictor.base_value
        for part in parts:
            total += part
        worst = max(worst, abs(total - predictor.score(row)) / (1.0 + sum(map(abs, parts))))
    print(f"{family}: {predictor.method}, largest gap {worst:.1e} of {predictor.tolerance:.0e}")
    assert worst <= predictor.tolerance
    assert len(parts) == 6


def test_a_row_of_nulls_and_an_extreme_row_score_as_in_the_original() -> None:
    extreme = np.asarray([[np.nan] * 6, [1e308, -1e308, 3.5e38, 6.0, 5e-324, -5e-324], [0.0] * 6, [-0.0] * 6])
    for family in FAMILIES:
        if family in ("random_forest", "extra_trees", "decision_tree", "xgboost"):
            # These libraries refuse what does not fit a float32; ours must only answer the same twice.
            ours = opened(family)
            assert ours.scores(extreme).tobytes() == np.asarray([ours.score(row) for row in extreme.tolist()]).tobytes()
            given = extreme[[0, 2, 3]]
        else:
            given = extreme
        theirs = fitted(family)[1](given)
        np.testing.assert_allclose(opened(family).scores(given), theirs, rtol=1e-12, atol=0)


def test_threads_sharing_one_lightgbm_model_each_get_their_own_answer() -> None:
    predictor, matrix = opened("lightgbm"), rows()[0]
    expected = predictor.scores(matrix).tolist()

    def score(worker: int) -> bool:
        places = np.random.default_rng(worker).integers(0, len(matrix), 3_000)
        return all(predictor.score(matrix[place].tolist()) == expected[place] for place in places)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(score, range(8)))


def test_a_row_too_short_is_an_error_and_not_a_read_past_its_end() -> None:
    for family in FAMILIES:
        with pytest.raises((ValueError, IndexError, Exception)) as caught:
            opened(family).score([1.0, 2.0])
        assert not isinstance(caught.value, SystemError)
    with pytest.raises(HoldfastError, match="6 features expected"):
        opened("lightgbm").scores(np.zeros((3, 2)))


def test_the_score_function_outlives_the_predictor_it_came_from() -> None:
    score, expected = opened("lightgbm").score, opened("lightgbm").scores(rows()[0][:1])[0]
    assert score(rows()[0][0].tolist()) == expected


def test_lightgbm_text_holds_trees_and_no_training_parameters() -> None:
    matrix, labels = rows()
    data = lightgbm.Dataset(matrix, labels, params={"verbosity": -1})
    settings = {"objective": "binary", "verbosity": -1, "deterministic": True, "force_row_wise": True}
    one, two = (from_lightgbm(lightgbm.train({**settings, "num_threads": count}, data, 5)) for count in (1, 2))
    assert one.files == two.files
    assert b"num_threads" not in one.files["model.txt"]


def test_what_cannot_be_scored_as_trained_is_refused() -> None:
    matrix, labels = rows()
    data = lightgbm.Dataset(matrix, labels, params={"verbosity": -1})
    with pytest.raises(HoldfastError, match="objective 'regression'"):
        from_lightgbm(lightgbm.train({"objective": "regression", "verbosity": -1}, data, 2))
    with pytest.raises(HoldfastError, match="GaussianNB"):
        from_sklearn(GaussianNB().fit(np.nan_to_num(matrix), labels))
    with pytest.raises(HoldfastError, match="classes"):
        from_sklearn(DecisionTreeClassifier().fit(np.nan_to_num(matrix), labels * 2))
    with pytest.raises(HoldfastError, match="no predictor"):
        open_predictor(ModelSpec("neural", "neural", "sigmoid", 6))


def test_a_leaf_off_by_one_unit_in_the_last_place_is_found_and_its_row_named() -> None:
    spec, original = fitted("decision_tree")
    data = bytearray(spec.files["trees.bin"])
    nodes = spec.parameters["nodes"]
    values = np.frombuffer(data, "<f8", nodes, 4 + nodes * (4 + 8 + 1 + 4 + 4))
    values[:] = np.nextafter(values, 2.0)
    with pytest.raises(HoldfastError, match="the first is row 0: original") as caught:
        prove_equal(original, open_predictor(replace(spec, files={"trees.bin": bytes(data)})), rows()[0])
    assert caught.value.where == "the training matrix"


def test_a_null_sent_the_other_way_is_found() -> None:
    matrix, labels = np.nan_to_num(rows()[0]), rows()[1]
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(matrix, labels)
    spec = from_sklearn(model)
    nodes = spec.parameters["nodes"]
    data = bytearray(spec.files["trees.bin"])
    flags = np.frombuffer(data, "|u1", nodes, 4 + nodes * 12)
    flags[:] = 1 - flags
    flipped = open_predictor(replace(spec, files={"trees.bin": bytes(data)}))

    def original(
        given: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.ascontiguousarray(model.predict_proba(given)[:, 1])

    prove_equal(original, open_predictor(spec), matrix)
    with pytest.raises(HoldfastError) as caught:
        prove_equal(original, flipped, matrix)
    assert caught.value.where == "rows with nulls put in"


@pytest.mark.parametrize("nulls_are", [0, 1])
def test_a_split_of_nulls_from_everything_else_keeps_them_apart(nulls_are: int) -> None:
    draw = np.random.default_rng(2)
    matrix = np.column_stack([np.where(draw.random(400) < 0.5, np.nan, draw.normal(size=400)), draw.normal(size=400)])
    labels = np.isnan(matrix[:, 0]).astype(np.int64) if nulls_are else (~np.isnan(matrix[:, 0])).astype(np.int64)
    for model in (DecisionTreeClassifier(max_depth=3), HistGradientBoostingClassifier(max_iter=5)):
        model.fit(matrix, labels)
        spec = from_sklearn(model)
        assert (read_forest(spec).threshold > 1e308).any(), "no split of nulls from the rest: the case is not covered"
        prove_equal(sklearn_score(model), open_predictor(spec), matrix)


def test_a_plain_pipeline_of_standardisation_and_regression_is_taken() -> None:
    matrix, labels = np.nan_to_num(rows()[0]), rows()[1]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(matrix, labels)
    proof = prove_equal(model.decision_function, open_predictor(from_sklearn(model)), matrix, nulls=False)
    assert proof.largest_difference < 1e-12


def test_a_linear_null_takes_the_declared_value_and_a_strange_code_counts_as_unknown() -> None:
    model = Linear([Term(impute=5.0, mean=1.0, scale=2.0, weight=3.0), Term(weights=(0.1, 0.2, 0.3))], 10.0)
    assert model.score([float("nan"), 2.0]) == 10.0 + (5.0 - 1.0) / 2.0 * 3.0 + 0.3
    assert model.score([1.0, 99.0]) == model.score([1.0, -1.0]) == model.score([1.0, 1.0]) == 10.2
    assert model.score([1.0, float("nan")]) == 10.1
    assert linear_spec([Term(weight=1.0)], 0.5).parameters["terms"][0]["weight"] == 1.0


def test_a_constant_and_an_empty_column_do_not_break_a_linear_design() -> None:
    matrix = np.column_stack([np.full(10, 3.0), np.full(10, np.nan), np.arange(10.0) % 2])
    made = fit_design(matrix, {2: 3}).matrix(matrix)
    assert made.shape == (10, 5)
    assert np.isfinite(made).all()
    assert not made[:, :2].any()


def test_category_splits_of_histogram_boosting_are_walked_as_sets() -> None:
    spec = fitted("hist_gradient_boosting_categories")[0]
    assert spec.parameters["tests"], "the model has no category split: the case is not covered"
    assert {test["feature"] for test in spec.parameters["tests"]} == {CATEGORY}
    odd = np.array(rows()[0][:50])
    for code in (-1.0, 7.0, 99.0, np.nan):
        odd[:, CATEGORY] = code
        theirs = fitted("hist_gradient_boosting_categories")[1](odd)
        assert opened("hist_gradient_boosting_categories").scores(odd).tobytes() == theirs.tobytes()
