"""`holdfast monitor --evidently` with the real library: its page says what ours says, and fetches nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.seasons import AT
from tests.checks.browser import browser, program
from tests.project import test_monitor as seasons

from holdfast.errors import HoldfastError
from holdfast.project.monitor_evidently import INSTALL, ready
from holdfast.project.project import Project

pytestmark = pytest.mark.long
project = seasons.project  # a fixture is found by its name

FIRST_ROW = """
new Promise((done) => {
  const until = Date.now() + 20000;
  const look = () => {
    const row = document.querySelector("tbody tr");
    if (row || Date.now() > until) done(row ? row.innerText : "");
    else setTimeout(look, 50);
  };
  look();
})
"""


@pytest.fixture(scope="module")
def compared(project: Project) -> Project:
    """With the table of features that it was trained on."""
    customers = seasons.WORLD.customers()
    parts = [seasons.WORLD.day(day, customers) for day in range(-12, 0)]
    X, times = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    columns = {"id": [str(at) for at in times], "time": times, **{name: X[:, at] for name, at in AT.items()}}
    path = project.settings.where(project.folder, project.settings.features_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return project


@pytest.fixture(scope="module")
def drawn(compared: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("evidently") is None:
        pytest.skip(f"Evidently is an extra: {INSTALL}")
    file = tmp_path_factory.mktemp("evidently") / "drift.html"
    line = [sys.executable, "-m", "holdfast.cli.main", "-C", str(compared.folder), "monitor", "--evidently", str(file)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, "the look is told as ever"
    assert "units" in done.stdout
    return file


def test_evidently_draws_what_came_lately_beside_training(drawn: Path) -> None:
    text = drawn.read_text(encoding="utf-8")
    assert "Drift is detected for" in text
    assert all(name in text for name in AT)
    assert '"merchant3"' in text, "a category is shown in its words"


@pytest.mark.skipif(
    program() is None and "HOLDFAST_REQUIRE_SERVICES" not in os.environ,
    reason="no Chromium here: `apt-get install chromium`, or name one in HOLDFAST_CHROMIUM",
)
def test_evidently_s_page_opens_and_fetches_nothing(drawn: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as tab:
        tab.open(drawn, width=1280, dark=False)
        row = tab.call("Runtime.evaluate", expression=FIRST_ROW, returnByValue=True, awaitPromise=True)
        asked = {
            item["params"]["request"]["url"] for item in tab.heard if item["method"] == "Network.requestWillBeSent"
        }
        loud = [item for item in tab.heard if item["method"] == "Runtime.exceptionThrown"]
    told = row["result"]["value"].split()
    assert told[0] == "amount", "what moved most comes first"
    assert "Detected" in told
    assert "Not" not in told
    assert {url.rpartition("/")[2] for url in asked if url.startswith(("file", "http"))} == {drawn.name}
    assert loud == []


def test_without_evidently_or_its_table_the_command_says_what_to_do(
    compared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(compared)
    path = compared.settings.where(compared.folder, compared.settings.features_path)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "evidently", None)
        with pytest.raises(HoldfastError) as caught:
            ready(compared)
        assert INSTALL in str(caught.value)
    extras = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert INSTALL == "pip install 'holdfast[evidently]'"
    assert "evidently" in extras["optional-dependencies"]
    away = path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(HoldfastError, match="no table of features"):
            ready(compared)
    finally:
        away.rename(path)
