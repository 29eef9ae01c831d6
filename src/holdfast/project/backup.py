"""A project as one folder of plain files, each with its hash; and the way back, proved before it counts.

A backup may be made beside a running server: state is copied at one moment, and the ledger after it, so that the ledger
holds all that state knows. It has its name only when it is whole. A restored project has its name only when it was
opened, and everything in it compared with what the backup says.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from holdfast import __version__
from holdfast.errors import HoldfastError, Problem
from holdfast.project.project import Project
from holdfast.project.settings import FILE

MANIFEST = "backup.json"
FORMAT = 1
SQLITE = "sqlite:///"
REPLAYED = 200
"""Decisions whose answers are computed again from a restored project, at most."""
_CHUNK = 1 << 20

Told = Callable[[str], None]


def quiet(_: str) -> None:
    """Nobody wants to hear what is done now."""


@dataclass(frozen=True)
class Backup:
    """What a backup holds. `versions` are the registered ones, number to bundle; `left_out` is said, not kept."""

    place: str
    made_at: str
    name: str
    folder: str
    """Where the project lay: a local registry holds that path."""
    last_seq: int
    applied_seq: int
    champion: str
    versions: Mapping[str, str]
    bundles: tuple[str, ...]
    left_out: tuple[str, ...]
    files: Mapping[str, tuple[str, int]]
    """SHA-256 and bytes of each, by its place in the project."""

    def as_dict(self) -> dict[str, Any]:
        return {"format": FORMAT, "holdfast": __version__, **asdict(self)}

    def lines(self) -> list[str]:
        size = sum(size for _, size in self.files.values())
        head = (
            f"{self.place}: {len(self.files)} files, {size:,} bytes; {self.last_seq:,} records, "
            f"{len(self.bundles)} bundles, {len(self.versions)} versions, champion {self.champion or 'none'}"
        )
        return [head, *(f"  left out: {item}" for item in self.left_out)]


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


# Making one


def backup(project: Project, to: Path, *, phase: Told = quiet) -> Backup:
    """Copy ledger, state, bundles, keys, settings, pinned history and a local registry into the new folder `to`.

    Raises HoldfastError when something is there already, when the project's home lies elsewhere, or when what should be
    kept is damaged; then there is no backup.
    """
    _require_empty(to)
    part = to.with_name(f".{to.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        found = _gather(project, part, to, phase)
        (part / MANIFEST).write_text(json.dumps(found.as_dict(), indent=1) + "\n", encoding="utf-8")
        _sync(part)
        _name(part, to)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return found


def _gather(project: Project, part: Path, to: Path, phase: Told) -> Backup:
    from holdfast.features.state.durability import CHECKPOINT
    from holdfast.ledger.read import verify

    folder = project.folder.resolve()
    home = _inside(project.home, folder, "home")
    applied = 0
    if (project.state_path / "data.mdb").exists():
        phase("state")
        with project.reading() as state:
            applied = state.copy(part / home / "state" / CHECKPOINT)
    phase("ledger")
    _copy_all(project.ledger_path, part / home / "ledger", "*.log")
    last = verify(part / home / "ledger")
    if applied > last:
        raise HoldfastError(
            f"the ledger ends at record {last}, but state holds record {applied}",
            where=str(project.ledger_path),
            mend="restore the ledger's last segment from an older backup",
        )
    phase("bundles")
    bundles = _bundles(project.bundles_path)
    for bundle in bundles:
        shutil.copytree(project.bundles_path / bundle, part / home / "bundles" / bundle)
    for file in (project.folder / FILE, project.contract_file, *project.home.glob("*.json")):
        if file.is_file():
            _copy(file, part / _inside(file, folder, file.name))
    phase("history")
    left_out = ["the table of features, which is built again from the history", *_history(project, folder, part)]
    phase("registry")
    away = _registry(project, folder, part)
    if away:
        left_out.append(away)
    live = _live(part / home / "ledger")
    files = {name: (_digest(part / name), (part / name).stat().st_size) for name in _names(part)}
    return Backup(
        place=str(to),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        name=project.name,
        folder=str(folder),
        last_seq=last,
        applied_seq=applied,
        champion=live,
        versions={} if away else {item.number: item.bundle for item in project.registry.versions()},
        bundles=tuple(bundles),
        left_out=tuple(left_out),
        files=files,
    )


def _bundles(place: Path) -> list[str]:
    """The verified bundles in a folder. Raises HoldfastError with each that is damaged."""
    from holdfast.bundle.load import load

    names = sorted(item.name for item in place.glob("*") if item.is_dir() and not item.name.startswith("."))
    problems = []
    for name in names:
        try:
            load(place / name, expect=name)
        except HoldfastError as error:
            problems.append(Problem(name, "damaged", error.what, error.mend))
    if problems:
        raise HoldfastError("bundles are damaged", where=str(place), problems=problems)
    return names


def _history(project: Project, folder: Path, part: Path) -> Iterator[str]:
    """Copy the pinned history that lies in the project; says which does not. Raises HoldfastError where it changed."""
    from holdfast.ledger.history import pinned_inputs
    from holdfast.project.history import pin_file

    for name, path in pinned_inputs(pin_file(project)).items():
        if not path.resolve().is_relative_to(folder):
            yield f"the history of {name}, which lies outside of the project"
            continue
        for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
            if file.is_file():
                _copy(file, part / file.resolve().relative_to(folder))


def _registry(project: Project, folder: Path, part: Path) -> str:
    """Copy a registry that lies in the project; else say which is left out."""
    uri = project.registry_uri
    if not uri.startswith(SQLITE):
        return "the registry, which is a server of its own: its bundles are here, its versions and runs are not"
    file = Path(uri.removeprefix(SQLITE))
    if not file.exists():
        return "the registry, which is not there"
    target = part / _inside(file, folder, "registry.uri")
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    artifacts = project.folder / project.settings.registry_artifacts
    if artifacts.is_dir():
        shutil.copytree(artifacts, part / _inside(artifacts, folder, "registry.artifacts"))
    return ""


# The way back


def restore(source: Path, into: Path, *, phase: Told = quiet) -> Restored:
    """Make the project in the new folder `into` from a backup, open it, and compare it with what the backup says.

    Raises HoldfastError with every file that is missing, altered or too many, and with whatever does not come out as
    it was; then there is nothing in `into`.
    """
    _require_empty(into)
    told = manifest(source)
    part = into.with_name(f".{into.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        phase("files")
        for name in told.files:
            _copy(source / name, part / name)
        _require_equal(part, told, source)
        phase("proof")
        _move_registry(part, told.folder, str(into.resolve()))
        found = _prove(part, told, into)
        _sync(part)
        _name(part, into)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return found


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
    shape["files"] = {name: (digest, size) for name, (digest, size) in shape["files"].items()}
    told = Backup(**shape)
    _require_files(source, told)
    return told


def _require_files(source: Path, told: Backup) -> None:
    there = set(_names(source)) - {MANIFEST}
    problems = [Problem(name, "missing", "is not in the backup") for name in sorted(told.files.keys() - there)]
    problems += [Problem(name, "unknown", "is not in the backup's list") for name in sorted(there - told.files.keys())]
    for name in told.files:
        inside = (source / name).resolve().is_relative_to(source.resolve())
        if not inside or (source / name).is_symlink():
            problems.append(Problem(name, "outside", "leads out of the backup"))
    if problems:
        raise HoldfastError("this backup is not what it says", where=str(source), mend=OTHER, problems=problems)


OTHER = "take another backup; nothing was restored"


def _require_equal(part: Path, told: Backup, source: Path) -> None:
    problems = [
        Problem(name, "altered", "is not what was backed up")
        for name, (digest, _) in sorted(told.files.items())
        if _digest(part / name) != digest
    ]
    if problems:
        raise HoldfastError("this backup is damaged", where=str(source), mend=OTHER, problems=problems)


def _prove(part: Path, told: Backup, into: Path) -> Restored:
    """Open everything, and compare."""
    from holdfast.ledger.attach import attach
    from holdfast.ledger.read import verify

    project = Project.open(part)
    records = verify(project.ledger_path)
    bundles = _bundles(project.bundles_path)
    applied = 0
    if told.applied_seq:
        from holdfast.features.state.state import State

        state = State.open(project.state_path)
        try:
            attach(project.ledger_path, state).close()
            applied = state.applied_seq
        finally:
            state.close()
    versions = {item.number: item.bundle for item in project.registry.versions()} if told.versions else {}
    champion = _live(project.ledger_path)
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
    from holdfast.ledger.records import Decision
    from holdfast.ledger.replay import replay
    from holdfast.project.bundles import bundle_of

    last = max(project.reader.last_seq() - REPLAYED, 0)
    decisions = [item for item in project.reader.records(last) if isinstance(item, Decision)]
    report = replay(decisions, bundle_of=lambda decision: bundle_of(project, decision), recompute=None)
    if report.equal_a != len(decisions):
        raise HoldfastError(f"the restored project answers otherwise: {report}", where=str(into), mend=OTHER)
    return len(decisions)


def _move_registry(part: Path, before: str, now: str) -> None:
    """A local MLflow store holds the path of its artifacts: let it be the new one."""
    project = Project.open(part)
    uri = project.registry_uri
    file = Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None
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


# Files


def _live(ledger: Path) -> str:
    """The champion's version by the ledger's own history; empty when there is none."""
    from holdfast.ledger.read import LedgerReader
    from holdfast.registry.history import History

    live = History.of(LedgerReader(ledger).promotions()).live()
    return "" if live is None else live.version


def _inside(path: Path, folder: Path, setting: str) -> Path:
    try:
        return path.resolve().relative_to(folder)
    except ValueError:
        raise HoldfastError(
            "this lies outside of the project's folder, where a backup cannot put it back",
            where=f"{setting}: {path}",
            mend="copy it by its own means, or move it into the project",
        ) from None


def _require_empty(place: Path) -> None:
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise HoldfastError("there is something already", where=str(place), mend="name a new folder")


def _names(folder: Path) -> Iterator[str]:
    return (str(item.relative_to(folder)) for item in sorted(folder.rglob("*")) if item.is_file() or item.is_symlink())


def _copy_all(source: Path, to: Path, pattern: str) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for file in sorted(source.glob(pattern)):
        _copy(file, to / file.name)


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)
    shutil.copymode(file, to)


def _digest(file: Path) -> str:
    hashed = sha256()
    with file.open("rb") as data:
        while block := data.read(_CHUNK):
            hashed.update(block)
    return hashed.hexdigest()


def _sync(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _name(part: Path, to: Path) -> None:
    if to.exists():
        to.rmdir()
    part.rename(to)
    fd = os.open(to.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
