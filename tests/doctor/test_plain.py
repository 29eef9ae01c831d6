"""Exported files are read as a notebook writes them, and everything wrong with them is told at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from holdfast.doctor.journey import doctor
from holdfast.doctor.sides.opened import side_of
from holdfast.doctor.sides.plain import plain
from holdfast.errors import HoldfastError

from .places import same


def test_csv_and_parquet_tell_the_same(tmp_path: Path) -> None:
    ours, theirs = same(1)
    here, there = ours.write(tmp_path / "parquet"), theirs.write(tmp_path / "csv")
    pyarrow.csv.write_csv(pyarrow.parquet.read_table(there / "rows.parquet"), there / "rows.csv")
    (there / "rows.parquet").unlink()
    read = plain("production", there)
    assert read.rows is not None
    assert read.rows.inputs.keys() == {"amount_text", "asked"}
    assert read.rows.columns["kind"].dtype == object
    assert read.rows.columns["amount"].dtype == np.float64
    done = doctor(str(here), str(there), tmp_path)
    assert [(item.code, item.says) for item in done.findings] == []


def test_a_notebook_may_tell_little(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    freeze = ["numpy==1.26.0", "pandas==2.2.3 ; python_version > '3'"]
    (tmp_path / "a" / "environment.json").write_text(json.dumps({"libraries": freeze}))
    (tmp_path / "b" / "rows.csv").write_text("id,score\n1,0.5\n2,\n")
    done = doctor(str(tmp_path / "a"), str(tmp_path / "b"), tmp_path)
    assert [item.code for item in done.findings] == ["DOC17"]
    assert "1 of 2 rows get no score" in done.findings[0].says
    assert "research: no rows: there is no rows.parquet or rows.csv" in done.uncompared
    assert plain("research", tmp_path / "a").environment.libraries == {"numpy": "1.26.0", "pandas": "2.2.3"}


def test_everything_wrong_with_the_files_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text(
        '{"pyhton": "3.11", "seed": "x", "sources": {"a": {"where": 1}}, "model": {"sha": 1}, "refused": 3}'
    )
    (tmp_path / "rows.csv").write_text("id,score\n1,a\n1,b\n")
    with pytest.raises(HoldfastError) as caught:
        plain("research", tmp_path)
    assert {problem.field.partition(": ")[2] for problem in caught.value.problems} == {
        "pyhton", "seed", "sources.a", "model.sha", "refused", "id", "score",
    }  # fmt: skip


@pytest.mark.parametrize("word", ["nowhere", "./nowhere"])
def test_a_word_that_means_nothing_is_refused(word: str, tmp_path: Path) -> None:
    with pytest.raises(HoldfastError, match="there is no"):
        side_of("research", word, tmp_path)
    with pytest.raises(HoldfastError, match="nothing in this folder"):
        side_of("production", str(tmp_path), tmp_path)
    with pytest.raises(HoldfastError, match="no place of research"):
        side_of("research", "http://127.0.0.1:1", tmp_path)
    with pytest.raises(HoldfastError, match="no answer"):
        side_of("production", "http://127.0.0.1:1", tmp_path)
