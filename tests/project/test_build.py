"""A feature table on disk is used while it is true, and made again when contract or history changed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from holdfast.errors import HoldfastError
from holdfast.project.build import build, features, read
from holdfast.project.project import Project
from holdfast.project.start import simulate, start


@pytest.fixture
def project(tmp_path: Path) -> Project:
    start("shop", "fraud", tmp_path / "shop", rows=400)
    return Project.open(tmp_path / "shop")


def test_a_table_is_read_back_as_it_was_built(project: Project) -> None:
    built = build(project)
    table = features(project)
    assert (built.rows, built.features) == table.matrix.shape == (400, 8)
    assert built.labelled == (400 if table.labels.valid is None else int(table.labels.valid.sum()))
    assert table.times.tolist() == sorted(table.times.tolist())


def test_building_from_disk_entity_by_entity_gives_the_same_bits(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(project)
    monkeypatch.setenv("HOLDFAST_FEATURES_MEMORY_MB", "0")
    build(Project.open(project.folder), out=project.folder / "small.parquet")
    whole, small = pq.read_table(project.features_path), pq.read_table(project.folder / "small.parquet")
    assert whole.schema.equals(small.schema)
    for name in whole.column_names:
        a, b = whole[name].to_numpy(), small[name].to_numpy()
        assert (a == b).all() if a.dtype == object else a.tobytes() == b.tobytes(), name


def test_a_table_is_built_once_and_again_when_history_or_contract_changed(project: Project) -> None:
    features(project)
    first = project.features_path.stat().st_mtime_ns
    features(project)
    assert project.features_path.stat().st_mtime_ns == first
    simulate(project.folder, rows=500)
    assert len(features(project).ids) == 500
    text = (project.folder / "contract.py").read_text()
    (project.folder / "contract.py").write_text(text.replace('        "hour": payments.hour,\n', ""))
    changed = features(Project.open(project.folder))
    assert "hour" not in changed.names
    assert changed.matrix.shape == (500, 7)


def test_a_table_of_another_contract_is_refused(project: Project) -> None:
    build(project)
    text = (project.folder / "contract.py").read_text()
    (project.folder / "contract.py").write_text(text.replace('"hour": payments.hour', '"clock": payments.hour'))
    with pytest.raises(HoldfastError, match="not a feature table"):
        read(project.features_path, Project.open(project.folder).contract)


def test_the_table_of_a_former_contract_stands_beside_the_present_one(project: Project) -> None:
    former = project.contract
    text = (project.folder / "contract.py").read_text()
    (project.folder / "contract.py").write_text(text.replace('        "hour": payments.hour,\n', ""))
    now = Project.open(project.folder)
    assert features(now, contract=former).matrix.shape == (400, 8)
    assert features(now).matrix.shape == (400, 7)


def test_null_features_are_nan_and_labels_not_yet_known_are_not_valid(project: Project) -> None:
    table = features(project)
    at = table.names.index("merchant_average_amount")
    assert np.isnan(table.matrix[0, at])  # nothing was before the first payment
    valid = table.labels.valid
    assert valid is not None
    assert not valid[-1]  # the newest has no outcome and is not final


def test_a_history_that_cannot_be_read_is_named(project: Project) -> None:
    path = project.inputs()["payments"]
    os.truncate(path, 100)
    with pytest.raises(HoldfastError, match="payments"):
        build(project)
