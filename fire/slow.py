"""X11: 500 connections that dawdle (heads, bodies, replies not read) while other clients want an answer."""

from __future__ import annotations

import resource
import socket
import threading
import time
from contextlib import ExitStack

from fire.crowd import Crowd
from fire.experiment import Plan, Result, share
from fire.server import Running, new_shop

PATIENCE = "patience=Patience(head={0}, body={0}, reply={0})"
BEFORE = "from holdfast.serving.door import Patience"
PLAIN = """
from holdfast.serving.door import Patience
from holdfast.serving import server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
server.Connection = lambda door, **rest: HttpToolsProtocol(**rest)
async def nothing(self):
    import asyncio
    await asyncio.sleep(1e6)
server.Server._sweep = nothing
"""
"""The same server on uvicorn's own connections, which wait for as long as a client likes."""


class Dawdlers:
    """Connections of three kinds, each sending a little now and then, and opened again when they are ended."""

    def __init__(self, port: int, count: int, stay: bool = False) -> None:
        self._port = port
        self._count = count
        self._stay = stay
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.opened = 0
        self.ended = 0

    def __enter__(self) -> Dawdlers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with ExitStack() as stack:
            open_: dict[socket.socket, int] = {}

            def begin(kind: int) -> None:
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", self._port)))
                connection.setblocking(False)
                connection.send(BEGIN[kind])
                open_[connection] = kind
                self.opened += 1

            for number in range(self._count):
                begin(number % 3)
            while not self._stop.wait(0.2):
                gone = [connection for connection, kind in open_.items() if kind != 2 and ended(connection)]
                for connection, kind in list(open_.items()):
                    try:
                        connection.send(MORE[kind])
                    except BlockingIOError:
                        pass
                    except OSError:
                        gone.append(connection)
                for connection in set(gone):
                    kind = open_.pop(connection)
                    connection.close()
                    self.ended += 1
                    if not self._stay:
                        begin(kind)


BEGIN = (
    b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\n",
    b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 200000\r\n\r\n{",
    b"GET /openapi.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" * 400,
)
MORE = (b"x", b" ", b"")
"""A slow head, a slow body, and one that asks for much and reads nothing."""


def ended(connection: socket.socket) -> bool:
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def run(plan: Plan) -> Result:
    slow, seconds = plan.much(500, 150), plan.much(30, 4)
    home = new_shop(plan.place("shop"))
    allow_files(2 * slow + 200)
    with Running(home, before=BEFORE, more=PATIENCE.format(plan.much(5, 1))) as server:
        with Crowd(server.port, 8, pause=0.002) as calm:
            time.sleep(plan.much(5, 1))
        with Dawdlers(server.port, slow) as dawdlers, Crowd(server.port, 8, pause=0.002) as told:
            time.sleep(seconds)
            until = time.monotonic() + 30  # a busy machine sweeps late, but it sweeps
            while dawdlers.ended < slow and time.monotonic() < until:
                time.sleep(0.2)
    asked = sum(told.statuses.values()) + len(told.broken) + told.refused
    figures = {
        "slow connections": slow,
        "of them ended": dawdlers.ended,
        "others' requests": asked,
        "of them answered": f"{100 * len(told.answered) / asked:.2f} %",
        "p99 ms": round(1e3 * share(told.waits, 0.99), 1),
        "p99 ms without slow ones": round(1e3 * share(calm.waits, 0.99), 1),
    }
    wrong = told.broken + [f"{n} answers {status}" for status, n in told.failed.items()]
    held = asked == len(told.answered) > 50 and dawdlers.ended >= slow
    kept = staying(plan, 60)
    control = f"on uvicorn's own connections {kept} of 60 slow ones stay as long as they like"
    return Result(figures, held, control, kept >= 40, wrong)


def staying(plan: Plan, count: int) -> int:
    """How many slow connections are left, well after the deadline, of a server without deadlines."""
    home = new_shop(plan.place("plain"))
    with (
        Running(home, before=PLAIN, more=PATIENCE.format(1)) as server,
        Dawdlers(server.port, count, stay=True) as dawdlers,
    ):
        time.sleep(3)
        return count - dawdlers.ended


def allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else hard, hard))
