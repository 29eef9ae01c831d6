"""Processes beside the workers: one that conducts the experiments, and one that scores the shadows.

They read the ledger as any reader does and touch no request. What they write comes through a pipe to the worker that
started them, and joins its group commit. A lock on a file says which of several workers has them; it goes with the
process, so another worker takes over when that one dies.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import IO

from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.records import Experiment, Record, Tally, decode, encode
from holdfast.serving.live import Live
from holdfast.serving.metrics import Counts
from holdfast.serving.words import words
from holdfast.traffic.course import Experiments

log = logging.getLogger("holdfast.serving")

LOOK = 0.25
"""Seconds between two looks at what is wanted."""
REST = 1.0
"""Seconds before a process that ended is started again."""
TALLY = 1.0
"""Seconds between two tallies of what the variants did."""

PATIENCE = 1.0
"""Seconds to wait for a batch to ride with."""

_LENGTH = struct.Struct("<I")


def write_frame(out: IO[bytes], records: Sequence[Record]) -> None:
    """Records into the pipe: length, then the ledger's own encoding."""
    payload = encode(list(records))
    out.write(_LENGTH.pack(len(payload)) + payload)
    out.flush()


def read_frames(source: IO[bytes]) -> Iterator[list[Record]]:
    """Records out of the pipe, until its other end is closed."""
    while len(head := source.read(_LENGTH.size)) == _LENGTH.size:
        payload = source.read(_LENGTH.unpack(head)[0])
        yield decode(payload)


class Aside(threading.Thread):
    """Keeps one process of a role running while it is wanted, if no other worker has it."""

    def __init__(
        self,
        home: Path,
        role: str,
        wanted: Callable[[], bool],
        committer: GroupCommitter,
        counts: Counts,
        more: Sequence[str] = (),
    ) -> None:
        super().__init__(name=f"holdfast-{role}", daemon=True)
        self._command = [sys.executable, "-m", "holdfast.serving.beside", role, str(home), *more]
        self._lock_path = home / f"{role}.lock"
        self._wanted = wanted
        self._committer = committer
        self._counts = counts
        self._end = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._pump: threading.Thread | None = None
        self._rest = 0.0

    def run(self) -> None:
        while not self._end.wait(LOOK):
            try:
                self._look()
            except OSError as error:
                log.error("%s: %s", self.name, words(error))
                self._rest = monotonic() + REST
        self._stop()

    def stop(self) -> None:
        self._end.set()
        self.join()

    def _look(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            if self._wanted():
                log.warning("%s ended with %s; it is started again", self.name, self._process.returncode)
            self._rest = monotonic() + REST
            self._stop()
        if not self._wanted():
            self._stop()
        elif self._process is None and monotonic() >= self._rest:
            self._start()

    def _start(self) -> None:
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The process inherits the lock, and has it as long as it lives.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(lock,)
            )
        except BlockingIOError:
            return  # another worker has it
        finally:
            os.close(lock)
        self._pump = threading.Thread(target=self._carry, args=(self._process,), name=f"{self.name}-pump", daemon=True)
        self._pump.start()

    def _carry(self, process: subprocess.Popen[bytes]) -> None:
        """Its records into the ledger, one frame after the other: while one is under way the process waits."""
        assert process.stdout is not None
        for records in read_frames(process.stdout):
            try:
                self._write(records)
            except Exception as error:  # noqa: BLE001 — a full disk, say: what follows from the counts follows again
                log.warning("%s could not write: %s", self.name, words(error))
                process.terminate()
                return

    def _write(self, records: list[Record]) -> None:
        """A step of an experiment at once; what was counted or scored with the next batch of answers."""
        if any(isinstance(record, Experiment) for record in records):
            self._committer.submit_all(records).result()
        else:
            ride(self._committer, records)
        for record in records:
            if isinstance(record, Tally):
                self._counts.fallbacks["shadow_dropped"] += record.dropped

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._pump is not None:
            self._pump.join(5)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def ride(committer: GroupCommitter, records: Sequence[Record]) -> None:
    """Write records with the next batch of answers, or alone when none comes for a while."""
    written = committer.ride(records)
    while True:
        try:
            return written.result(PATIENCE)
        except TimeoutError:
            committer.submit_all(()).result()  # nobody came: all that wait go alone


class Tallies(threading.Thread):
    """Writes what the variants did in this process, about once a second while an experiment shares out answers."""

    def __init__(self, live: Live, committer: GroupCommitter, counts: Counts) -> None:
        super().__init__(name="holdfast-tallies", daemon=True)
        self._counts = counts
        self._live = live
        self._committer = committer
        self._end = threading.Event()
        self._split = live.now.split

    def run(self) -> None:
        while not self._end.wait(TALLY):
            self._write(lambda record: ride(self._committer, [record]))
        self._write(lambda record: self._committer.submit(record).result())

    def _write(self, keep: Callable[[Tally], object]) -> None:
        before, self._split = self._split, self._live.now.split
        # Requests that began under the record before may end after the swap; they are counted by the next look.
        for split in dict.fromkeys((before, self._split)):
            if split is not None and (counts := split.taken()):
                self._counts.fallbacks["champion_for_variant"] += sum(failed for _, _, failed, _, _ in counts)
                record = Tally(process=f"{os.uname().nodename}:{os.getpid()}", experiment=split.seq, counts=counts)
                try:
                    keep(record)
                except Exception as error:  # noqa: BLE001 — the committer is closed, the disk is full
                    log.warning("what the variants did was not written down: %s", words(error))

    def stop(self) -> None:
        self._end.set()
        self.join()


@contextmanager
def experiments(
    home: Path,
    live: Live,
    course: Experiments,
    committer: GroupCommitter,
    promoter: Sequence[str] = (),
    counts: Counts | None = None,
) -> Iterator[None]:
    """What experiments need beside the answering, while the block lasts. `promoter` is the command that promotes."""

    def conducted() -> bool:
        # From a shadow something follows only when another version is made champion.
        shadow = course.shadowing()
        over = shadow is not None and shadow.arms[0].bundle != live.now.champion.bundle.hash
        return over or course.answering() is not None

    def shadowed() -> bool:
        return course.shadowing() is not None

    counts = counts or Counts()
    threads = (
        Tallies(live, committer, counts),
        Aside(home, "conducting", conducted, committer, counts, [json.dumps(list(promoter))]),
        Aside(home, "shadowing", shadowed, committer, counts),
    )
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop()
