"""What a training is asked to do."""

from __future__ import annotations

from dataclasses import fields

import pytest

from holdfast.errors import HoldfastError
from holdfast.training.settings import TrainingSettings, check, settings_from


def test_every_setting_has_a_default_and_a_help_line() -> None:
    TrainingSettings()
    for item in fields(TrainingSettings):
        assert item.metadata["help"].endswith("."), item.name


def test_a_record_of_settings_gives_the_same_settings_back() -> None:
    settings = settings_from(
        {"family": "xgboost", "params.max_depth": 3, "sweep": {"eta": [0.1, 0.2]}, "without": ["noise"], "folds": 2}
    )
    assert settings.params == {"max_depth": 3}
    assert settings_from(settings.as_dict()) == settings


def test_all_faults_are_told_at_once_with_a_guess_for_a_slip() -> None:
    with pytest.raises(HoldfastError) as fault:
        settings_from({"familly": "lightgbm", "seed": "x", "folds": 2.5})
    assert [problem.field for problem in fault.value.problems] == ["familly", "seed", "folds"]
    assert "did you mean family?" in fault.value.problems[0].mend
    with pytest.raises(HoldfastError) as fault:
        settings_from({"family": "neural", "test_share": 2.0, "threshold": "recall", "cost_false_negative": -1})
    assert {problem.field for problem in fault.value.problems} == {
        "family",
        "test_share",
        "target",
        "cost_false_negative",
    }


def test_a_hash_split_refuses_folds_that_follow_time() -> None:
    with pytest.raises(HoldfastError, match="prequential"):
        settings_from({"split": "hash"})


def test_leaving_out_an_unknown_feature_or_all_of_them_is_refused() -> None:
    with pytest.raises(HoldfastError, match="no feature 'x'"):
        check(TrainingSettings(without=("x",)), ("a", "b"))
    with pytest.raises(HoldfastError, match="no feature is left"):
        check(TrainingSettings(without=("a", "b")), ("a", "b"))
