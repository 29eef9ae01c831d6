"""A project from its backup: copied, compared file by file, opened, and proved equal before it has its name."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError, Problem
from holdfast.project.backup import (
    FORMAT,
    MANIFEST,
    Backup,
    bundles_in,
    copied,
    digest,
    live_version,
    names,
    whole,
)
from holdfast.project.project import Project

REPLAYED = 200
"""Records whose decisions' answers are computed again from a restored project, the last ones."""
OTHER = "take another backup; nothing was restored"


@dataclass(frozen=True)
class Restored:
    """A project that was restored, and what was compared."""

    place: str
    records: int
    applied_seq: int
    bundles: int
    versions: int
    champion: str
    replayed: int
    """Answers that came out bit for bit from their features."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        head = (
            f"{self.place}: {self.records:,} records, state at {self.applied_seq:,}, {self.bundles} bundles, "
            f"{self.versions} versions, champion {self.champion or 'none'}; as in the backup"
        )
        return [head, f"  {self.replayed} answers computed again, all equal"]


def restore(source: Path, into: Path) -> Restored:
    """Make the project in the new folder `into` from a backup, open it, and compare it with what the backup says.

    Raises HoldfastError with every file that is missing, altered or too many, and with whatever does not come out as
    it was; then there is nothing in `into`.
    """
    told = manifest(source)
    with whole(into) as part:
        for name in told.files:
            copied(source / name, part / name)
        _require_equal(part, told, source)
        _move_registry(part, told.folder, str(into.resolve()))
        return _prove(part, told, into)


def manifest(source: Path) -> Backup:
    """What a backup says it holds, its files all there. Raises HoldfastError naming those that are not."""
    try:
        shape = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HoldfastError(
            f"this is no whole backup: {error}",
            where=str(source / MANIFEST),
            mend="name a folder `holdfast backup` made",
        ) from None
    if shape.get("format") != FORMAT:
        raise HoldfastError(
            f"this backup is of format {shape.get('format')}, this Holdfast reads format {FORMAT}", where=str(source)
        )
    shape = {key: shape[key] for key in Backup.__dataclass_fields__}
    shape |= {key: tuple(shape[key]) for key in ("bundles", "left_out")}
    shape["files"] = {name: (hashed, size) for name, (hashed, size) in shape["files"].items()}
    told = Backup(**shape)
    _require_files(source, told)
    return told


def _require_files(source: Path, told: Backup) -> None:
    there = set(names(source)) - {MANIFEST}
    problems = [Problem(name, "missing", "is not in the backup") for name in sorted(told.files.keys() - there)]
    problems += [Problem(name, "unknown", "is not in the backup's list") for name in sorted(there - told.files.keys())]
    for name in told.files:
        inside = (source / name).resolve().is_relative_to(source.resolve())
        if not inside or (source / name).is_symlink():
            problems.append(Problem(name, "outside", "leads out of the backup"))
    if problems:
        raise HoldfastError("this backup is not what it says", where=str(source), mend=OTHER, problems=problems)


def _require_equal(part: Path, told: Backup, source: Path) -> None:
    problems = [
        Problem(name, "altered", "is not what was backed up")
        for name, (expected, _) in sorted(told.files.items())
        if digest(part / name) != expected
    ]
    if problems:
        raise HoldfastError("this backup is damaged", where=str(source), mend=OTHER, problems=problems)


def _prove(part: Path, told: Backup, into: Path) -> Restored:
    """Open everything, and compare."""
    from holdfast.ledger.read import verify

    project = Project.open(part)
    verify(project.shadows_path)
    records = verify(project.ledger_path)
    bundles = bundles_in(project.bundles_path)
    applied = 0
    if told.applied_seq:
        with project.writing() as (state, _):  # which applies what the ledger has beyond it
            applied = state.applied_seq
    versions = {item.number: item.bundle for item in project.registry.versions()} if told.versions else {}
    champion = live_version(project.ledger_path)
    compared = (
        ("ledger", records, told.last_seq),
        ("state", applied, told.last_seq if told.applied_seq else 0),
        ("bundles", tuple(bundles), told.bundles),
        ("versions", versions, dict(told.versions)),
        ("champion", champion, told.champion),
    )
    problems = [
        Problem(name, "differs", f"is {here!r}, was {there!r}") for name, here, there in compared if here != there
    ]
    if problems:
        raise HoldfastError("the restored project is another", where=str(into), mend=OTHER, problems=problems)
    return Restored(str(into), records, applied, len(bundles), len(versions), champion, _replayed(project, into))


def _replayed(project: Project, into: Path) -> int:
    """How many of the last decisions gave their answer again, from their features. Raises HoldfastError where not."""
    from holdfast.ledger.records import Decision, Measure
    from holdfast.ledger.replay import replay
    from holdfast.project.bundles import deciders

    last = max(project.reader.last_seq() - REPLAYED, 0)
    decisions = [item for item in project.reader.records(last) if isinstance(item, Decision)]
    measures = {item.seq: item for item in project.reader.followed() if isinstance(item, Measure)}
    bundle_of = deciders(project, list(project.reader.course()))
    report = replay(decisions, bundle_of=bundle_of, recompute=None, measures=measures)
    if report.equal_a != len(decisions):
        raise HoldfastError(f"the restored project answers otherwise: {report}", where=str(into), mend=OTHER)
    return len(decisions)


def _move_registry(part: Path, before: str, now: str) -> None:
    """A local MLflow store holds the path of its artifacts: let it be the new one."""
    file = Project.open(part).registry_file
    if file is None or not file.exists() or before == now:
        return
    with closing(sqlite3.connect(file)) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for _, column, kind, *_ in store.execute(f'PRAGMA table_info("{table}")').fetchall():
                if kind.upper().startswith(("VARCHAR", "TEXT")):
                    store.execute(
                        f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) '  # noqa: S608 — its own names
                        f'WHERE "{column}" LIKE ?',
                        (f"{before}/", f"{now}/", f"%{before}/%"),
                    )
        store.commit()
