"""A batch is held against every rule; each says in how many rows it holds, and where it does not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.checks.applications import Columns, columns, write

from holdfast.checks.expectations import written
from holdfast.errors import HoldfastError
from holdfast.project.project import Project
from holdfast.project.validate import validate

ROWS = 3_000


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return write(tmp_path / "project", columns())


def spoilt(made: Columns) -> None:
    for at in range(100, 125):
        made["debt"][at] = -1 - at
    for at in (7, 9, 2_000):
        made["job"][at] = "chef"
    made["job"][8] = "baker"
    made["sex"][77] = "x"


@pytest.fixture
def broken(tmp_path: Path) -> Project:
    made = columns()
    spoilt(made)
    return write(tmp_path / "broken", made)


def test_a_sound_batch_holds_everywhere(project: Project) -> None:
    told = validate(project, features=False)
    assert told.ok
    assert set(told.held.values()) == {1.0}
    assert told.places == {}
    assert told.share == 1.0


def test_each_rule_says_in_how_many_rows_it_holds_and_where_it_does_not(broken: Project) -> None:
    told = validate(broken, features=False, places=12)
    assert {item.code for item in told.findings if not item.ok} == {"debt.values", "sex.values"}
    assert told.held["debt.values"] == 1 - 25 / ROWS
    assert told.held["income.values"] == 1.0
    assert [place.partition(":")[0] for place in told.places["debt.values"]] == [
        f"row {at} (id a{at:05d})" for at in range(100, 112)
    ]
    assert told.places["sex.values"][0].startswith("row 77 (id a00077): ")
    lines = told.lines()
    assert "  and 13 more" in lines
    shape = {item["code"]: item for item in json.loads(json.dumps(told.as_dict()))["findings"]}
    assert (shape["debt.values"]["rows"], shape["debt.values"]["held_share"]) == (25, 1 - 25 / ROWS)
    assert len(shape["debt.values"]["places"]) == 12


def test_undeclared_words_are_counted_each_with_its_first_place(broken: Project) -> None:
    told = validate(broken, features=False)
    (words,) = (item for item in told.findings if item.code == "job.vocabulary")
    assert words.ok  # a few are what `on_unknown` is for
    assert words.why == "99.9% of the rows have a declared word, not chef (3), baker (1)"
    assert told.places["job.vocabulary"] == (
        "chef: 3 times, first in row 7 (id a00007)", "baker: 1 times, first in row 8 (id a00008)"
    )  # fmt: skip
    assert ("job.vocabulary", "99.87%") not in [row[::2][:2] for row in told.table()]  # only what failed is shown


def test_a_place_in_a_folder_of_csv_files_is_a_file_and_a_line(broken: Project, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    table = pq.read_table(broken.folder / "asked.parquet")
    pyarrow.csv.write_csv(table.slice(0, 70), folder / "a.csv")
    pyarrow.csv.write_csv(table.slice(70, 40), folder / "b.csv")
    pyarrow.csv.write_csv(table.slice(110), folder / "c.csv")
    told = validate(broken, folder)
    assert told.places["sex.values"][0].startswith("b.csv row 7, line 9 (id a00077): ")
    assert [place.partition(" (")[0] for place in told.places["debt.values"]][9:] == ["b.csv row 39, line 41"]
    assert validate(broken, folder, places=11).places["debt.values"][10].startswith("c.csv row 0, line 2 (id a00110)")


def test_a_line_is_told_only_where_it_is_the_line(project: Project, tmp_path: Path) -> None:
    table = pq.read_table(project.folder / "asked.parquet").slice(0, 5)
    file = tmp_path / "batch.csv"
    pyarrow.csv.write_csv(table, file)
    lines = file.read_text().splitlines()
    lines[1] = lines[1].replace('"clerk"', '"cle\nrk"').replace('"cook"', '"co\nok"').replace('"driver"', '"dri\nver"')
    lines[4] = lines[4].replace('"f"', '"x"').replace('"m"', '"x"')
    file.write_text("\n".join(lines) + "\n")
    (place,) = validate(project, file).places["sex.values"]
    assert place.startswith("row 3 (id a00003): ")  # its line is the sixth, for a cell spans two


def test_a_torn_line_is_named(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "batch.csv"
    pyarrow.csv.write_csv(pq.read_table(project.folder / "asked.parquet"), file)
    lines = file.read_text().splitlines()
    lines[40] += ",1"
    lines[50] = lines[50].rpartition(",")[0]
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(HoldfastError) as caught:
        validate(project, file)
    assert "line 41 has 16 cells, the header 15: " in caught.value.what
    assert "line 51 has 14 cells, the header 15: " in caught.value.what


def test_a_suite_with_its_result_and_page_is_written(project: Project, broken: Project, tmp_path: Path) -> None:
    pytest.importorskip("great_expectations", reason="an extra of its own: holdfast[expectations]")
    source = project.contract.deciding
    sound = written(source, project.folder / "asked.parquet", tmp_path / "sound")
    assert (sound["success"], sound["success_percent"]) == (True, 100.0)
    told = written(source, broken.folder / "asked.parquet", tmp_path / "told")
    assert (told["success"], told["unsuccessful_expectations"]) == (False, 2)
    assert (
        len(json.loads((tmp_path / "told" / "suite.json").read_text())["expectations"])
        == told["evaluated_expectations"]
    )
    assert json.loads((tmp_path / "told" / "result.json").read_text())["success"] is False
    page = (tmp_path / "told" / "report.md").read_text()
    assert "debt" in page
    assert "values must be greater than or equal to" in page


def test_without_great_expectations_it_says_what_to_install(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    with pytest.raises(HoldfastError, match="not installed") as caught:
        written(project.contract.deciding, project.folder / "asked.parquet", tmp_path / "none")
    assert caught.value.mend == "pip install 'holdfast[expectations]'"
    assert not (tmp_path / "none").exists()
