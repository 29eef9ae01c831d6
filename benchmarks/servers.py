"""A server under measurement: its processes on one core, when it answered first, what memory it holds, its end."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
from benchmarks.held import held


class NoAnswer(Exception):  # noqa: N818 — a server that is left out of the table, not a fault of ours
    """The server did not begin to answer, with the last it said."""


@dataclass(frozen=True)
class Running:
    """A server that answers. `cold` are the seconds from its start to its first good answer."""

    port: int
    pid: int
    cold: float
    first: bytes
    """The body of that answer."""

    def memory(self, data: Path) -> tuple[float, float]:
        """MB of all its processes, what they share counted once; and of those the pages of files under `data`.

        The latter is the page cache of what was measured (state), which the system takes back when it needs it.
        """
        total = mapped = 0
        for process in _tree(self.pid):
            try:
                text = Path(f"/proc/{process.pid}/smaps").read_text()
            except OSError:  # it has ended meanwhile
                continue
            ours = False
            for line in text.splitlines():
                first, _, rest = line.partition(" ")
                if not first.endswith(":"):
                    ours = str(data) in rest
                elif first == "Pss:":
                    size = int(rest.split()[0])
                    total += size
                    mapped += size if ours else 0
        return total / 1024, mapped / 1024

    def processor(self) -> float:
        """Processor seconds all its processes have used."""
        return sum(sum(process.cpu_times()[:2]) for process in _tree(self.pid))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str | Path],
    port: int,
    path: str,
    body: bytes,
    *,
    core: int | str,
    folder: Path,
    more: Mapping[str, str] | None = None,
    patience: float = 90.0,
) -> Iterator[Running]:
    """The server on one core (or several, "0,1") until the block ends; it has answered `body` at `path` once.

    Raises NoAnswer.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **(more or {})}
    state = folder / ".holdfast" / "state" / "data.mdb"
    with tempfile.TemporaryFile() as said, held(state):
        began = time.monotonic()
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)],
            stdout=said, stderr=subprocess.STDOUT, env=environment, cwd=folder, process_group=0,
        )  # fmt: skip
        try:
            first = _first(process, port, path, body, began + patience, said)
            yield Running(port, process.pid, time.monotonic() - began, first)
        finally:
            _end(process)


def _first(process: subprocess.Popen[bytes], port: int, path: str, body: bytes, until: float, said: IO[bytes]) -> bytes:
    answered = b""
    while time.monotonic() < until and process.poll() is None:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            asked.request("POST", path, body, {"content-type": "application/json"})
            reply = asked.getresponse()
            answered = reply.read()
            if reply.status == 200:
                return answered
        except (OSError, http.client.HTTPException):
            pass
        finally:
            asked.close()
        time.sleep(0.02)
    said.seek(0)
    raise NoAnswer((answered + b"\n" + said.read()).decode(errors="replace").strip()[-1_500:])


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and see that none of its processes stays."""
    family = _tree(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, left = psutil.wait_procs(family, timeout=2)
    for other in left:
        other.kill()
    psutil.wait_procs(left, timeout=5)
