"""State from pinned history and the ledger: all of it from nothing, or single series while live writers go on."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError
from holdfast.features.history import read_records
from holdfast.features.needs import labels_in_use
from holdfast.features.plan import Series, plan
from holdfast.features.sources import Input
from holdfast.features.state import bulk, durability
from holdfast.features.state.state import State
from holdfast.ledger.log import Log
from holdfast.ledger.past import Labels, add_ledger
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.writer import LedgerWriter

Progress = Callable[[str, int], None]
"""Hears what is being loaded and how many more of it were."""


@dataclass
class Rebuilt:
    """What was read: events and points of history, the ledger's last record, rows that the contract refused."""

    series: int = 0
    events: int = 0
    points: int = 0
    records: int = 0
    refused: dict[str, int] = field(default_factory=dict)


def rebuild(
    path: Path,
    contracts: Sequence[Contract],
    inputs: Mapping[str, Input],
    ledger: Path,
    progress: Progress | None = None,
) -> Rebuilt:
    """Make the state in `path` anew for these contracts; the old one is replaced when the new one is complete.

    Equal, row for row, to the state that was kept up record by record. Raises HoldfastError when a process has the
    old state open, when history does not fit the contracts, or on a damaged ledger.
    """
    if durability.in_use(path):
        raise HoldfastError("the state is in use", where=str(path), mend="stop the server, then rebuild")
    fresh = path.with_name(path.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    state = State.open(fresh)
    try:
        report = build_missing(state, contracts, inputs, ledger, progress)
        LedgerWriter(Log(ledger), state).close()
        report.records = state.applied_seq
        state.checkpoint()
    finally:
        state.close()
    old = path.with_name(path.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    fresh.rename(path)
    durability.sync_directory(path.parent)
    shutil.rmtree(old, ignore_errors=True)
    return report


def build_missing(
    state: State,
    contracts: Sequence[Contract],
    inputs: Mapping[str, Input],
    ledger: Path,
    progress: Progress | None = None,
) -> Rebuilt:
    """Make every series of these contracts ready, while live writers go on; what is ready already is left alone.

    Each missing series is registered at some seq S. Live writers add the points of records after S at once; here those
    of history and of the ledger up to S are added, in short transactions; then the series is ready. A build that was
    interrupted is begun again. The first build loads history's events too, and a later one loads them again when it
    needs more of them than was kept.
    """
    with _building(state.path):
        wanted = {series.key: series for contract in contracts for series in plan(contract).series}
        known = set(state.history)
        # Sources whose history was not loaded before: their events are, and what is kept of them is made again.
        fresh = {name for name in set(inputs) - known if "." not in name}
        told, needed = _parts(contracts, wanted.values(), inputs)
        # And those of which more is told, or to be kept, than was: their events are loaded again, nothing else.
        stale = {name.partition(".")[0] for name in set(inputs) - known}
        stale |= {name.partition("/")[0] for name in needed - known}
        state.register(wanted.values(), complete=not fresh)
        missing = {key: series for key, series in wanted.items() if series.source in fresh or not state.ready(series)}
        report = Rebuilt(len(missing))
        since: dict[bytes, int] = {}
        imported = _import(state, contracts, inputs, missing, report, progress, stale, since)
        if stale:
            state.history = sorted(known | set(inputs) | told)
        add_ledger(state, missing, since, LedgerReader(ledger), imported, _hearing(progress, "points"))
        state.publish(missing.values())
        return report


def _import(
    state: State,
    contracts: Sequence[Contract],
    inputs: Mapping[str, Input],
    missing: Mapping[bytes, Series],
    report: Rebuilt,
    progress: Progress | None,
    stale: set[str],
    since: dict[bytes, int],
) -> Labels:
    """Add history's points to the missing series, and events of `stale` sources to their table; returns its labels.

    Each series begins, at the seq that goes into `since`, when the events are there: an outcome that a live writer
    brings from then on corrects what history said of its event.
    """
    done: set[bytes] = set()
    seen: set[str] = set()
    labels: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
    kept = [item.series for item in state.registered()]
    for contract in contracts:
        mine = _inputs_of(contract, inputs)
        todo = [series for series in plan(contract).series if series.key in missing and series.key not in done]
        if not mine or not (todo or stale.intersection(mine)):
            since |= {series.key: state.restart(series) for series in todo}
            continue
        records = read_records(_extended(contract, contracts, kept), mine, refuse="drop", fields="all")
        report.refused |= records.report.refused
        for name, found in records.events.items():
            beside = {label: item for (source, label), item in records.outcomes.items() if source == name}
            new = name not in seen or any((name, label) not in labels for label in beside)
            if name in stale and new:
                bulk.load_events(state, found, mine[name], beside, _hearing(progress, "events"))
                report.events += len(found) if name not in seen else 0
            seen.add(name)
            for label, item in beside.items():
                if (name, label) not in labels:
                    columns = (column.tolist() for column in bulk.best_outcomes(item))
                    at, versions, values = columns
                    ids = found.ids[at].tolist()
                    labels[name, label] = dict(zip(ids, zip(versions, values, strict=True), strict=True))
        for series in todo:
            done.add(series.key)
            since[series.key] = state.restart(series)
            outcomes = records.outcomes.get((series.source, str(series.value)))
            points = bulk.points_of(series, records.events[series.source], outcomes)
            bulk.load(state, points, _hearing(progress, "points"))
            report.points += len(points.times)
    return labels


def _inputs_of(contract: Contract, inputs: Mapping[str, Input]) -> dict[str, Input]:
    names = {item.name for item in contract.sources} | {f"{item.source}.{item.name}" for item in contract.labels}
    return {name: given for name, given in inputs.items() if name in names}


def _parts(
    contracts: Sequence[Contract], wanted: Iterable[Series], inputs: Mapping[str, Input]
) -> tuple[set[str], set[str]]:
    """What these contracts know of history's events, and what of it later outcomes need: ``source/field or label``."""
    labels = {f"{item.source}/{item.name}" for contract in contracts for item in labels_in_use(contract)}
    told = {f"{source.name}/{item.name}" for each in contracts for source in each.sources for item in source.fields}
    needed = {f"{item.source}/{at.name}" for item in wanted if item.structure == "labels" for at in item.fields}
    return told | labels, {name for name in needed | labels if name.partition("/")[0] in inputs}


def _extended(contract: Contract, contracts: Sequence[Contract], kept: Sequence[Series]) -> Contract:
    """The contract with the fields that others, and the series kept, read: so that an event's body holds them all."""
    theirs = [(source.name, source.fields) for other in contracts for source in other.sources]
    theirs += [(series.source, series.fields) for series in kept]
    sources = []
    for source in contract.sources:
        fields = {item.name: item for item in source.fields}
        for name, others in theirs:
            for item in others if name == source.name else ():
                fields.setdefault(item.name, replace(item, nullable=True))
        sources.append(replace(source, fields=tuple(fields.values())))
    return replace(contract, sources=tuple(sources))


def _hearing(progress: Progress | None, what: str) -> Callable[[int], None] | None:
    return None if progress is None else partial(progress, what)


@contextmanager
def _building(path: Path) -> Iterator[None]:
    """One builder at a time; raises HoldfastError when another process builds."""
    fd = os.open(path / durability.BUILD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise HoldfastError("another process builds this state", where=str(path), mend="wait for it") from error
    finally:
        os.close(fd)
