"""Clean runs with every seed, then every fault: each in a folder of its own, some at once in processes of their own."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from benchmarks.scorecard import door, frames
from benchmarks.scorecard.ask import gate
from benchmarks.scorecard.card import judge
from benchmarks.scorecard.doctor import PAIRS, diagnosed
from benchmarks.scorecard.fault import Clean, Judged, Outcome, Room
from benchmarks.scorecard.stage import APPLICATIONS, LENDER, Stage
from benchmarks.scorecard.table import BASES, BY_ID

from holdfast.checks.subject import Subject

FIRST = 1
"""The seed that faults are put in with; clean runs go on from it."""
T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Folders of one run: `tables` is what the peers read, `rooms` is thrown away."""

    tables: Path
    rooms: Path

    def room(self, name: str, base: str, seed: int) -> Room:
        return Room(self.rooms / f"{name}-{seed}", seed, self.clean(base, seed) / "project", self.registry)

    @property
    def registry(self) -> Path | None:
        """The empty one, once `prepare` made it."""
        path = self.rooms / "mlflow.db"
        return path if path.is_file() else None

    def prepare(self) -> None:
        self.rooms.mkdir(parents=True, exist_ok=True)
        from mlflow import MlflowClient

        _quiet()
        MlflowClient(f"sqlite:///{self.rooms / 'mlflow.db'}").search_experiments()

    def clean(self, base: str, seed: int) -> Path:
        return self.rooms / f"{base}-{seed}"


def _made(stage: Stage, base: str) -> Subject:
    if base == APPLICATIONS:
        stage.applications()
    else:
        stage.lender()
    return stage.version()


def looked_at(base: str, room: Room) -> Outcome:
    """A base with nothing put into it."""
    if base in PAIRS:
        return diagnosed(PAIRS[base])(room)
    return gate(lambda stage: _made(stage, base))(room)


def clean(place: Place, base: str, seed: int, keep: bool) -> tuple[Clean, Outcome | None]:
    """One clean run; its project stays where faults are to be put into it."""
    room, began = place.room(base, base, seed), time.perf_counter()
    _quiet()
    room.folder.mkdir(parents=True, exist_ok=True)
    try:
        seen = looked_at(base, room)
        if seen.frames is not None:
            frames.write(place.tables / f"{base}-{seed}", base, base, seen.frames)
        named = seen.named
        if base == LENDER:
            named += door.with_all(replace(room, folder=place.rooms / f"door-{seed}"))
        stopping = tuple(item for item in named if item.stops)
        advice = tuple(item for item in named if not item.stops)
        found = Clean(base, seed, stopping, advice, time.perf_counter() - began)
        return found, replace(seen, named=named)
    except Exception:
        return Clean(base, seed, error=traceback.format_exc(), seconds=time.perf_counter() - began), None
    finally:
        shutil.rmtree(place.rooms / f"door-{seed}", ignore_errors=True)
        if not keep:
            shutil.rmtree(room.folder, ignore_errors=True)


@dataclass(frozen=True)
class Put:
    """What became of one fault, by its id: what asks it is a function that no process can send to another."""

    id: str
    judged: Judged

    @classmethod
    def of(cls, judged: Judged) -> Put:
        return cls(judged.fault.id, replace(judged, fault=replace(judged.fault, ask=_asked)))

    def told(self) -> Judged:
        return replace(self.judged, fault=BY_ID[self.id])


def _asked(room: Room) -> Outcome:
    raise AssertionError("it was asked in another process")


def put(place: Place, name: str, twin: Outcome) -> Put:
    """One fault, judged beside its clean twin."""
    fault = BY_ID[name]
    room, began = place.room(name, fault.base, FIRST), time.perf_counter()
    _quiet()
    room.folder.mkdir(parents=True, exist_ok=True)
    try:
        seen = fault.ask(room)
        made = seen.frames or twin.frames
        if made is not None:
            frames.write(place.tables / f"{name}-{FIRST}", name, fault.base, made, fault=fault, sound=twin.frames)
        return Put.of(replace(judge(fault, seen, twin), seconds=time.perf_counter() - began))
    except Exception:
        return Put.of(Judged(fault, error=traceback.format_exc(), seconds=time.perf_counter() - began))
    finally:
        shutil.rmtree(room.folder, ignore_errors=True)


def _quiet() -> None:
    """What libraries tell of themselves is not asked for."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


Told = Callable[[str], None]


def every_clean(
    place: Place, bases: Iterable[str], seeds: int, jobs: int, told: Told
) -> tuple[list[Clean], dict[str, Outcome]]:
    """Clean runs of every base, seed by seed, and the twins of the first seed."""
    words = [(place, base, FIRST + at, at == 0) for base in bases for at in range(seeds)]
    done = _all(clean, words, jobs, lambda item: told(_line(item[0])))
    twins = {item.base: seen for item, seen in done if item.seed == FIRST and seen is not None}
    return [item for item, _ in done], twins


def every_fault(place: Place, names: Sequence[str], twins: dict[str, Outcome], jobs: int, told: Told) -> list[Judged]:
    """Every fault whose base is sound enough to be put into."""
    ready = [(place, name, twins[BY_ID[name].base]) for name in names if BY_ID[name].base in twins]
    lost = [Judged(BY_ID[name], error="there is no clean twin") for name in names if BY_ID[name].base not in twins]
    done = _all(put, ready, jobs, lambda item: told(_word(item.told())))
    return [*(item.told() for item in done), *lost]


STRETCH = 40
"""What one process is asked before another takes its place."""


def _all(work: Callable[..., T], words: Sequence[tuple[object, ...]], jobs: int, told: Callable[[T], None]) -> list[T]:
    """In the order of `words`."""
    if jobs < 2:
        done = []
        for item in words:
            done.append(work(*item))
            told(done[-1])
        return done
    # In fresh processes now and then: servers, patches and libraries leave nothing behind. A pool for each stretch, for
    # one that ends its processes by itself (max_tasks_per_child) may wait for ever when its work is just done.
    context, found = multiprocessing.get_context("spawn"), []
    for first in range(0, len(words), STRETCH * jobs):
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            waiting = [pool.submit(work, *item) for item in words[first : first + STRETCH * jobs]]
            for ended in as_completed(waiting):
                told(ended.result())
            found += [item.result() for item in waiting]
    return found


def _line(item: Clean) -> str:
    what = ", ".join(name.code for name in item.stopping) or ("failed to run" if item.error else "clean")
    return f"{item.base} {item.seed}: {what} ({item.seconds:.1f} s)"


def _word(item: Judged) -> str:
    if item.error:
        return f"{item.fault.id}: could not be put: {item.error.strip().splitlines()[-1]}"
    strange = f", and {', '.join(item.strange)}" if item.strange else ""
    what = ", ".join(item.by) if item.by else f"NOT NAMED ({', '.join(item.fault.expected)})"
    return f"{item.fault.id}: {what}{strange} ({item.seconds:.1f} s)"


def bases_of(names: Iterable[str]) -> list[str]:
    wanted = {BY_ID[name].base for name in names}
    return [base for base in BASES if base in wanted]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
