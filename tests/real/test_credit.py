"""UCI's credit card data: its undocumented codes and copies are found, and a damaged copy is refused with the place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest
from examples.credit_default.run import EXAMPLE
from tests.real.versions import Change, Data, data, replaced, version

from holdfast.checks import data_duplicates, data_formats, data_placeholders, data_source
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError
from holdfast.project.build import build, features
from holdfast.project.project import Project
from holdfast.project.validate import Validated, validate

MONTHS = (0, 2, 3, 4, 5, 6)
SPOILT = 17
"""The row that something happens to; its id is 18, its line in a CSV file 19."""


@pytest.fixture(scope="module")
def credit() -> Data:
    return data(EXAMPLE)


@pytest.fixture(scope="module")
def trained(credit: Data, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return version(credit.project(tmp_path_factory.mktemp("credit") / "project"))


def test_codes_that_the_description_does_not_know_are_found(credit: Data, trained: Subject) -> None:
    answer = data_placeholders.CHECK.ask(trained, Limits())
    assert answer.status == "failed"
    found = {
        (item["field"], item["value"]): item["rows"] for item in answer.evidence["codes"] if not item["documented"]
    }
    status = {(f"PAY_{month}", code) for month in MONTHS for code in ("-2", "0")}
    assert {(name, code) for name, code in found if name.startswith("PAY_") and "AMT" not in name} == status
    words = {("EDUCATION", "0"), ("EDUCATION", "5"), ("EDUCATION", "6"), ("MARRIAGE", "0")}
    assert set(found) == words | status
    for (name, code), rows in found.items():
        assert rows == pc.sum(pc.equal(credit.table.column(name), int(code))).as_py()
        assert f"{name} = {code} in {rows:,} rows, first in row" in answer.why


def test_where_every_code_is_known_none_is_found(credit: Data, trained: Subject, tmp_path: Path) -> None:
    def known(table: pa.Table) -> pa.Table:
        for name, codes in (("EDUCATION", (1, 2, 3, 4)), ("MARRIAGE", (1, 2, 3))):
            table = table.filter(pc.is_in(table.column(name), value_set=pa.array(codes, type=pa.int64())))
        for month in MONTHS:
            name = f"PAY_{month}"
            status = table.column(name).to_numpy()
            table = replaced(table, name, np.where(np.isin(status, (-2, 0)), -1, status))
        return table

    subject = _later(trained, credit.project(tmp_path / "project", known), table=False)
    assert data_placeholders.CHECK.ask(subject, Limits()).status == "passed"


def test_rows_that_repeat_others_are_counted_and_named(credit: Data, trained: Subject) -> None:
    answer = data_duplicates.CHECK.ask(trained, Limits())
    assert answer.status == "passed"  # one instant for all: people may well be alike
    assert answer.evidence["repeats"] == 35
    assert "35 records repeat another: " in answer.why
    rows = {str(row["ID"]): row for row in credit.table.to_pylist()}
    for pair in answer.evidence["examples"]:
        one, other = rows[pair["id"]], rows[pair["repeats"]]
        assert {name for name in one if one[name] != other[name]} == {"ID"}
    assert len(answer.evidence["examples"]) == 35


def test_without_the_copies_none_is_counted(credit: Data, trained: Subject, tmp_path: Path) -> None:
    def single(table: pa.Table) -> pa.Table:
        frame = table.to_pandas()
        return table.filter(pa.array(~frame.drop(columns="ID").duplicated()))

    subject = _later(trained, credit.project(tmp_path / "project", single))
    answer = data_duplicates.CHECK.ask(subject, Limits())
    assert (answer.status, answer.evidence["repeats"]) == ("passed", 0)


def test_the_untouched_copy_is_refused_by_nothing(credit: Data, trained: Subject, tmp_path: Path) -> None:
    project = credit.project(tmp_path / "project")
    assert build(project).rows == 30_000
    assert _batch(project, credit.table, tmp_path / "copy.csv").ok
    for check in (data_source.CHECK, data_formats.CHECK):
        assert check.ask(_later(trained, project), Limits()).status == "passed"


def _blank(name: str) -> Change:
    def change(table: pa.Table) -> pa.Table:
        values = table.column(name).to_pylist()
        values[SPOILT] = None
        return replaced(table, name, values)

    return change


def _down(table: pa.Table) -> pa.Table:
    """A column moved down by a row, as a spreadsheet does: its first cell is empty, its last one gone."""
    return replaced(table, "BILL_AMT1", [None, *table.column("BILL_AMT1").to_pylist()[:-1]])


def _aside_in_a_row(table: pa.Table) -> pa.Table:
    """One row with its cells from EDUCATION to AGE each in the next column's place."""
    made = table
    for name, before in (("EDUCATION", "SEX"), ("MARRIAGE", "EDUCATION"), ("AGE", "MARRIAGE")):
        values = made.column(name).to_pylist()
        values[SPOILT] = table.column(before)[SPOILT].as_py()
        made = replaced(made, name, values)
    return made


def _aside(table: pa.Table) -> pa.Table:
    """A column in its neighbour's place, and the neighbour in its."""
    at, other = table.column("MARRIAGE"), table.column("AGE")
    return replaced(replaced(table, "AGE", at.combine_chunks()), "MARRIAGE", other.combine_chunks())


DAMAGE: dict[str, tuple[Change, str, int]] = {
    "a number is blank": (_blank("PAY_AMT3"), "PAY_AMT3", SPOILT),
    "a number that no feature reads is blank": (_blank("AGE"), "AGE", SPOILT),
    "a word is blank": (_blank("EDUCATION"), "EDUCATION", SPOILT),
    "a column is moved down": (_down, "BILL_AMT1", 0),
    "cells of a row are moved aside": (_aside_in_a_row, "AGE", SPOILT),
    "two columns changed places": (_aside, "AGE", 0),
}
UNREAD = ("AGE",)
"""Fields that no feature reads: they are no reason not to build, and one not to pass the gate."""


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_copy_is_refused_and_its_place_is_named(
    credit: Data, trained: Subject, tmp_path: Path, what: str
) -> None:
    change, field, row = DAMAGE[what]
    project = credit.project(tmp_path / "project", change)
    if field in UNREAD:
        build(project)
    else:
        with pytest.raises(HoldfastError) as caught:  # what `features build`, `train` and `check` say
            build(project)
        assert caught.value.where.endswith("data/customers.parquet")
        assert caught.value.mend
        (first, *_) = caught.value.problems
        assert (first.field, first.what.startswith(f"row {row} (id {row + 1}): ")) == (field, True)
        assert first.mend
    told = _batch(project, change(credit.table), tmp_path / "copy.csv")
    assert not told.ok
    assert told.places[f"{field}.values"][0].startswith(f"row {row}, line {row + 2} (id {row + 1}): ")
    broken = next(item for item in told.findings if item.code == f"{field}.values")
    assert told.held[broken.code] == 1 - (broken.rows or 0) / 30_000
    answer = data_formats.CHECK.ask(_later(trained, project, table=False), Limits())
    assert (answer.status, data_formats.CHECK.severity) == ("failed", "required")
    assert f"customers.parquet: {field}.values: row {row} (id {row + 1}): " in answer.why


def test_a_row_with_a_cell_too_many_is_refused_by_its_line(credit: Data, tmp_path: Path) -> None:
    project, file = credit.project(tmp_path / "project"), tmp_path / "copy.csv"
    pyarrow.csv.write_csv(credit.table, file)
    lines = file.read_text().splitlines()
    lines[SPOILT + 1] = lines[SPOILT + 1].replace(",", ",,", 1)
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(HoldfastError, match="line 19 has 27 cells, the header 26: 18,"):
        validate(project, file)


def _rolled(table: pa.Table) -> pa.Table:
    """A column moved down by a row, its last cell on top: every value is one that may be."""
    return replaced(table, "PAY_AMT1", np.roll(table.column("PAY_AMT1").to_numpy(), 1))


def _another(table: pa.Table) -> pa.Table:
    values = table.column("LIMIT_BAL").to_pylist()
    values[SPOILT] += 10_000
    return replaced(table, "LIMIT_BAL", values)


@pytest.mark.parametrize(
    ("change", "begins", "names"), [(_rolled, "", "paid_1"), (_another, "row 18, limit, ", "use_of_limit")]
)
def test_what_no_rule_can_see_is_seen_beside_what_was_trained_on(
    credit: Data, trained: Subject, tmp_path: Path, change: Change, begins: str, names: str
) -> None:
    project = credit.project(tmp_path / "project", change)
    assert _batch(project, change(credit.table), tmp_path / "copy.csv").ok
    answer = data_source.CHECK.ask(_later(trained, project), Limits())
    assert answer.status == "failed"
    assert answer.why.startswith(begins)
    assert names in answer.why.partition(" changed: ")[0]


def _batch(project: Project, table: pa.Table, file: Path) -> Validated:
    """What `holdfast validate` says of the table as a CSV file."""
    pyarrow.csv.write_csv(table, file)
    return validate(project, file)


def _later(trained: Subject, project: Project, *, table: bool = True) -> Subject:
    """The version, in a project whose data is another now."""
    return Subject("1", trained.bundle, features(project) if table else trained.table, None, project)
