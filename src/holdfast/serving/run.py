"""One worker: open the parts, take a port, serve, drain, close.

On SIGTERM or SIGINT no new connection is taken, requests in flight are answered, and what waits for the disk is
written before the process ends.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.errors import HoldfastError
from holdfast.features.state.state import State
from holdfast.ledger.attach import attach
from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Promotion
from holdfast.serving.app import create_app
from holdfast.serving.chores import Chores, Probe, free_readers, keep_copy, watch
from holdfast.serving.durable import Durable
from holdfast.serving.follow import Course, Follower, begin
from holdfast.serving.live import Live
from holdfast.serving.wire import App, Limits

DRAIN_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Opened:
    """The open parts of a server."""

    app: App
    live: Live
    state: State
    durable: Durable


@contextmanager
def opened(home: Path, limits: Limits, probe: Probe | None = None) -> Iterator[Opened]:
    """Everything a server stands on, from a project's ``.holdfast`` folder; closed in reverse order at the end.

    Raises HoldfastError when the ledger is damaged, no champion was promoted, or none can serve.
    """
    with ExitStack() as stack:
        state = State.open(home / "state")
        stack.callback(state.close)
        writer = attach(home / "ledger", state)
        stack.callback(writer.close)
        committer = GroupCommitter(writer)
        stack.callback(committer.close)
        reader = LedgerReader(home / "ledger")

        def promotions(since: int) -> tuple[list[Promotion], int]:
            # A record beyond what state holds may not be on the disk yet.
            until = state.applied_seq
            return list(reader.promotions(since, until)), until

        def bundle(name: str) -> Bundle:
            return load(home / "bundles" / name, expect=name)

        course = Course()
        live = begin(course, promotions, bundle, state.ready)
        follower = Follower(live, course, promotions, bundle, state.ready)
        follower.start()
        stack.callback(follower.stop)
        watched = [watch(live, probe)] if probe is not None else []
        chores = Chores([*watched, free_readers(state), keep_copy(state)])
        chores.start()
        stack.callback(chores.stop)
        durable = Durable(committer)
        yield Opened(create_app(live, state, durable, reader, limits), live, state, durable)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises HoldfastError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except (OSError, OverflowError) as error:
        taken.close()
        raise HoldfastError(
            f"cannot listen on {host}:{port}: {error}", mend="stop what listens there, or choose another port (0: any)"
        ) from error
    return taken


def serve(
    home: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits = Limits(),  # noqa: B008 — frozen
    probe: Probe | None = None,
    announce: Callable[[str, Live], None] | None = None,
) -> None:
    """Serve until a signal ends it. `announce` is told the address and the live set once requests are answered."""
    with opened(home, limits, probe) as parts, listen(host, port) as bound:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{bound.getsockname()[1]}"

        def started() -> None:
            if announce is not None:
                announce(address, parts.live)

        server = Server(config(parts.app), started, parts.durable)
        with _deaf((signal.SIGTERM, signal.SIGINT)):
            server.run(sockets=[bound])


def config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


class Server(uvicorn.Server):
    """uvicorn's server, which tells when it answers, and ends only when nothing waits for the disk."""

    def __init__(self, settings: uvicorn.Config, started: Callable[[], None], durable: Durable) -> None:
        super().__init__(settings)
        self._told = started
        self._durable = durable

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        await self._durable.drained()


@contextmanager
def _deaf(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """uvicorn raises a signal again after it drained; our own closing still has to run, so it ends here."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in signals}
    try:
        yield
    finally:
        for number, reaction in before.items():
            signal.signal(number, reaction)
