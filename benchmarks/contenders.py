"""Who stands in the table of one request: how each is started and asked, and what it leaves out.

The peers answer with the same LightGBM model file. They get its features ready-made, one row a request; what they
answer is compared with the model before they are measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import PEERS, environment
from benchmarks.servers import free_port

ROOT = Path(__file__).parents[1]
Row = Sequence[float | None]
Command = tuple[list[str | Path], dict[str, str]]
"""What starts a server, and what it finds in its environment."""


@dataclass(frozen=True)
class Contender:
    """One row of the table."""

    name: str
    leaves_out: str
    start: Callable[[Path, Path, int], Command]
    """From its Python, the folder of the run (absolute) and a port."""
    peer: bool = True
    env: str = ""
    """The environment it runs in; empty: ours."""
    path: str = "/predict"
    body: Callable[[Sequence[str], Row], dict[str, Any]] | None = None
    """The request for a row of features by name; None: it is asked with payments."""
    answer: Callable[[Any], float] | None = None
    """The probability in its reply; None: it computes none."""
    prepare: Callable[[Path, Path], list[str | Path] | None] | None = None
    """What is to be done once before it can start, from its Python and the folder; a command still to be run."""

    def python(self) -> Path:
        """Raises NotInstalled."""
        return environment(self.env) if self.env else Path(sys.executable)


def _named(names: Sequence[str], row: Row) -> dict[str, Any]:
    return dict(zip(names, row, strict=True))


def _split(names: Sequence[str], row: Row) -> dict[str, Any]:
    return {"dataframe_split": {"columns": list(names), "data": [list(row)]}}


def _v2(names: Sequence[str], row: Row) -> dict[str, Any]:
    tensor = {"name": "features", "shape": [1, len(row)], "datatype": "FP64", "data": list(row)}
    return {"inputs": [tensor]}


def _probability(reply: Any) -> float:
    return float(reply["probability"])


def _holdfast(python: Path, folder: Path, port: int) -> Command:
    return [python, "-m", "holdfast.cli.main", "-C", folder, "serve", "--port", str(port)], {}


def _bare(kind: str) -> Callable[[Path, Path, int], Command]:
    def start(python: Path, folder: Path, port: int) -> Command:
        return [python, "-m", "benchmarks.bare", kind, folder, str(port)], {"PYTHONPATH": str(ROOT)}

    return start


def _script(name: str) -> Callable[[Path, Path, int], Command]:
    def start(python: Path, folder: Path, port: int) -> Command:
        return [python, PEERS / name / "server.py", folder, str(port)], {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        }

    return start


def _bentoml(python: Path, folder: Path, port: int) -> Command:
    place: list[str | Path] = ["--working-dir", PEERS / "bentoml", "--host", "127.0.0.1", "--port", str(port)]
    told = {"PEER_FOLDER": str(folder), "BENTOML_HOME": str(folder / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    return [python.with_name("bentoml"), "serve", "server:Scorer", *place], told | _on_path(python)


def _mlflow(python: Path, folder: Path, port: int) -> Command:
    words: list[str | Path] = ["--env-manager", "local", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    command = [python.with_name("mlflow"), "models", "serve", "--model-uri", folder / "mlflow", *words]
    return command, {"UVICORN_ACCESS_LOG": "false", **_on_path(python)}


def _save_for_mlflow(python: Path, folder: Path) -> list[str | Path]:
    return [python, PEERS / "mlflow" / "save.py", folder]


def _mlserver(python: Path, folder: Path, port: int) -> Command:
    told = {
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": str(port),
        "MLSERVER_GRPC_PORT": str(free_port()),
        "MLSERVER_METRICS_PORT": str(free_port()),
        "MLSERVER_METRICS_DIR": str(folder / "mlserver"),
        # Inference in the server's own process: its pool of workers does not start with uvloop 0.23.
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_DEBUG": "false",
    }
    return [python.with_name("mlserver"), "start", folder / "mlserver"], told | _on_path(python)


def _settings_for_mlserver(python: Path, folder: Path) -> None:
    place = folder / "mlserver"
    place.mkdir(exist_ok=True)
    model = str(folder / "model.txt")
    told = {"name": "model", "implementation": "mlserver_lightgbm.LightGBMModel", "parameters": {"uri": model}}
    (place / "model-settings.json").write_text(json.dumps(told))


def _on_path(python: Path) -> dict[str, str]:
    """These start further processes by name."""
    return {"PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin"}


ALL = "fields' rules, windows, ledger"

HOLDFAST = Contender("Holdfast", "nothing", _holdfast, peer=False)
UNKEPT = Contender("Holdfast without the ledger", "writing and syncing", _bare("unkept"), peer=False)
FLOOR = Contender("floor", f"types only: {ALL}", _bare("floor"), peer=False, body=_named, answer=_probability)
CONSTANT = Contender("constant reply", "everything", _bare("constant"), peer=False, body=_named)

CONTENDERS: tuple[Contender, ...] = (
    HOLDFAST,
    UNKEPT,
    FLOOR,
    CONSTANT,
    Contender("FastAPI", ALL, _script("fastapi"), peer=False, body=_named, answer=_probability),
    Contender(
        "MLServer", ALL, _mlserver, env="mlserver", path="/v2/models/model/infer", body=_v2,
        answer=lambda reply: float(reply["outputs"][0]["data"][0]), prepare=_settings_for_mlserver,
    ),
    Contender("LitServe", ALL, _script("litserve"), env="litserve", body=_named, answer=_probability),
    Contender("BentoML", ALL, _bentoml, env="bentoml", body=_named, answer=_probability),
    Contender(
        "MLflow", ALL, _mlflow, env="mlflow", path="/invocations", body=_split,
        answer=lambda reply: float(reply["predictions"][0]), prepare=_save_for_mlflow,
    ),
    Contender("Ray Serve", ALL, _script("ray"), env="ray", body=_named, answer=_probability),
)  # fmt: skip
