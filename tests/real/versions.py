"""Versions of the examples on public data, as they are and with something done to their data first."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples.journey import Example

from holdfast.bundle.load import load
from holdfast.checks.subject import Subject
from holdfast.project.build import features
from holdfast.project.project import Project
from holdfast.training.settings import settings_from
from holdfast.training.train import train

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("HOLDFAST_SHARED_DATA", ROOT.parent / "shared" / "data"))

Change = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class Data:
    """An example with the table its project reads."""

    example: Example
    table: pa.Table

    def project(
        self, folder: Path, change: Change | None = None, contract: Callable[[str], str] | None = None
    ) -> Project:
        """A project of the example, with other data or another contract where that is asked for."""
        (folder / "data").mkdir(parents=True)
        told = (self.example.home / "contract.py").read_text(encoding="utf-8")
        (folder / "contract.py").write_text(told if contract is None else contract(told), encoding="utf-8")
        (folder / "holdfast.toml").write_text((self.example.home / "holdfast.toml").read_text(encoding="utf-8"))
        pq.write_table(self.table if change is None else change(self.table), folder / self.example.input)
        return Project.open(folder)


def data(example: Example) -> Data:
    """Skips the test where the file is not there."""
    path = FOLDER / example.file
    if not path.is_file():
        pytest.skip(f"{path} is not there: HOLDFAST_SHARED_DATA names the folder of the public data sets")
    return Data(example, example.prepare(pq.read_table(path)))


def version(project: Project, **settings: object) -> Subject:
    """A version trained quickly with the example's split."""
    quick = {"params": {"num_iterations": 60, "num_leaves": 15}, "folds": 2, "bootstrap": 20, "threads": 1}
    made = settings_from({**project.settings.training, **quick, **settings})
    table = features(project)
    done = train(project.contract, table, made, project.folder / "bundle", author="ada")
    return Subject("1", load(project.folder / "bundle", expect=done.bundle), table, None, project)


def replaced(table: pa.Table, name: str, column: pa.Array | list[object]) -> pa.Table:
    """The table with other values in one column, of the same type."""
    at = table.column_names.index(name)
    return table.set_column(at, name, pa.array(column, type=table.schema.field(name).type))
