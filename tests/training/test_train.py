"""The journey from a table to a bundle, and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.training.tables import contract, table

from holdfast.bundle.load import load
from holdfast.errors import HoldfastError
from holdfast.training.rows import rows_of
from holdfast.training.settings import FAMILIES, Family, TrainingSettings
from holdfast.training.split import split
from holdfast.training.train import Trained, reproduce, train, trained_from

QUICK = TrainingSettings(folds=2, bootstrap=20, threads=1, params={"n_estimators": 30})
ROOT = Path(__file__).parents[2]


def _settings(family: Family) -> TrainingSettings:
    of: dict[Family, dict[str, Any]] = {
        "lightgbm": {"n_estimators": 30, "bagging_fraction": 0.7, "bagging_freq": 1, "feature_fraction": 0.8},
        "xgboost": {"n_estimators": 30, "subsample": 0.7, "colsample_bytree": 0.8},
        "random_forest": {"n_estimators": 20},
        "hist_gradient_boosting": {"max_iter": 30},
    }
    return replace(QUICK, family=family, params=of.get(family, {}), calibration="isotonic", imbalance="weights")


def _trained(folder: Path, settings: TrainingSettings = QUICK, rows: int = 1_200) -> Trained:
    return train(contract(), table(rows), settings, folder, author="ada", run="r1")


def test_every_family_trains_again_to_the_same_hash_in_a_fresh_process_on_one_and_on_two_threads(
    tmp_path: Path,
) -> None:
    made = {family: _trained(tmp_path / family, _settings(family)).model_hash for family in FAMILIES}
    assert len(set(made.values())) == len(FAMILIES)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    for threads in ("1", "2"):
        folders = [str(tmp_path / family) for family in FAMILIES]
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("again.py")), threads, *folders],
            capture_output=True, text=True, env=environment, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == {family: [True, made[family]] for family in FAMILIES}


def test_another_seed_another_row_or_another_threshold_gives_another_hash(tmp_path: Path) -> None:
    settings = _settings("random_forest")
    first = _trained(tmp_path / "a", settings).model_hash
    assert _trained(tmp_path / "b", settings).model_hash == first
    assert _trained(tmp_path / "c", replace(settings, seed=1)).model_hash != first
    assert _trained(tmp_path / "d", settings, rows=1_199).model_hash != first
    assert _trained(tmp_path / "e", replace(settings, threshold="cost")).model_hash != first


def test_other_data_cannot_be_taken_for_the_same(tmp_path: Path) -> None:
    manifest = load(_done(tmp_path)).manifest
    changed = table(1_200)
    changed.matrix[7, 3] += 1e-9
    with pytest.raises(HoldfastError) as fault:
        reproduce(manifest, contract(), changed)
    assert [problem.field for problem in fault.value.problems] == ["content"]
    with pytest.raises(HoldfastError) as fault:
        reproduce(manifest, contract(), table(1_199))
    assert [problem.field for problem in fault.value.problems] == ["rows", "content"]
    with pytest.raises(HoldfastError) as fault:
        reproduce(manifest, replace(contract(), description="another"), table(1_200))
    assert [problem.field for problem in fault.value.problems] == ["schema"]


def test_another_library_version_and_another_order_are_told(tmp_path: Path) -> None:
    manifest = load(_done(tmp_path)).manifest
    training = {**manifest.training, "libraries": {**manifest.training["libraries"], "lightgbm": "0.1"}}
    done = reproduce(replace(manifest, training=training), contract(), table(1_200).shuffled(1))
    assert done.equal
    assert [problem.field for problem in done.differs] == ["order", "lightgbm"]


def test_a_hash_that_is_not_the_recorded_one_is_not_called_equal(tmp_path: Path) -> None:
    manifest = load(_done(tmp_path)).manifest
    settings = {**manifest.training["settings"], "seed": 7, "params": {"n_estimators": 31}}
    done = reproduce(replace(manifest, training={**manifest.training, "settings": settings}), contract(), table(1_200))
    assert not done.equal
    assert done.model_hash != done.recorded_hash


def test_the_bundle_scores_as_the_metrics_were_measured(tmp_path: Path) -> None:
    done = _trained(tmp_path / "b")
    bundle = load(tmp_path / "b", expect=done.bundle)
    rows, _ = rows_of(table(1_200), contract())
    test = split(rows, contract().target, QUICK).test
    _, probability = bundle.predict_matrix(rows.X[test.index])
    assert probability.tobytes() == done.test.probability.tobytes()
    seen = done.confusion
    assert int((probability >= bundle.threshold.value).sum()) == seen.true_positive + seen.false_positive


def test_test_rows_have_no_say_in_model_calibration_or_threshold(tmp_path: Path) -> None:
    """Turn every test label round: everything but the figures stays."""
    settings = replace(QUICK, calibration="sigmoid")
    done = _trained(tmp_path / "a", settings)
    given, record = table(1_200), done.record
    inside = (given.times >= record["split"]["test"][0]) & (given.times < record["split"]["test"][1])
    labels = replace(given.labels, values=np.where(inside, 1 - given.labels.values, given.labels.values))
    turned = train(contract(), replace(given, labels=labels), settings, tmp_path / "b")
    assert turned.model_hash == done.model_hash
    assert turned.metrics["test"]["roc_auc"].value < 0.5 < done.metrics["test"]["roc_auc"].value


def test_the_record_says_what_with_what_by_whom_and_when(tmp_path: Path) -> None:
    done = train(contract(), table(1_200), QUICK, tmp_path / "b", author="ada", code=ROOT, run="r1")
    record = load(tmp_path / "b").manifest.training
    assert json.loads(json.dumps(record)) == json.loads(json.dumps(done.record))
    assert record["who"] == "ada"
    assert record["run"] == "r1"
    assert record["when"].startswith("20")
    assert len(record["code"]["commit"]) == 40
    assert record["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"lightgbm", "numpy", "scikit-learn"} <= set(record["libraries"])
    assert set(record["data"]) == {"content", "order", "schema", "rows", "columns", "places"}
    for part in ("train", "test", "baseline", "prior"):
        assert (
            record["metrics"][part]["average_precision"]["low"] <= record["metrics"][part]["average_precision"]["high"]
        )
    assert record["baseline"] == "logistic_regression"
    lock = (tmp_path / "b" / "environment.lock").read_text()
    assert f"numpy=={record['libraries']['numpy']}\n" in lock


def test_the_card_holds_the_figures_that_were_measured(tmp_path: Path) -> None:
    done = _trained(tmp_path / "b")
    card = (tmp_path / "b" / "model_card.md").read_text()
    found = done.metrics["test"]["average_precision"]
    assert f"{found.value:.4f} ({found.low:.4f}–{found.high:.4f})" in card
    assert f"| positive | {done.confusion.true_positive} | {done.confusion.false_negative} |" in card
    assert "by ada" in card
    assert "no field as protected" in card


def test_a_feature_left_out_is_asked_of_nobody(tmp_path: Path) -> None:
    settings = replace(QUICK, without=("rate", "noise"))
    done = _trained(tmp_path / "b", settings)
    bundle = load(tmp_path / "b")
    assert [feature.name for feature in bundle.contract.features] == ["amount", "kind"]
    assert bundle.contract.deciding.field("noise").nullable
    assert not bundle.contract.deciding.field("amount").nullable
    assert {item.feature for item in done.importance} == {"amount", "kind"}
    assert trained_from(bundle.manifest, bundle.contract) == contract()
    again = reproduce(bundle.manifest, contract(), table(1_200).shuffled(4), threads=1)
    assert again.equal


def test_the_model_leans_on_what_made_the_labels(tmp_path: Path) -> None:
    for importance in ("permutation", "gain"):
        done = _trained(tmp_path / importance, replace(QUICK, importance=importance), rows=3_000)
        names = [item.feature for item in done.importance]
        assert names[0] == "amount", names
        assert names[-1] in ("noise", "kind"), names


def test_a_parameter_the_library_refuses_is_the_users_to_mend(tmp_path: Path) -> None:
    settings = TrainingSettings(family="random_forest", params={"max_deepth": 3})
    with pytest.raises(HoldfastError, match="random_forest refused"):
        _trained(tmp_path / "b", settings)
    assert not (tmp_path / "b").exists()


def _done(folder: Path) -> Path:
    _trained(folder / "bundle")
    return folder / "bundle"
