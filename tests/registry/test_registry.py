"""Versions in MLflow: a SQLite file, and a server of its own process over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from tests.registry.conftest import QUICK, Ledger, Place, filled
from tests.training.tables import contract, table

from holdfast.bundle.load import load
from holdfast.bundle.mlflow_quiet import open_mlflow, pointed_at
from holdfast.errors import HoldfastError
from holdfast.registry.probe import probe
from holdfast.registry.promote import promote, rollback
from holdfast.registry.registry import Registry
from holdfast.training.track import Store, sweep_tracked, train_tracked

Open = Callable[[], Place]


def test_a_version_tells_what_it_is_and_who_made_it(place: Open) -> None:
    here = place()
    newest, oldest = here.registry.versions()
    assert (newest.number, oldest.number) == ("2", "1")
    assert oldest.bundle == here.trained[0].bundle
    assert oldest.model_hash == here.trained[0].model_hash
    assert oldest.contract == contract().hash
    assert (oldest.family, oldest.who, oldest.run) == ("decision_tree", "ada", here.trained[0].run)
    assert oldest.average_precision == here.trained[0].metrics["test"]["average_precision"].value
    assert abs(oldest.created_at / 1e6 - time.time()) < 3_600
    here.registry.set_alias("shadow", "1")
    assert here.registry.version("@shadow") == here.registry.version("1")
    assert here.registry.versions()[1].aliases == ("shadow",)


def test_a_version_that_is_not_there_is_said_so(place: Open) -> None:
    here = place()
    for which in ("9", "nobody"):
        with pytest.raises(HoldfastError, match=f"could not find the version {which}"):
            here.registry.version(which)
    assert Registry(here.store.uri, "unknown").versions() == []
    assert Registry(here.store.uri, "unknown").aliases() == {}


def test_fetching_twice_fetches_once_and_a_damaged_copy_is_refused(place: Open, tmp_path: Path) -> None:
    here = place()
    folder = here.registry.fetch("1", tmp_path / "bundles")
    assert folder.name == here.trained[0].bundle
    marked = folder / "manifest.json"
    before = marked.stat().st_mtime_ns
    assert here.registry.fetch("1", tmp_path / "bundles") == folder
    assert marked.stat().st_mtime_ns == before
    (folder / "model_card.md").write_text("better than it was")
    with pytest.raises(HoldfastError, match="refused"):
        here.registry.fetch("1", tmp_path / "bundles")


def test_the_run_holds_what_was_asked_and_what_was_found(place: Open) -> None:
    here = place()
    client, trained = here.registry._client, here.trained[0]
    run = client.get_run(trained.run)
    assert run.info.status == "FINISHED"
    assert run.data.params["family"] == "decision_tree"
    assert run.data.params["params.max_depth"] == "2"
    for part in ("train", "test", "baseline"):
        found = run.data.metrics[f"{part}_average_precision"]
        assert found == pytest.approx(trained.metrics[part]["average_precision"].value)
    assert run.data.metrics["test_roc_auc_low"] <= run.data.metrics["test_roc_auc_high"]
    assert run.data.tags["holdfast.data"] == trained.record["data"]["content"]
    assert run.data.tags["holdfast.library.numpy"] == np.__version__
    listed = {item.path for item in client.list_artifacts(trained.run)}
    assert {"model_card.md", "training.json", "importance.json", "environment.lock", "plots"} <= listed
    plots = {Path(item.path).name for item in client.list_artifacts(trained.run, "plots")}
    assert plots == {"precision_recall.png", "roc.png", "calibration.png", "confusion.png", "importance.png"}


def test_plain_mlflow_gives_the_bundles_probabilities_bit_for_bit(place: Open, tmp_path: Path) -> None:
    here = place()
    promote(here.desk(), "2", who="ada", why="first")
    bundle = load(here.folder / "bundles" / here.trained[1].bundle)
    rows = table(200).matrix
    with pointed_at(here.store.uri) as mlflow:
        model = mlflow.pyfunc.load_model("models:/toy@champion")
        answers = np.asarray(model.predict(pandas.DataFrame(rows, columns=list(bundle.features))))
    assert answers.tobytes() == bundle.predict_matrix(rows)[1].tobytes()
    assert model.metadata.signature is not None
    assert model.input_example is not None


def test_a_failed_training_ends_its_run_as_failed_and_the_store_before_is_put_back(place: Open, tmp_path: Path) -> None:
    here = place()
    before = open_mlflow().get_tracking_uri()
    with pytest.raises(HoldfastError, match="no fold has both classes"):
        train_tracked(contract(), table(60, days=4), QUICK, tmp_path / "out", here.store)
    client = here.registry._client
    newest = client.search_runs([client.get_experiment_by_name("toy").experiment_id], max_results=1)[0]
    assert newest.info.status == "FAILED"
    assert open_mlflow().get_tracking_uri() == before != here.store.uri


def test_a_sweep_is_a_run_with_a_child_for_each_trial(place: Open) -> None:
    here = place()
    settings = replace(QUICK, sweep={"max_depth": [1, 3]})
    swept, parent = sweep_tracked(contract(), table(900), settings, "grid", here.store)
    client = here.registry._client
    experiment = client.get_experiment_by_name("toy").experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    means = {run.data.params["max_depth"]: run.data.metrics["validation_average_precision_mean"] for run in children}
    assert means == {str(row[1]): pytest.approx(row[2]) for row in swept.rows()}
    assert {"trials.json", "trials_table.json"} <= {item.path for item in client.list_artifacts(parent)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """MLflow's own server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--artifacts-destination", str(tmp_path / "kept"),
    ]  # fmt: skip
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=tmp_path, env=environment, start_new_session=True)
        try:
            for _ in range(240):
                if probe(f"http://127.0.0.1:{port}", "toy", timeout=5)["reachable"]:
                    break
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.5)
            else:
                raise AssertionError((tmp_path / "server.log").read_text())
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def test_the_same_journey_over_http_with_a_real_server(server: str, tmp_path: Path) -> None:
    store = Store(server, "toy")
    trained = filled(store, tmp_path)
    ledger = Ledger()
    here = Place(tmp_path, store, Registry(server, "toy"), ledger, trained)
    desk = here.desk()
    assert [item.number for item in here.registry.versions()] == ["2", "1"]
    promote(desk, "1", who="ada", why="first")
    promote(desk, "2", who="ada", why="second")
    assert probe(server, "toy") == {"reachable": True, "why": "", "aliases": {"champion": "2"}}
    rollback(desk, who="ada", why="back")
    assert probe(server, "toy")["aliases"] == {"champion": "1"}
    assert load(desk.store / trained[1].bundle).hash == trained[1].bundle
    assert here.ledger.history().strays({"champion": "1"}) == []
