"""A server of this project as another process: started, waited for, ended in order or killed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from holdfast.errors import HoldfastError

PATIENCE = 60.0


class Server:
    """`holdfast serve` on a free port of this machine; ends when the block ends. `environment`: ours, unless told."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """Of the process that was started; 0 when none runs."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers. Raises HoldfastError with what it said when it does not."""
        place = self._folder / ".holdfast"
        place.mkdir(exist_ok=True)
        log = (place / "serve.log").open("a")
        with log:
            command = [
                sys.executable,
                "-m",
                "holdfast.cli.main",
                "-C",
                str(self._folder),
                "serve",
                "--port",
                "0",
                "--json",
            ]
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=self._environment
            )
        line = self._line()
        if not line.startswith('{"address"'):
            raise HoldfastError("the server did not start", where=str(self._folder), mend=self._said(line))
        self.address = json.loads(line)["address"]

    def _said(self, line: str) -> str:
        """What it told instead of an address, on its output and in its log."""
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.kill()
        told = line + self._process.stdout.read()
        self.kill()
        try:
            return str(json.loads(told)["error"]["what"])
        except (ValueError, KeyError):
            return told + (self._folder / ".holdfast" / "serve.log").read_text()[-2_000:]

    def _line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE and self._process.poll() is None:
            if select.select([self._process.stdout], [], [], 0.2)[0]:
                return self._process.stdout.readline()
        return ""

    def kill(self) -> None:
        """kill -9: nothing is closed, nothing is flushed."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end in order, and wait."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                os.kill(self._process.pid, number)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
