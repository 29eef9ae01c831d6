"""X5: the registry is away, at the start and while serving. The last good version answers, and says how stale it is."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from fire.crowd import Crowd, call, wait_for
from fire.experiment import Plan, Result, share
from fire.server import Running, new_shop

WATCH = """
from holdfast.registry.probe import probe as look
def watched():
    return look({uri!r}, "fraud", timeout=1.0)
"""


def run(plan: Plan) -> Result:
    place = plan.place("shop")
    home, store, elsewhere = new_shop(place), place / "mlflow.db", place / "elsewhere.db"
    registered(store, real=not plan.short)
    wrong: list[str] = []
    # While serving: a store in a file, and the file goes.
    with Running(home, before=WATCH.format(uri=f"sqlite:///{store}"), more="probe=watched") as server:
        with Crowd(server.port, 2, pause=0.005) as told:
            wait_for(lambda: seen(server).get("reachable") is True, 30, "a registry that was reached")
            store.rename(elsewhere)
            away(server)
            one = seen(server)
            time.sleep(plan.much(6, 1))
            other = seen(server)
            if not plan.short:
                elsewhere.rename(store)
                wait_for(lambda: seen(server).get("reachable") is True, 30, "the registry seen again")
        if not other["stale_seconds"] > one["stale_seconds"]:
            wrong.append("how stale it is does not grow")
    # At the start: a server that takes the call and never says a word.
    with silent() as port:
        watch = WATCH.format(uri=f"http://127.0.0.1:{port}")
        with Running(home, before=watch, more="probe=watched") as server:
            with Crowd(server.port, 2, pause=0.005) as alone:
                away(server)
                time.sleep(plan.much(6, 0))
            if not seen(server).get("why"):
                wrong.append("why it cannot be reached is not said")
    asked = sum(sum(item.statuses.values()) + len(item.broken) for item in (told, alone))
    answered = len(told.answered) + len(alone.answered)
    figures = {
        "asked": asked,
        "answered by the last good version": f"{100 * answered / asked:.2f} %",
        "p99 ms": round(1e3 * share(told.waits + alone.waits, 0.99), 1),
    }
    if answered != asked:
        wrong.append(f"{asked - answered} requests were not answered")
    (home / "bundles").rename(home / "bundles-away")
    started, said = starts(home)
    return Result(figures, not wrong, f"without the cached bundle it is never ready ({said})", not started, wrong)


def away(server: Running) -> None:
    """Wait until the server says that its registry cannot be reached."""
    wait_for(lambda: seen(server).get("reachable") is False, 30, "a registry that is told to be away")


def registered(store: Path, *, real: bool) -> None:
    """An MLflow store in a file, in which version 1 is the champion; in a hurry only the table that is looked at."""
    if not real:
        with closing(sqlite3.connect(store)) as connection:
            connection.execute("CREATE TABLE registered_model_aliases (name TEXT, alias TEXT, version INTEGER)")
            connection.execute("INSERT INTO registered_model_aliases VALUES ('fraud', 'champion', 1)")
            connection.commit()
        return
    from holdfast.bundle.mlflow_quiet import open_mlflow

    client = open_mlflow().MlflowClient(tracking_uri=f"sqlite:///{store}", registry_uri=f"sqlite:///{store}")
    client.create_registered_model("fraud")
    client.create_model_version("fraud", source=str(store.parent / "none"))
    client.set_registered_model_alias("fraud", "champion", "1")


@contextmanager
def silent() -> Iterator[int]:
    """The port of a registry that takes the call and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening.getsockname()[1]


def seen(server: Running) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(server.port, "GET", "/health")[1])["registry"]
    return found


def starts(home: Path) -> tuple[bool, str]:
    server = Running(home)
    try:
        with server:
            return True, "it started"
    except RuntimeError as error:
        said = [line.partition("HoldfastError: ")[2] for line in str(error).splitlines()]
        return False, next((line for line in said if line), str(error))[:70]
