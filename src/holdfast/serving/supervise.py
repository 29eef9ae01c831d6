"""Several workers behind one socket: started, started again when they die, drained together.

Each worker is a fresh process (state must be opened by the process that uses it) that inherits the bound socket; the
kernel gives each connection to a worker that is free to accept it. The supervisor opens none of the parts. It is told
by its workers' lines (`line`), so that it wakes for nothing else than news and signals.
"""

from __future__ import annotations

import logging
import selectors
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

from holdfast.errors import HoldfastError
from holdfast.serving.line import Ready, heard
from holdfast.serving.sockets import take_no_more

log = logging.getLogger("holdfast.serving")

FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0
"""Seconds before a worker that died again is started again: doubled each time."""
SETTLED = 30.0
"""Seconds after which a worker that lived so long is believed to be well."""
START_PATIENCE = 300.0
"""For the first readiness of all: a long ledger may have to be applied to state."""
_STEP = 0.1


@dataclass
class _Worker:
    number: int
    process: subprocess.Popen[bytes] | None = None
    line: socket.socket | None = None
    heard: bytes = b""
    ready: Ready | None = None
    began: float = 0.0
    deaths: int = 0
    again_at: float | None = None
    """When to start it again; None while it runs."""
    codes: list[int] = field(default_factory=list)


def supervise(
    bound: socket.socket,
    command: Sequence[str],
    *,
    workers: int,
    drain: float,
    announce: Callable[[Ready], None] | None = None,
) -> None:
    """Run `workers` of `command` over the bound socket until SIGTERM or SIGINT; returns when all have drained.

    Each command gets three further words (see `Line.of`). `announce` is called once, when all are ready. `drain` is
    how long, in seconds, they may take to end. Raises HoldfastError when a worker cannot start the first time, or did
    not end in order.
    """
    _Supervisor(bound, command, workers, drain, announce).run()


class _Supervisor:
    def __init__(
        self,
        bound: socket.socket,
        command: Sequence[str],
        workers: int,
        drain: float,
        announce: Callable[[Ready], None] | None,
    ) -> None:
        self._bound = bound
        self._command = command
        self._workers = [_Worker(number) for number in range(workers)]
        self._drain = drain
        self._announce = announce
        self._announced = False
        self._signals = 0
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        with self._listening() as woken:
            self._selector.register(woken, selectors.EVENT_READ)
            began = monotonic()
            try:
                for worker in self._workers:
                    self._start(worker)
                while not self._signals:
                    self._step()
                    if not self._announced and monotonic() - began > START_PATIENCE:
                        raise HoldfastError(f"the workers are not ready after {START_PATIENCE:.0f} s")
            finally:
                wrong = self._end()
                self._selector.close()
        if wrong:
            raise HoldfastError(
                "not every worker ended in order: " + "; ".join(wrong),
                mend="nothing acknowledged is lost; what it did last is in its log",
            )

    @contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        """Signals wake the selector; the second one ends the patience."""

        def told(number: int, frame: object) -> None:
            self._signals += 1

        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
        waked = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(waked)
            for number, reaction in before.items():
                signal.signal(number, reaction)
            reader.close()
            writer.close()

    def _step(self) -> None:
        """One wait for news, and what follows from it."""
        waits = [worker.again_at - monotonic() for worker in self._workers if worker.again_at is not None]
        timeout = max(min([*waits, 1.0]), 0.0)
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                with suppress(BlockingIOError):
                    key.fileobj.recv(64)  # type: ignore[union-attr]
            else:
                self._hear(key.data)
        for worker in self._workers:
            if worker.again_at is not None and worker.again_at <= monotonic() and not self._signals:
                self._start(worker)
        if not self._announced and all(worker.ready for worker in self._workers):
            self._announced = True
            if self._announce is not None:
                ready = self._workers[0].ready
                assert ready is not None
                self._announce(ready)

    def _start(self, worker: _Worker) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            kept = (self._bound.fileno(), theirs.fileno())
            worker.process = subprocess.Popen(
                [*self._command, *map(str, kept), str(worker.number)],
                pass_fds=kept,
                stdin=subprocess.DEVNULL,
                # Ctrl-C in a terminal goes to the whole group; it is for the supervisor to say when they end.
                process_group=0,
            )
        worker.line, worker.heard, worker.ready = ours, b"", None
        worker.began, worker.again_at = monotonic(), None
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _hear(self, worker: _Worker) -> None:
        assert worker.line is not None
        try:
            data = worker.line.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self._gone(worker)
            return
        worker.heard += data
        while b"\n" in worker.heard:
            line, _, worker.heard = worker.heard.partition(b"\n")
            said = heard(line)
            if isinstance(said, Ready):
                worker.ready = said
                if worker.deaths:
                    log.warning("worker %d answers again", worker.number, extra={"event": "worker_back"})
            elif not self._announced:
                raise said
            else:
                log.error("worker %d cannot start: %s", worker.number, said)

    def _gone(self, worker: _Worker) -> None:
        """A worker's line is closed: it has ended, or ends now."""
        assert worker.line is not None
        assert worker.process is not None
        self._selector.unregister(worker.line)
        worker.line.close()
        was_ready = worker.ready is not None
        worker.line, worker.ready = None, None
        try:
            code = worker.process.wait(5)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            code = worker.process.wait()
        worker.process = None
        if self._signals:
            # One that still started took nobody in, and needs no order to end.
            worker.codes.append(0 if code == -signal.SIGTERM and not was_ready else code)
            return
        if not self._announced:
            raise HoldfastError(f"a worker ended while it started (code {code})", mend="see what it said above")
        worker.deaths = 0 if monotonic() - worker.began > SETTLED else worker.deaths + 1
        wait = min(FIRST_WAIT * 2 ** (worker.deaths - 1), LONGEST_WAIT) if worker.deaths > 1 else 0.0
        worker.deaths = max(worker.deaths, 1)
        worker.again_at = monotonic() + wait
        told = {"event": "worker_ended"}
        log.error("worker %d ended (code %d); it is started again in %.1f s", worker.number, code, wait, extra=told)

    def _end(self) -> list[str]:
        """Drain all workers; what did not end in order."""
        told = self._signals
        self._signals = max(self._signals, 1)
        take_no_more(self._bound)
        for worker in self._workers:
            if worker.process is not None:
                worker.process.terminate()
        # Each worker closes its own when it has accepted who was let in; with the last one new clients are refused.
        self._bound.close()
        patience = monotonic() + self._drain + 10.0
        forced = False
        while running := [worker for worker in self._workers if worker.line is not None]:
            if not forced and (monotonic() > patience or self._signals > max(told, 1)):
                forced = True
                for worker in running:
                    assert worker.process is not None
                    worker.process.kill()
            for key, _ in self._selector.select(_STEP):
                if key.data is not None:
                    with suppress(HoldfastError):
                        self._hear(key.data)
                else:
                    with suppress(BlockingIOError):
                        key.fileobj.recv(64)  # type: ignore[union-attr]
        return [f"worker {item.number} (code {code})" for item in self._workers for code in item.codes if code]
