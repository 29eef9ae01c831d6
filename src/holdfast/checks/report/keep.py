"""Verdicts on disk: each under its bundle's hash, named by its own, so that what was approved can be shown unchanged.

A file is the canonical JSON of a verdict; its name is the sha256 of its bytes. Beside it lies the page made from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.checks.report.attach import attach
from holdfast.checks.report.document import document
from holdfast.checks.report.page import page
from holdfast.checks.verdict import Verdict
from holdfast.contract.model import canonical
from holdfast.errors import HoldfastError
from holdfast.project.project import Project

_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Kept:
    """Where a verdict lies. `digest` is what an approval binds to; `notes` say what could not be done."""

    path: Path
    html: Path
    digest: str
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"digest": self.digest, "path": str(self.path), "html": str(self.html), "notes": list(self.notes)}


def keep(project: Project, verdict: Verdict) -> Kept:
    """Write a verdict and its page, and attach both to the version in MLflow; a registry that is away is noted.

    Raises HoldfastError for what is no verdict (a part of the checks), or when its bundle is not here.
    """
    if verdict.partial:
        raise HoldfastError("a part of the checks is no verdict, and is not kept", mend="holdfast check without --only")
    told = describe(project, verdict)
    content, digest = canonical(told), digest_of(told)
    folder = _folder(project, verdict.bundle)
    folder.mkdir(parents=True, exist_ok=True)
    path, shown = folder / f"{digest}.json", folder / f"{digest}.html"
    before = previous(project, told)
    _write(shown, page(told, digest=digest, before=before).encode())
    _write(path, content)  # last: where it lies, its page does too
    return Kept(path, shown, digest, attach(project, verdict.version, digest, path, shown))


def describe(project: Project, verdict: Verdict) -> dict[str, Any]:
    """The document of a verdict; its bundle tells of the training. Raises HoldfastError when that is not here."""
    from holdfast.project.bundles import opened

    return document(verdict, opened(project, verdict.bundle).manifest)


def digest_of(told: dict[str, Any]) -> str:
    """sha256 of the canonical JSON."""
    return hashlib.sha256(canonical(told)).hexdigest()


def read(project: Project, bundle: str, digest: str) -> dict[str, Any]:
    """A kept verdict, verified. Raises HoldfastError when it is not there, is another's, or was changed."""
    path = _folder(project, bundle) / f"{digest}.json"
    if not _NAME.fullmatch(digest) or not path.is_file():
        raise HoldfastError("this verdict is not kept here", where=str(path), mend="holdfast check VERSION")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise HoldfastError(
            "this verdict was changed since it was kept", where=str(path), mend="holdfast check VERSION"
        )
    found: dict[str, Any] = json.loads(content)
    if found.get("bundle") != bundle:
        raise HoldfastError("this verdict is another bundle's", where=str(path), mend="holdfast check VERSION")
    return found


def kept(project: Project, bundle: str) -> list[tuple[str, dict[str, Any]]]:
    """(digest, verdict) of every one kept of a bundle, oldest first; what was changed is left out."""
    found = sorted(_all(project, bundle), key=lambda item: (item[1]["at"], item[2]))
    return [(digest, told) for digest, told, _ in found]


def last(project: Project, bundle: str) -> dict[str, Any] | None:
    """The latest verdict kept of a bundle, if there is one."""
    found = kept(project, bundle)
    return found[-1][1] if found else None


def previous(project: Project, now: dict[str, Any]) -> dict[str, Any] | None:
    """What a verdict is compared with: the last one of the champion, else of the version before, else its own last."""
    from holdfast.project.bundles import history

    live = history(project).live()
    if live is not None and live.bundle != now["bundle"]:
        found = last(project, live.bundle)
        if found is not None:
            return found
    others = [last(project, name) for name in _bundles(project) if name != now["bundle"]]
    before = [item for item in others if item is not None and _number(item) < _number(now)]
    if before:
        return max(before, key=lambda item: (_number(item), item["at"]))
    mine = [item for _, item in kept(project, now["bundle"]) if item != now]
    return mine[-1] if mine else None


def _number(told: dict[str, Any]) -> int:
    version = str(told.get("version", ""))
    return int(version) if version.isdecimal() else 0


def _folder(project: Project, bundle: str) -> Path:
    if not _NAME.fullmatch(bundle):
        raise HoldfastError(f"{bundle!r} is no bundle's hash")
    return project.home / "verdicts" / bundle


def _bundles(project: Project) -> list[str]:
    place = project.home / "verdicts"
    return sorted(item.name for item in place.iterdir() if _NAME.fullmatch(item.name)) if place.is_dir() else []


def _all(project: Project, bundle: str) -> Iterator[tuple[str, dict[str, Any], int]]:
    """(digest, verdict, when it was written in ns): two in one second are told apart by the file."""
    for path in _folder(project, bundle).glob("*.json"):
        try:
            yield path.stem, read(project, bundle, path.stem), path.stat().st_mtime_ns
        except HoldfastError:
            continue


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=".verdict-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
