"""Decide which version is live: verify it, write the decision to the ledger, then let MLflow's alias follow.

The ledger's record is the decision. An alias that lags behind it (a crash between the two, a registry that was away)
is moved by the next call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.errors import HoldfastError, Problem
from holdfast.ledger.records import Promotion
from holdfast.registry.door import Door, OpenDoor, Wish
from holdfast.registry.history import CHAMPION, History
from holdfast.registry.registry import Registry, Version

_ALIAS = re.compile(r"^(?!v?\d+$)[a-z][a-z0-9_-]{0,62}$")


def _nothing_to_prepare(_: Bundle) -> None:
    return None


@dataclass(frozen=True)
class Desk:
    """Where decisions about one model are made."""

    registry: Registry
    store: Path
    """The local folder of bundles, ``<hash>/`` each."""
    history: Callable[[], History]
    """Reads the ledger's promotions anew."""
    commit: Callable[[Promotion], Promotion]
    """Writes a decision to the ledger; when it returns, the decision is on disk."""
    door: Door = field(default_factory=OpenDoor)
    prepare: Callable[[Bundle], None] = _nothing_to_prepare
    """Makes ready what the version needs before it may answer (its state). Raises HoldfastError."""


@dataclass(frozen=True)
class Decided:
    """A decision that is on disk, and what could not be done beside it yet."""

    record: Promotion
    notes: tuple[str, ...] = ()


def promote(desk: Desk, which: str, *, who: str, why: str, alias: str = CHAMPION) -> Decided:
    """Make a version (number or alias) live under `alias`.

    Its bundle is fetched and verified, its state made ready, and the door asked, before anything is decided. Raises
    HoldfastError, and then nothing has changed.
    """
    _reasons(who, why, alias)
    notes = repair(desk)
    version = desk.registry.version(which)
    history = desk.history()
    live = history.live(alias)
    if live is not None and live.version == version.number and live.bundle == version.bundle:
        raise HoldfastError(
            f"version {version.number} is the {alias} already", where=desk.registry.name, mend="nothing needs doing"
        )
    bundle = load(desk.registry.fetch(version.number, desk.store), expect=version.bundle)
    record = Promotion(
        action="promote" if alias == CHAMPION else "alias",
        alias=alias,
        version=version.number,
        bundle=bundle.hash,
        contract=bundle.contract.hash,
        who=who,
        why=why,
        previous=live.version if live is not None else None,
    )
    let_pass(desk.door, record)
    desk.prepare(bundle)
    written = desk.commit(record)
    return Decided(written, (*notes, *_follow(desk, written, version.archived)))


def rollback(desk: Desk, *, who: str, why: str, to: str | None = None, alias: str = CHAMPION) -> Decided:
    """Return to the version live before the present one, or to `to`, which must have been live once.

    Needs no registry: the bundle lies in the local store, and the alias follows when MLflow is back.
    """
    _reasons(who, why, alias)
    history = desk.history()
    live = history.live(alias)
    if live is None:
        raise HoldfastError(f"nothing is {alias} yet", where=desk.registry.name, mend="holdfast promote VERSION")
    target = history.before(alias) if to is None else history.was_live(to, alias)
    if target is None:
        raise HoldfastError(
            f"no version was {alias} before version {live.version}"
            if to is None
            else f"version {to} was never {alias}, so it is nothing to go back to",
            where=desk.registry.name,
            mend="holdfast versions --history shows what was live; holdfast promote VERSION makes any version live",
        )
    if target.version == live.version:
        raise HoldfastError(f"version {live.version} is the {alias} already", where=desk.registry.name)
    if target.version in history.archived():
        raise HoldfastError(
            f"version {target.version} is archived", where=desk.registry.name, mend="promote it to bring it back"
        )
    bundle = _from_store(desk, target)
    record = Promotion(
        action="rollback",
        alias=alias,
        version=target.version,
        bundle=target.bundle,
        contract=bundle.contract.hash,
        who=who,
        why=why,
        previous=live.version,
    )
    let_pass(desk.door, record)
    desk.prepare(bundle)
    written = desk.commit(record)
    return Decided(written, _follow(desk, written, archived=False))


def archive(desk: Desk, which: str, *, who: str, why: str) -> Decided:
    """Take a version out of use: it can neither be rolled back to nor hold an alias. Promoting it brings it back."""
    _reasons(who, why, CHAMPION)
    notes = repair(desk)
    version = desk.registry.version(which)
    history = desk.history()
    holds = sorted(alias for alias, item in history.aliases().items() if item.version == version.number)
    if holds:
        raise HoldfastError(
            f"version {version.number} is {', '.join(holds)}", where=desk.registry.name, mend="promote another first"
        )
    if version.number in history.archived():
        raise HoldfastError(f"version {version.number} is archived already", where=desk.registry.name)
    record = Promotion(
        action="archive",
        alias="",
        version=version.number,
        bundle=version.bundle,
        contract=version.contract,
        who=who,
        why=why,
    )
    let_pass(desk.door, record)
    written = desk.commit(record)
    desk.registry.archive(version.number)
    return Decided(written, notes)


def repair(desk: Desk) -> tuple[str, ...]:
    """Finish what a crash left half done: aliases and marks that still stand where they stood before a decision.

    An alias that stands anywhere else was moved by other means; that is told, and left for the next decision.
    """
    history = desk.history()
    now, notes = desk.registry.aliases(), []
    for alias, item in history.aliases().items():
        there = now.get(alias)
        if there == item.version:
            continue
        if there in history.lagging(alias):
            desk.registry.set_alias(alias, item.version)
            notes.append(f"moved the alias {alias} to version {item.version}, as was decided before")
        else:
            notes.append(f"the alias {alias} was moved to version {there} by other means; it is not followed")
    marked = {item.number: item for item in desk.registry.versions()} if history.archived() else {}
    for number in sorted(history.archived(), key=int):
        if number in marked and not marked[number].archived:
            desk.registry.archive(number)
            notes.append(f"marked version {number} as archived, as was decided before")
    return tuple(notes)


def live_version(desk: Desk, at: int | None = None, alias: str = CHAMPION) -> Version | None:
    """The registered version that was live at an instant (µs UTC; now when None)."""
    found = desk.history().live(alias, at)
    return desk.registry.version(found.version) if found is not None else None


def _reasons(who: str, why: str, alias: str) -> None:
    problems = []
    if not who.strip():
        problems.append(Problem("who", "missing", "nobody decides", "say who decides"))
    if not why.strip():
        problems.append(Problem("why", "missing", "no reason is given", 'say why, in a few words: --why "…"'))
    if not _ALIAS.match(alias):
        what = f"{alias!r} is no alias"
        problems.append(Problem("alias", "alias", what, "lower-case letters, digits, - and _; not a version number"))
    if problems:
        raise HoldfastError("this decision cannot be written down", problems=problems)


def let_pass(door: Door, record: Promotion) -> None:
    """Ask the door, and note in the record what it passes on. Raises HoldfastError with every reason against it."""
    wish = Wish(record.action, record.alias, record.version, record.bundle, record.contract, record.who, record.why)
    vetoes = tuple(door.vetoes(wish))
    if vetoes:
        raise HoldfastError(f"version {record.version} may not pass", where="the gate", problems=vetoes)
    record.passed = door.passed(wish)


def _from_store(desk: Desk, target: Promotion) -> Bundle:
    place = desk.store / target.bundle
    if not place.is_dir():
        # The local copy is gone; the registry may still have it.
        desk.registry.fetch(target.version, desk.store)
    return load(place, expect=target.bundle)


def _follow(desk: Desk, record: Promotion, archived: bool) -> tuple[str, ...]:
    """Let MLflow's alias follow a decision that is on disk. Failing here changes nothing about the decision."""
    away = desk.registry.away()
    if away:
        return (f"decided, but the registry's alias could not follow yet: {away}",)
    try:
        if archived:
            desk.registry.restore(record.version)
        desk.registry.set_alias(record.alias, record.version)
    except HoldfastError as fault:
        return (f"decided, but the registry's alias could not follow yet: {fault.what}",)
    return ()
