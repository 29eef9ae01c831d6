"""What a bundle folder may hold, and the check that it holds exactly that."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.contract.model import canonical
from holdfast.errors import HoldfastError, Problem

FORMAT = 1
MANIFEST = "manifest.json"
REQUIRED = (
    "contract.json",
    "model.json",
    "calibration.json",
    "threshold.json",
    "reference/profile.json",
    "golden.json",
    "golden.f64",
    "environment.lock",
    "model_card.md",
)
MODEL_FILES = ("model.txt", "trees.bin")
OPTIONAL = (*MODEL_FILES, "checks.json", "reference/contributions.json")
"""A folder may hold these names and no others: whatever could be run has no place to stand."""
FOLDERS = ("reference",)
LARGEST_MANIFEST = 1 << 20
LARGEST_FILE = 4 << 30
MEND = "fetch the bundle again from where it was registered; do not mend files in place"


@dataclass(frozen=True)
class Manifest:
    """The table of contents: who made this bundle, and the hash and size of every file."""

    name: str
    created_at: str
    """ISO 8601, UTC."""
    family: str
    """The estimator the model came from, as in ``random_forest``."""
    contract: str
    """Hash of the contract."""
    model_hash: str
    """Names the model alone, its contract, calibration and threshold: equal for equal training."""
    holdfast: str
    training: Mapping[str, Any]
    files: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Path → (sha256, bytes)."""

    def as_bytes(self) -> bytes:
        files = {path: {"sha256": digest, "bytes": size} for path, (digest, size) in self.files.items()}
        shape = {"format": FORMAT, **{name: getattr(self, name) for name in _TEXTS}}
        return canonical({**shape, "training": dict(self.training), "files": files})


_TEXTS = ("name", "created_at", "family", "contract", "model_hash", "holdfast")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def model_hash(files: Mapping[str, bytes]) -> str:
    """One hash for what decides: contract, model, calibration, threshold. Times and cards do not enter."""
    deciding = ("contract.json", "model.json", *MODEL_FILES, "calibration.json", "threshold.json")
    return sha256(canonical({path: sha256(files[path]) for path in deciding if path in files}))


def read_verified(directory: Path, expect: str | None = None) -> tuple[Manifest, str, dict[str, bytes]]:
    """Manifest, bundle hash and the verified bytes of every file; each file is read once and used from memory.

    Raises HoldfastError with everything that is wrong: another hash than `expect`, a file changed, cut, missing or
    too many, a link, a name that has no place in a bundle. Nothing is parsed before its hash was found right.
    """
    if directory.is_symlink() or not directory.is_dir():
        raise HoldfastError("no bundle folder", where=str(directory), mend=MEND)
    data = _read(directory, MANIFEST, LARGEST_MANIFEST)
    if isinstance(data, Problem):
        raise HoldfastError("the bundle has no readable manifest", where=str(directory), mend=MEND, problems=[data])
    found = sha256(data)
    if expect is not None and found != expect:
        raise HoldfastError(
            f"another bundle: its manifest has hash {found}, {expect} was expected", where=str(directory), mend=MEND
        )
    manifest = _parse(data, directory)
    problems = [*_names(manifest), *_strays(directory, manifest)]
    files: dict[str, bytes] = {}
    if not problems:
        for path, (digest, size) in sorted(manifest.files.items()):
            content = _read(directory, path, size)
            if isinstance(content, Problem):
                problems.append(content)
            elif len(content) != size:
                problems.append(Problem(path, "size", f"{len(content)} bytes, {size} expected"))
            elif sha256(content) != digest:
                problems.append(Problem(path, "changed", "the content differs from what was packed"))
            else:
                files[path] = content
    if problems:
        raise HoldfastError("the bundle is refused", where=str(directory), mend=MEND, problems=problems)
    return manifest, found, files


def parse_json(data: bytes, where: str) -> Any:
    """JSON with no duplicate keys, no NaN and no infinity. Raises HoldfastError."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as fault:
        raise HoldfastError(f"not readable as JSON: {fault}", where=where, mend=MEND) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    shape = dict(pairs)
    if len(shape) != len(pairs):
        raise ValueError("a key appears twice")
    return shape


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _parse(data: bytes, directory: Path) -> Manifest:
    where = str(directory / MANIFEST)
    shape = parse_json(data, where)
    try:
        written = shape["format"]
        files = {path: (item["sha256"], item["bytes"]) for path, item in shape["files"].items()}
        texts = {name: shape[name] for name in _TEXTS}
        training = dict(shape["training"])
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise HoldfastError(f"not a bundle's manifest: {fault!r}", where=where, mend=MEND) from None
    sound = all(isinstance(text, str) for text in texts.values()) and all(
        isinstance(digest, str) and type(size) is int and 0 <= size <= LARGEST_FILE for digest, size in files.values()
    )
    if type(written) is not int or not sound:
        raise HoldfastError("not a bundle's manifest: a value has the wrong type", where=where, mend=MEND)
    if written > FORMAT:
        raise HoldfastError(
            f"bundle format {written} is newer than this Holdfast reads ({FORMAT})",
            where=where,
            mend="upgrade Holdfast",
        )
    return Manifest(training=training, files=files, **texts)


def _names(manifest: Manifest) -> list[Problem]:
    allowed = {*REQUIRED, *OPTIONAL}
    problems = [Problem(path, "missing", "not in the manifest") for path in REQUIRED if path not in manifest.files]
    for path in manifest.files:
        if path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/") or ":" in path:
            problems.append(Problem(path, "outside", "a path that leads out of the bundle"))
        elif path not in allowed:
            problems.append(Problem(path, "no_place", "a bundle holds no file of this name"))
    return problems


def _strays(directory: Path, manifest: Manifest) -> list[Problem]:
    """Everything in the folder that the manifest does not name; links are not followed."""
    problems = []
    for folder in ("", *FOLDERS):
        if folder and (directory / folder).is_symlink():
            continue  # already a problem: found as a link one level up
        if not (directory / folder).is_dir():
            continue
        with os.scandir(directory / folder) as entries:
            for entry in sorted(entries, key=lambda item: item.name):
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_symlink():
                    problems.append(Problem(path, "link", "a symbolic link"))
                elif entry.is_dir(follow_symlinks=False):
                    if path not in FOLDERS:
                        problems.append(Problem(path, "extra", "a folder that has no place in a bundle"))
                elif path not in manifest.files and path != MANIFEST:
                    problems.append(Problem(path, "extra", "a file the manifest does not name"))
    return problems


def _read(directory: Path, path: str, most: int) -> bytes | Problem:
    """The bytes of a regular file, at most one more than `most`; a link is not followed."""
    try:
        handle = os.open(directory / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return Problem(path, "missing", "the file is missing")
    except OSError as fault:
        return Problem(path, "unreadable", f"cannot be opened: {fault.strerror}")
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return Problem(path, "unreadable", "not a regular file")
        return file.read(most + 1)
