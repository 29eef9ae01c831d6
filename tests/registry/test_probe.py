"""A look at the registry without MLflow."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.registry.conftest import Place

from holdfast.registry.probe import probe


def test_a_sqlite_store_says_where_its_aliases_point(place: Callable[[], Place]) -> None:
    here = place()
    assert probe(here.store.uri, "toy") == {"reachable": True, "why": "", "aliases": {}}
    here.registry.set_alias("champion", "2")
    assert probe(here.store.uri, "toy")["aliases"] == {"champion": "2"}
    assert probe(here.store.uri, "other") == {"reachable": True, "why": "", "aliases": {}}


def test_a_store_that_is_away_is_said_to_be_and_not_made(tmp_path: Path) -> None:
    found = probe(f"sqlite:///{tmp_path}/mlflow.db", "toy")
    assert found["reachable"] is False
    assert found["why"]
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mlflow.db").write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    assert probe(f"sqlite:///{tmp_path}/mlflow.db", "toy")["reachable"] is False


def test_a_server_that_is_away_is_said_to_be_soon() -> None:
    begun = time.monotonic()
    assert probe("http://127.0.0.1:9", "toy", timeout=1.0)["reachable"] is False
    assert probe("postgresql://somewhere/db", "toy")["reachable"] is False
    assert time.monotonic() - begun < 3


def test_looking_imports_no_mlflow() -> None:
    code = (
        "import sys; from holdfast.registry.probe import probe; probe('sqlite:////no.db', 'x');"
        "import holdfast.registry.history, holdfast.registry.door;"
        "print([m for m in ('mlflow', 'sklearn', 'pandas', 'holdfast.training') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
