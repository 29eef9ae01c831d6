"""A real server of the test shop as a process, started and ended again and again on the same folder and port."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from tests.serving.shop import ROOT, command, shop

THROUGH_THE_APP = """
from holdfast.serving import direct
direct.Direct.admit = lambda self, connection: None
"""
"""No prediction goes straight to the ledger: what a control changes in the app then stands in every one's way."""


class Running:
    """`start`, break it, `start` again; ends when the block ends. What it says on its errors is in `log`."""

    def __init__(
        self, home: Path, *, workers: int = 1, before: str = "", more: str = "", wrapper: Sequence[str] = ()
    ) -> None:
        self.home = home
        self.log = home.parent / "serve.log"
        self.port = 0
        self.starts: list[float] = []
        """Seconds from each start to readiness."""
        self._words = {"before": before, "more": more}
        self._workers = workers
        self._wrapper = wrapper
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        began = time.monotonic()
        words = [*self._wrapper, *command(self.home, workers=self._workers, port=self.port, **self._words)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                words,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            self.wait()
            raise RuntimeError(f"the server did not start: {self.log.read_text()[-2_000:]}")
        self.starts.append(time.monotonic() - began)
        self.port = int(line.rpartition(":")[2])

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def workers(self) -> list[psutil.Process]:
        """The worker processes of a server with several."""
        try:
            return psutil.Process(self.pid).children()
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """kill -9 of everything at once: nothing is closed, nothing is flushed."""
        every = [*self.workers(), psutil.Process(self.pid)]
        for process in every:
            process.suspend()  # so that none sees another die
        for process in every:
            process.kill()
        self.wait()
        psutil.wait_procs(every[:-1], 10)

    def signal(self, number: signal.Signals) -> None:
        """To the server; what it was started through ends with it."""
        psutil.Process(self.pid).children()[0].send_signal(number) if self._wrapper else os.kill(self.pid, number)

    def wait(self, seconds: float = 30.0) -> int:
        assert self.process is not None
        code = self.process.wait(seconds)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def __enter__(self) -> Running:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def new_shop(folder: Path) -> Path:
    """The home of a fresh shop."""
    home = folder / ".holdfast"
    shop(home)
    return home
