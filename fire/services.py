"""X6: the registry's PostgreSQL killed, stopped and slow, under a real MLflow server. Answers go on, staleness is told.

What of Holdfast uses PostgreSQL: the registry, through an MLflow server; a server in front of clients looks at it from
afar and never on the way of a request. Redis is used by nothing, and the result says so.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from tests.serving.shop import ROOT

from fire.crowd import Crowd, call, wait_for
from fire.experiment import Plan, Result, share, skipped
from fire.registry_away import WATCH, seen
from fire.server import THROUGH_THE_APP, Running, new_shop

DRIVER = ROOT / ".venv-fire"
"""MLflow's way to PostgreSQL is no dependency of ours: it is installed beside, see `postgres.txt`."""
BUDGET = 0.05
"""Seconds that 99 of 100 answers may take, whatever the registry does."""
ASKING = f"""{THROUGH_THE_APP}
from holdfast.serving import predict
real = predict.Predict.answer
async def asking(self, body, reasons):
    watched()
    return await real(self, body, reasons)
predict.Predict.answer = asking
"""
"""A server that asks the registry before each answer."""


class Postgres:
    """A database of its own, in a folder of its own, as a user who is not root."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="holdfast-postgres-"))
        self._as = []
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
            self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.port = free_port()
        done = subprocess.run(
            [*self._as, str(binaries / "initdb"), "-D", str(self._folder / "data"), "-U", "holdfast", "-A", "trust"],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if done.returncode:
            raise RuntimeError(f"PostgreSQL could not be set up: {done.stderr}")

    def start(self) -> None:
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    *self._as, str(self._binaries / "postgres"), "-D", str(self._folder / "data"),
                    "-p", str(self.port), "-k", str(self._folder), "-c", "listen_addresses=127.0.0.1",
                ],
                stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_for(lambda: subprocess.run(ready, check=False).returncode == 0, 30, "PostgreSQL")

    def every(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self._process.pid)
            return [own, *own.children(recursive=True)]
        return []

    def send(self, number: signal.Signals) -> None:
        for process in self.every():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self) -> None:
        every = self.every()
        self.send(signal.SIGKILL)
        self._process.wait()
        psutil.wait_procs(every[1:], 10)

    def close(self) -> None:
        self.send(signal.SIGCONT)
        if self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def run(plan: Plan) -> Result:
    binaries = postgres_binaries()
    if binaries is None:
        return skipped("PostgreSQL is not installed (apt install postgresql)")
    users = used_by()
    if users:
        return skipped(f"this experiment does not know how {', '.join(users)} use Redis")
    with ExitStack() as stack:
        database = Postgres(binaries)
        stack.callback(database.close)
        database.start()
        uri = stack.enter_context(mlflow(database, plan.place("mlflow")))
        register(uri)
        return broken(plan, database, WATCH.format(uri=uri))


def broken(plan: Plan, database: Postgres, watch: str) -> Result:
    """What clients see of a server while its registry's database is treated badly."""
    wrong: list[str] = []
    slowest: dict[str, float] = {}
    failed = unflagged = asked = 0
    seconds = plan.much(12, 2)
    with Running(new_shop(plan.place("shop")), before=watch, more="probe=watched") as server:

        def phase(name: str, away: bool) -> None:
            """Load for a while; where the registry is away, that must be told, and go on being told."""
            nonlocal failed, unflagged, asked
            with Crowd(server.port, 4, pause=0.002) as told:
                wait_for(lambda: seen(server).get("reachable") is not away, 40, f"{name}: the registry's state")
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    unflagged += away and seen(server).get("reachable") is not False
                    time.sleep(0.1)
            slowest[name] = share(told.waits, 0.99)
            asked += sum(told.statuses.values()) + len(told.broken)
            failed += sum(told.failed.values()) + len(told.broken)
            wrong.extend(told.broken)

        phase("there", away=False)
        if not plan.short:
            database.kill()
            phase("killed", away=True)
            database.start()
            phase("back", away=False)
        database.send(signal.SIGSTOP)
        phase("stopped", away=True)
        if not plan.short:
            database.send(signal.SIGCONT)
            phase("going on", away=False)
            with pulsing(database):
                with Crowd(server.port, 4, pause=0.002) as told:
                    time.sleep(seconds)
                slowest["slow"] = share(told.waits, 0.99)
                failed += sum(told.failed.values()) + len(told.broken)
            database.send(signal.SIGSTOP)
    with (
        Running(new_shop(plan.place("asking")), before=watch + ASKING, more="probe=watched") as server,
        Crowd(server.port, 2) as told,
    ):
        time.sleep(5)
    database.send(signal.SIGCONT)
    asking = share(told.waits, 0.99) if told.waits else float("inf")
    figures = {
        "requests": asked,
        "failed": failed,
        "p99 ms": ", ".join(f"{name} {1e3 * value:.0f}" for name, value in slowest.items()),
        "stale answers not flagged": unflagged,
        "Redis": "used by no part of Holdfast",
    }
    within = plan.short or all(value <= BUDGET for value in slowest.values())
    control = f"a server that asks the registry before each answer takes {1e3 * asking:.0f} ms at p99"
    return Result(figures, not failed and not unflagged and not wrong and within, control, asking > 10 * BUDGET, wrong)


@contextmanager
def pulsing(database: Postgres) -> Iterator[None]:
    """A database that is let run for a twentieth of the time."""
    script = (
        "import os, signal, sys, time\n"
        "while True:\n"
        "    for number, wait in ((signal.SIGCONT, 0.05), (signal.SIGSTOP, 0.95)):\n"
        "        for pid in map(int, sys.argv[1:]):\n"
        "            try:\n                os.kill(pid, number)\n"
        "            except OSError:\n                pass\n"
        "        time.sleep(wait)\n"
    )
    pids = [str(item.pid) for item in database.every()]
    with subprocess.Popen([sys.executable, "-c", script, *pids]) as pulse:
        try:
            yield
        finally:
            pulse.kill()
    database.send(signal.SIGCONT)


@contextmanager
def mlflow(database: Postgres, place: Path) -> Iterator[str]:
    """The address of a real MLflow server whose store is that database."""
    driver()
    port = free_port()
    store = f"postgresql+pg8000://holdfast@127.0.0.1:{database.port}/postgres"
    words = [
        sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--default-artifact-root", str(place),
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(DRIVER), "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=log, env=environment, cwd=place, start_new_session=True
        )  # fmt: skip

    def up() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"the MLflow server ended: {(place / 'log').read_text()[-1_000:]}")
        with suppress(OSError):
            return call(port, "GET", "/health", timeout=2)[0] == 200
        return False

    try:
        wait_for(up, 120, "the MLflow server")
        yield f"http://127.0.0.1:{port}"
    finally:
        every = psutil.Process(process.pid).children(recursive=True)
        for item in [*every, psutil.Process(process.pid)]:
            with suppress(psutil.NoSuchProcess):
                item.kill()
        process.wait()


def register(uri: str) -> None:
    """Version 1 is the champion, as the registry has it."""
    from holdfast.bundle.mlflow_quiet import open_mlflow

    client = open_mlflow().MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.create_registered_model("fraud")
    run = client.create_run(client.create_experiment("fraud"))
    client.create_model_version("fraud", source=f"{run.info.artifact_uri}/model", run_id=run.info.run_id)
    client.set_registered_model_alias("fraud", "champion", "1")


def driver() -> None:
    """Install MLflow's PostgreSQL driver into a folder beside the environment, by hash."""
    if (DRIVER / "pg8000").is_dir():
        return
    words = ["install", "--quiet", "--no-deps", "--require-hashes", "--target", str(DRIVER), "-r"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, str(Path(__file__).with_name("postgres.txt"))],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(DRIVER, ignore_errors=True)
        raise RuntimeError(f"the PostgreSQL driver could not be installed: {done.stderr[-500:]}")


def postgres_binaries() -> Path | None:
    """Where PostgreSQL's programs are; None where it is not installed and need not be. Raises where it must be."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    place = found[-1] if found else Path(on_path).resolve() if on_path else None
    if place is not None and (place.parent / "initdb").exists():
        return place.parent
    if os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1":
        raise RuntimeError("PostgreSQL is required and is not installed")
    return None


def used_by() -> list[str]:
    """Modules of Holdfast that import a Redis client."""
    wanted = re.compile(r"^\s*(?:import|from) +redis\b", re.MULTILINE)
    source = ROOT / "src" / "holdfast"
    return [str(path.relative_to(source)) for path in source.rglob("*.py") if wanted.search(path.read_text())]


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
