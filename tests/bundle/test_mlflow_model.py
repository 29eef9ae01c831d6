"""MLflow carries the bundle, unpickles nothing, and gives its bits to anyone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.bundle.made import FEATURES, contract, packed, rows

from holdfast.bundle.load import load
from holdfast.bundle.mlflow_model import bundle_folder, log_bundle, requirements
from holdfast.bundle.mlflow_quiet import pointed_at
from holdfast.bundle.pyfunc import ScoredBundle, as_matrix
from holdfast.errors import HoldfastError

SOURCE = Path(__file__).resolve().parents[2] / "src"

LOAD = """
import json, sys, mlflow, numpy, pandas
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/demo@champion")
rows = numpy.load(sys.argv[2])
names = [item.name for item in model.metadata.get_input_schema().inputs]
table = pandas.DataFrame(rows, columns=names)
found = model.predict(table)
try:
    model.predict(table[["amount", "kind"]])
except Exception as fault:
    said = str(fault)
print(json.dumps({"bits": [float(value).hex() for value in found], "said": said, "loader": model.loader_module,
    "shuffled": bool((model.predict(table[names[::-1]]) == found).all())}))
"""


def run(program: str, where: Path, *arguments: str) -> str:
    environment = {
        **os.environ, "PYTHONPATH": str(SOURCE), "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment, capture_output=True, text=True, check=False, cwd=where,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout.strip().splitlines()[-1]


def test_a_plain_python_process_gets_the_bundles_bits_from_mlflow(tmp_path: Path) -> None:
    packed(tmp_path / "bundle")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with pointed_at(store) as mlflow:
        experiment = mlflow.create_experiment("test", artifact_location=str(tmp_path / "mlruns"))
        with mlflow.start_run(experiment_id=experiment):
            assert log_bundle(tmp_path / "bundle", registered="demo").startswith("models:/")
        mlflow.MlflowClient().set_registered_model_alias("demo", "champion", "1")
    matrix = rows()[0][:500]
    np.save(tmp_path / "rows.npy", matrix)
    answer = json.loads(run(LOAD, tmp_path, store, str(tmp_path / "rows.npy")))
    ours = load(tmp_path / "bundle").predict_matrix(matrix)[1]
    assert answer["bits"] == [float(value).hex() for value in ours]
    assert answer["loader"] == "holdfast.bundle.pyfunc"
    assert answer["shuffled"]
    for part in ("finished features", "usual", "computed from history", "holdfast features build", "ledger"):
        assert part in answer["said"]
    logged = [path for path in (tmp_path / "mlruns").rglob("*") if path.is_file()]
    assert not [path for path in logged if path.suffix in (".pkl", ".pickle", ".py") or "code" in path.parts]
    (model,) = [path.parent for path in logged if path.name == "MLmodel"]
    assert load(bundle_folder(model)).hash == load(tmp_path / "bundle").hash
    assert "lightgbm==" in (model / "requirements.txt").read_text()


@pytest.fixture
def model(tmp_path: Path) -> ScoredBundle:
    packed(tmp_path / "b", "decision_tree")
    return ScoredBundle(load(tmp_path / "b"))


def test_features_come_as_any_table(model: ScoredBundle) -> None:
    matrix = rows()[0][:20]
    table = pd.DataFrame(matrix, columns=list(FEATURES))
    expected = model.bundle.predict_matrix(matrix)[1].tobytes()
    wider = table[list(FEATURES[::-1])].assign(prediction_id="p")
    records = [
        {name: None if value != value else value for name, value in row.items()} for row in wider.to_dict("records")
    ]
    mapping = {name: list(table[name]) for name in FEATURES}
    for given in (
        matrix,
        table,
        wider,
        records,
        mapping,
        table.convert_dtypes(dtype_backend="numpy_nullable").astype(float),
    ):
        assert model.predict(given).tobytes() == expected


def test_absent_features_are_all_named_with_how_to_get_them(model: ScoredBundle) -> None:
    with pytest.raises(HoldfastError, match="4 of 6 features are absent") as caught:
        model.predict(pd.DataFrame({"amount": [1.0], "kind": [2.0]}))
    mends = {problem.field: problem.mend for problem in caught.value.problems}
    assert set(mends) == {"usual", "cents", "gap", "age"}
    assert "computed from history" in mends["usual"]
    assert "row feature" in mends["cents"]


def test_what_is_no_feature_row_is_refused(model: ScoredBundle) -> None:
    table = pd.DataFrame(rows()[0][:3], columns=list(FEATURES))
    for given, said in (
        (np.zeros((2, 5)), "6 features expected"),
        (table.assign(kind=["a", "b", "c"]), "no feature values"),
        (table.assign(gap=np.inf), "infinite"),
        ("amount", "no features in a str"),
        ([1, 2], "must hold mappings"),
        (5, "no features in a int"),
    ):
        with pytest.raises(HoldfastError, match=said):
            model.predict(given)


def test_a_folder_without_one_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HoldfastError, match="0 bundles"):
        bundle_folder(tmp_path)
    assert any(line.startswith("numpy==") for line in requirements("random_forest"))
    assert as_matrix(contract(), rows()[0][:2]).shape == (2, 6)
