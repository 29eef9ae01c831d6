"""Between a worker and its supervisor: the worker says it is ready, or why not; either notices the other's end.

A pair of sockets, one JSON object a line. The kernel closes an end with its process, so nobody is left behind.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from holdfast.errors import HoldfastError, Problem
from holdfast.serving.live import Live


@dataclass(frozen=True, slots=True)
class Ready:
    """What answers: the champion's name and version, and why it is not the one that was promoted (else empty)."""

    name: str
    version: str
    trouble: str = ""

    @classmethod
    def of(cls, live: Live) -> Ready:
        champion = live.now.champion
        return cls(champion.name, champion.version, live.trouble)


class Line:
    """The worker's end. `bound` is the socket to listen on, `number` which worker this is."""

    def __init__(self, bound: int, line: int, number: int) -> None:
        self.bound = socket.socket(fileno=bound)
        self.number = number
        self._line = socket.socket(fileno=line)

    @classmethod
    def of(cls, words: list[str]) -> Line:
        """From the three words that `supervise` puts at the end of a worker's command."""
        bound, line, number = map(int, words)
        return cls(bound, line, number)

    def ready(self, ready: Ready) -> None:
        self._tell(asdict(ready))

    def failed(self, error: HoldfastError) -> None:
        problems = [problem.as_dict() for problem in error.problems]
        self._tell({"error": {"what": error.what, "where": error.where, "mend": error.mend, "problems": problems}})

    def _tell(self, shape: dict[str, Any]) -> None:
        with suppress(OSError):  # nobody listens any more, and `when_gone` says so
            self._line.sendall(json.dumps(shape).encode() + b"\n")

    def when_gone(self, end: Callable[[], None]) -> None:
        """Call `end`, in a thread of its own, when the supervisor is gone."""

        def watch() -> None:
            with suppress(OSError):
                self._line.recv(1)
            end()

        threading.Thread(target=watch, name="holdfast-line", daemon=True).start()


def heard(line: bytes) -> Ready | HoldfastError:
    """What a worker said."""
    shape = json.loads(line)
    error = shape.get("error")
    if error is None:
        return Ready(**shape)
    problems = [Problem(**problem) for problem in error["problems"]]
    return HoldfastError(error["what"], where=error["where"], mend=error["mend"], problems=problems)
