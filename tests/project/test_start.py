"""Every template starts a project that is whole: its contract freezes, its settings read, its history is there."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from holdfast.errors import HoldfastError
from holdfast.project.project import Project
from holdfast.project.start import TEMPLATES, start
from holdfast.simulate import credit


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_a_whole_project(template: str, tmp_path: Path) -> None:
    started = start("shop", template, tmp_path / "shop", rows=600)
    assert {"contract.py", "holdfast.toml", "simulate.py", "README.md", ".gitignore"} <= set(started.files)
    project = Project.open(tmp_path / "shop")
    assert project.name == "shop"
    assert "{name}" not in (tmp_path / "shop" / "README.md").read_text()
    for source, path in project.inputs().items():
        table = pq.read_table(path)
        wanted = {field.name for field in project.contract.source(source).fields}
        assert wanted <= set(table.column_names)
        assert {project.contract.label, project.contract.target.received_at} <= set(table.column_names)
        assert 200 < table.num_rows < 2_000


def test_fraud_asks_for_the_four_fields_and_answers_in_the_handbooks_words(tmp_path: Path) -> None:
    start("fraud", "fraud", tmp_path / "fraud", data=False)
    contract = Project.open(tmp_path / "fraud").contract
    asked = [field.name for field in contract.deciding.fields if not field.generated]
    assert asked == ["amount", "hour", "day_of_week", "merchant_category"]
    assert (contract.positive, contract.probability) == ("is_fraud", "fraud_probability")
    assert {aggregate.keys for aggregate in contract.aggregates} == {("merchant_category",)}


def test_cards_has_a_dozen_windows_and_labels_a_week_late(tmp_path: Path) -> None:
    start("cards", "cards", tmp_path / "cards", data=False)
    contract = Project.open(tmp_path / "cards").contract
    assert len(contract.aggregates) >= 12
    assert contract.target.known_after == 7 * 86_400 * 1_000_000
    assert all(item.ending >= contract.target.known_after for item in contract.aggregates if item.label)


def test_credit_has_189_fields_and_five_ratios(tmp_path: Path) -> None:
    start("credit", "credit", tmp_path / "credit", data=False)
    contract = Project.open(tmp_path / "credit").contract
    asked = [field.name for field in contract.deciding.fields if not field.generated]
    assert sorted(asked) == sorted(credit.FIELDS)
    assert len(asked) == 189
    assert len(contract.features) == 194


def test_what_cannot_be_started_says_why(tmp_path: Path) -> None:
    with pytest.raises(HoldfastError, match="no template"):
        start("shop", "frauds", tmp_path / "a")
    with pytest.raises(HoldfastError, match="not a name"):
        start("2 shops", "fraud", tmp_path / "b")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "keep.txt").write_text("mine")
    with pytest.raises(HoldfastError, match="not empty"):
        start("shop", "fraud", tmp_path / "full")
    assert (tmp_path / "full" / "keep.txt").read_text() == "mine"


def test_a_history_that_is_not_there_is_named(tmp_path: Path) -> None:
    start("shop", "cards", tmp_path / "shop", data=False)
    with pytest.raises(HoldfastError) as caught:
        Project.open(tmp_path / "shop").inputs()
    assert [problem.field for problem in caught.value.problems] == ["inputs.payments"]
    assert "simulate.py" in str(caught.value)


@pytest.mark.parametrize("template", ["fraud", "cards", "credit"])
def test_a_history_ends_when_it_is_told_to(template: str, tmp_path: Path) -> None:
    for place in ("one", "other"):
        start("shop", template, tmp_path / place, rows=600, end="2026-03-01T12:00:00Z")
    one, other = (next((tmp_path / place / "data").glob("*.parquet")) for place in ("one", "other"))
    table = pq.read_table(one)
    assert table.equals(pq.read_table(other))
    times = max(pc.max(table[name]).as_py() for name in table.column_names if name.endswith("ed_at"))
    assert "2026-02-27" < str(times) <= "2026-03-01 12:00:00+00:00"
