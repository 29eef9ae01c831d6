"""X4: a full disk. What cannot be kept is answered 503 with Retry-After, nothing is damaged, and it ends by itself."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from tests.serving.shop import payment

from fire.audit import audit
from fire.crowd import call, wait_for
from fire.experiment import Plan, Result
from fire.kill import EARLY
from fire.server import Running, new_shop

DISK = 48
"""Megabytes of the small disk."""


def run(plan: Plan) -> Result:
    """Both ways to run out: a small disk of its own (where mounting is allowed), and a limit on a file's length."""
    asked = plan.much(400, 40)
    figures: dict[str, int | float | str] = {}
    wrong: list[str] = []
    with small_disk(plan) as disk:
        if disk is None:
            figures["small disk"] = "not allowed to mount one"
        else:
            fill(plan, disk, asked, "small disk", figures, wrong)
    fill(plan, plan.place("limit"), asked, "file limit", figures, wrong)
    early: dict[str, int | float | str] = {}
    fill(plan, plan.place("early"), 20, "early", early, [], before=EARLY)
    unlogged = int(early["early: 200 not in the ledger"])
    control = f"a server that answers before it has written sends {unlogged} unlogged 200s"
    return Result(figures, not wrong, control, unlogged > 0, wrong)


def fill(
    plan: Plan, place: Path, asked: int, name: str, figures: dict[str, int | float | str], wrong: list[str],
    *, before: str = "",
) -> None:  # fmt: skip
    """Take the space from a running server, ask, give it back, ask again."""
    home = new_shop(place)
    acknowledged: list[str] = []
    with Running(home, before=before) as server:
        host = psutil.Process(server.pid)

        def ask(event: str) -> int:
            status, reply = call(server.port, "POST", "/predict", json.dumps(payment(event)).encode())
            if status == 200:
                acknowledged.append(f"p{event}")
            elif status != 503:
                wrong.append(f"{name}: {status} {reply[:200]!r}")
            return status

        if ask("before") != 200:
            wrong.append(f"{name}: not answered before")
        with no_space(place, host, name):
            if not before:
                # What was set aside before is used up first.
                wait_for(lambda: ask(f"fill-{len(acknowledged)}") == 503, 60, "a full disk")
            during = [ask(f"full-{number}") for number in range(asked)]
            ready, _ = call(server.port, "GET", "/readyz")
            alive, _ = call(server.port, "GET", "/livez")
            refusal = retry_after(server.port)
        took = wait_for(lambda: ask("after") == 200, 30, "an answer after space came back")
        later = [ask(f"later-{number}") for number in range(20)]
    if set(later) != {200}:
        wrong.append(f"{name}: after space came back requests were answered {sorted(set(later))}")
    found = audit(home, acknowledged, rebuilt_at=plan.place(f"again-{name.replace(' ', '-')}"))
    figures[f"{name}: 503 of {asked}"] = during.count(503)
    figures[f"{name}: 200 not in the ledger"] = len(found.lost)
    figures[f"{name}: answers again after s"] = round(took, 2)
    wrong += [f"{name}: {item}" for item in found.wrong]
    if (ready, alive, refusal) != (503, 200, "1"):
        wrong.append(f"{name}: /readyz {ready}, /livez {alive}, Retry-After {refusal}")


def retry_after(port: int) -> str:
    from http.client import HTTPConnection

    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/predict", json.dumps(payment("retry")).encode())
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply.headers.get("retry-after", "")


@contextmanager
def no_space(place: Path, server: psutil.Process, name: str) -> Iterator[None]:
    """While it lasts, nothing can be added: the disk is filled, or no file may grow."""
    if name == "small disk":
        filler = place / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4_096))
            except OSError:
                pass
        try:
            yield
        finally:
            filler.unlink()
        return
    logs = [path.stat().st_size for path in (place / ".holdfast" / "ledger").glob("*.log")]
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (max(logs) + 100, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(plan: Plan) -> Iterator[Path | None]:
    """A disk of a few megabytes, in memory; None where mounting is not allowed."""
    place = plan.place("disk")
    mount = shutil.which("mount")
    done = mount is not None and os.geteuid() == 0
    if done:
        command = [str(mount), "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not done:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
