"""One worker: open the parts, take a port, serve, drain, close.

On SIGTERM or SIGINT no new connection is taken, requests in flight are answered, and what waits for the disk is
written before the process ends. `supervise` runs several of these.
"""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from holdfast.access.recognise import Access, Locks
from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.errors import HoldfastError
from holdfast.features.state.state import State
from holdfast.ledger.attach import attach
from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Experiment, Measure, Promotion
from holdfast.monitoring.store import Keep
from holdfast.serving import heap
from holdfast.serving.app import create_app
from holdfast.serving.aside import experiments
from holdfast.serving.chores import Chores, Probe, free_readers, keep_copy, tell_refusals
from holdfast.serving.chores import watch as look_at
from holdfast.serving.direct import Direct
from holdfast.serving.door import Patience
from holdfast.serving.durable import Durable
from holdfast.serving.follow import Course, Follower, begin
from holdfast.serving.gauges import Gauges
from holdfast.serving.guard import Guard
from holdfast.serving.line import Line, Ready
from holdfast.serving.live import Live
from holdfast.serving.locked import locked
from holdfast.serving.metrics import Counts
from holdfast.serving.predict import Predict
from holdfast.serving.profiles import profiled
from holdfast.serving.server import Server
from holdfast.serving.sockets import allow_many_files
from holdfast.serving.tally import Tally
from holdfast.serving.watch import Watch, watched
from holdfast.serving.wire import App, Limits

log = logging.getLogger("holdfast.serving")


@dataclass(frozen=True, slots=True)
class Opened:
    """The open parts of a server."""

    app: Guard
    predict: Predict
    live: Live
    state: State
    durable: Durable
    counts: Counts
    gauges: Gauges
    tally: Tally | None
    locks: Locks


@contextmanager
def opened(
    home: Path,
    limits: Limits,
    probe: Probe | None = None,
    *,
    number: int | None = None,
    locks: Locks = Locks(),  # noqa: B008 — frozen
    promoter: Sequence[str] = (),
    profiles: Keep | None = None,
) -> Iterator[Opened]:
    """Everything a server stands on, from a project's ``.holdfast`` folder; closed in reverse order at the end.

    `number` says which of several workers this is, `promoter` is the command that makes an experiment's winner champion
    (none: that is done by hand). What is answered is counted where `profiles` says for how long counts are kept. Raises
    HoldfastError when the ledger is damaged, no champion was promoted, or none can serve.
    """
    with ExitStack() as stack:
        state = State.open(home / "state")
        stack.callback(state.close)
        writer = attach(home / "ledger", state)
        stack.callback(writer.close)
        committer = GroupCommitter(writer)
        stack.callback(committer.close)
        reader = LedgerReader(home / "ledger")

        def promotions(since: int) -> tuple[list[Promotion | Experiment | Measure], int]:
            # A record beyond what state holds may not be on the disk yet.
            until = state.applied_seq
            return list(reader.followed(since, until)), until

        def bundle(name: str) -> Bundle:
            return load(home / "bundles" / name, expect=name)

        course = Course()
        live = begin(course, promotions, bundle, state.ready)
        follower = Follower(live, course, promotions, bundle, state.ready)
        follower.look()  # the first answer already goes by the experiments under way
        follower.start()
        stack.callback(follower.stop)
        counts = Counts()
        counts.starts = 1
        durable = Durable(committer, counts=counts)
        gauges = Gauges(live, state, durable, reader, lambda: writer.sync_seconds)
        tally = None if number is None else Tally(home, number, counts, gauges.of_worker)
        if tally is not None:
            stack.callback(tally.close)
        stack.enter_context(experiments(home, live, course.experiments, committer, promoter, counts))
        looking = [look_at(live, probe)] if probe is not None else []
        # One worker looks after what all share.
        shared = [] if number else [free_readers(state), keep_copy(state)]
        refusals = tell_refusals(counts)
        stack.callback(refusals.run)
        counting = [] if profiles is None else [stack.enter_context(profiled(home, committer, counts, profiles))]
        chores = Chores([*looking, *shared, *counting, refusals])
        chores.start()
        stack.callback(chores.stop)
        total = tally.total if tally else None
        access = Access(home, locks)
        app, predict = create_app(
            live, state, durable, reader, limits, counts=counts, total=total, access=access, gauges=gauges
        )
        yield Opened(app, predict, live, state, durable, counts, gauges, tally, locks)


def serve(
    home: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits = Limits(),  # noqa: B008 — frozen
    patience: Patience = Patience(),  # noqa: B008 — frozen
    probe: Probe | None = None,
    locks: Locks = Locks(),  # noqa: B008 — frozen
    promoter: Sequence[str] = (),
    watch: Watch = Watch(),  # noqa: B008 — frozen
    profiles: Keep | None = None,
    announce: Callable[[str, Ready], None] | None = None,
) -> None:
    """Serve in this process until a signal ends it. `announce` is told the address, and what answers there."""
    with (
        opened(home, limits, probe, locks=locks, promoter=promoter, profiles=profiles) as parts,
        listen(host, port) as bound,
    ):
        address = address_of(bound, locks)

        def started() -> None:
            if announce is not None:
                announce(address, Ready.of(parts.live))

        answer(parts, bound, patience, watch, started)


def work(
    home: Path,
    line: Line,
    *,
    limits: Limits = Limits(),  # noqa: B008 — frozen
    patience: Patience = Patience(),  # noqa: B008 — frozen
    probe: Probe | None = None,
    locks: Locks = Locks(),  # noqa: B008 — frozen
    promoter: Sequence[str] = (),
    watch: Watch = Watch(),  # noqa: B008 — frozen
    profiles: Keep | None = None,
) -> None:
    """Serve as one of several workers, until a signal ends it or the supervisor at the other end of `line` is gone."""
    try:
        with (
            opened(home, limits, probe, number=line.number, locks=locks, promoter=promoter, profiles=profiles) as parts,
            line.bound as bound,
        ):
            answer(parts, bound, patience, watch, lambda: line.ready(Ready.of(parts.live)), line)
    except HoldfastError as error:
        line.failed(error)
        raise


def answer(
    parts: Opened,
    bound: socket.socket,
    patience: Patience,
    watch: Watch,
    started: Callable[[], None],
    line: Line | None = None,
) -> None:
    """Run the event loop over open parts and a bound socket until a signal, then drain."""
    allow_many_files(patience.connections)
    parts.durable.patience = patience.queue
    champion = parts.live.now.champion

    def ready() -> None:
        what = "%s version %s is served"
        log.info(what, champion.name, champion.version, extra={"event": "serving", "version": champion.version})
        started()

    with (
        locked(parts.app, bound, parts.locks) as tls,
        watched(parts.app, watch, parts.durable, parts.counts) as app,
        _deaf((signal.SIGTERM, signal.SIGINT)),
    ):
        # Where each request is watched, it is watched around the app: all of them go through it.
        direct = Direct(parts.app, parts.predict) if app is parts.app else None
        server = Server(config(app, tls), patience, parts.counts.turned_away, ready, parts.durable, parts.tally, direct)
        parts.gauges.door = server.readings
        if line is not None:
            line.when_gone(server.end)
        heap.settle()
        server.run(sockets=[bound])
        log.info("everything was answered; the server ends", extra={"event": "ended"})


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


def address_of(bound: socket.socket, locks: Locks = Locks()) -> str:  # noqa: B008 — frozen
    host, port = bound.getsockname()[:2]
    scheme = "http" if locks.tls is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def config(app: App, tls: ssl.SSLContext | None = None) -> uvicorn.Config:
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
        backlog=4_096,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )


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
