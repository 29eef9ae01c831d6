"""Settings: one table, a file, the environment, and every fault at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.project.settings import Settings, read, settings_from, table


def test_the_environment_wins_over_the_file() -> None:
    told = {"serving": {"port": 9000}, "inputs": {"payments": "a.parquet"}, "training": {"family": "xgboost"}}
    settings = settings_from(
        told, {"HOLDFAST_SERVING_PORT": "9001", "HOLDFAST_TRAINING_SEED": "7", "HOLDFAST_NAME": "12"}
    )
    assert (settings.serving_port, settings.name) == (9001, "12")
    assert settings.training == {"family": "xgboost", "seed": 7}
    assert settings.inputs == {"payments": "a.parquet"}


def test_every_fault_is_told_at_once_with_what_was_meant() -> None:
    with pytest.raises(HoldfastError) as caught:
        settings_from({"serving": {"prot": 1, "host": 5}, "nmae": "x"}, {"HOLDFAST_SERVING_PORT": "many"})
    assert {problem.field for problem in caught.value.problems} == {
        "serving.prot",
        "serving.host",
        "nmae",
        "serving.port",
    }
    assert "did you mean serving.port?" in str(caught.value)


def test_a_folder_without_a_project_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(HoldfastError, match="no project here") as caught:
        read(tmp_path)
    assert "holdfast init" in caught.value.mend


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text("name = \n")
    with pytest.raises(HoldfastError, match="line 1") as caught:
        read(tmp_path)
    assert caught.value.where.endswith("holdfast.toml")


def test_settings_that_are_gone_are_refused_like_any_unknown_one() -> None:
    with pytest.raises(HoldfastError) as caught:
        settings_from({"alerts": {"score_psi": 0.3, "answers": 500}}, {})
    told = [(item.field, item.what) for item in caught.value.problems]
    assert told == [(f"alerts.{name}", "there is no such setting") for name in ("score_psi", "answers")]


def test_every_setting_has_a_default_and_a_help_line() -> None:
    assert settings_from({}, {}) == Settings()
    assert all(row.help.endswith(".") and len(row.help) > 20 for row in table())
    assert len({row.variable for row in table()}) == len(table())


def test_a_table_of_parameters_stays_one_value() -> None:
    settings = settings_from({"training": {"params": {"num_leaves": 31}}}, {})
    assert settings.training == {"params": {"num_leaves": 31}}


def test_a_value_where_a_table_belongs_is_told_as_such() -> None:
    with pytest.raises(HoldfastError) as caught:
        settings_from({"training": 3, "serving": {"port": "x"}}, {})
    assert [(item.field, item.code, item.what) for item in caught.value.problems] == [
        ("training", "type", "3 is not a table"),
        ("serving.port", "type", "'x' is not a whole number"),
    ]
    assert caught.value.problems[1].mend == "for example 8000"
