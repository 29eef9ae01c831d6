"""A project as one folder of plain files, each with its hash; `restore` is the way back.

A backup may be made beside a running server: state is copied at one moment, and the ledger after it, so that the ledger
holds all that state knows. It has its name only when it is whole.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from holdfast import __version__
from holdfast.errors import HoldfastError, Problem
from holdfast.features.state.durability import CHECKPOINT, sync_directory, sync_file
from holdfast.project.project import Project
from holdfast.project.settings import FILE

MANIFEST = "backup.json"
FORMAT = 1


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


def backup(project: Project, to: Path) -> Backup:
    """Copy ledger, state, bundles, keys, settings, pinned history and a local registry into the new folder `to`.

    Raises HoldfastError when something is there already, when the project's home lies elsewhere, or when what should be
    kept is damaged; then there is no backup.
    """
    with whole(to) as part:
        found = _gather(project, part, to)
        (part / MANIFEST).write_text(json.dumps(found.as_dict(), indent=1) + "\n", encoding="utf-8")
    return found


def _gather(project: Project, part: Path, to: Path) -> Backup:
    from holdfast.ledger.read import verify

    folder = project.folder.resolve()
    home = _inside(project.home, folder, "home")
    applied = 0
    if (project.state_path / "data.mdb").exists():
        with project.reading() as state:
            applied = state.copy(part / home / "state" / CHECKPOINT)
    ledger = part / home / "ledger"
    for name in ("shadows", "ledger"):  # in this order: no shadow of a decision that is not there
        for segment in sorted((project.home / name).glob("*.log")):
            copied(segment, part / home / name / segment.name)
    verify(part / home / "shadows")
    last = verify(ledger)
    if applied > last:
        raise HoldfastError(
            f"the ledger ends at record {last}, but state holds record {applied}",
            where=str(project.ledger_path),
            mend="restore the ledger's last segment from an older backup",
        )
    if (project.home / "verdicts").is_dir():  # approvals name them by their hash
        shutil.copytree(project.home / "verdicts", part / home / "verdicts")
    bundles = bundles_in(project.bundles_path)
    for bundle in bundles:
        shutil.copytree(project.bundles_path / bundle, part / home / "bundles" / bundle)
    for file in (project.folder / FILE, project.contract_file, *project.home.glob("*.json")):
        if file.is_file():
            copied(file, part / _inside(file, folder, file.name))
    left_out = ["the table of features, which is built again from the history", *_history(project, folder, part)]
    if (project.home / "profiles").is_dir():
        left_out.append("counts of live traffic, which are made again from the ledger, but for how long replies took")
    away = _registry(project, folder, part)
    if away:
        left_out.append(away)
    files = {name: (digest(part / name), (part / name).stat().st_size) for name in names(part)}
    return Backup(
        place=str(to),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        name=project.name,
        folder=str(folder),
        last_seq=last,
        applied_seq=applied,
        champion=live_version(ledger),
        versions={} if away else {item.number: item.bundle for item in project.registry.versions()},
        bundles=tuple(bundles),
        left_out=tuple(left_out),
        files=files,
    )


def bundles_in(place: Path) -> list[str]:
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
                copied(file, part / file.resolve().relative_to(folder))


def _registry(project: Project, folder: Path, part: Path) -> str:
    """Copy a registry that lies in the project; else say which is left out."""
    file = project.registry_file
    if file is None:
        return "the registry, which is a server of its own: its bundles are here, its versions and runs are not"
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


def live_version(ledger: Path) -> str:
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


@contextmanager
def whole(place: Path) -> Iterator[Path]:
    """A folder to fill. It becomes `place` when the block has ended well and all is on the disk; else nothing does."""
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise HoldfastError("there is something already", where=str(place), mend="name a new folder")
    part = place.with_name(f".{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        for path in (*part.rglob("*"), part):
            sync_file(path)
        if place.exists():
            place.rmdir()
        part.rename(place)
        sync_directory(place.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def names(folder: Path) -> Iterator[str]:
    return (str(item.relative_to(folder)) for item in sorted(folder.rglob("*")) if item.is_file() or item.is_symlink())


def copied(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)
    shutil.copymode(file, to)


def digest(file: Path) -> str:
    with file.open("rb") as data:
        return file_digest(data, "sha256").hexdigest()
