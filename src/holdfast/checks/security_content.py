"""GATE503: is a bundle that holds something unsafe refused? Shown on copies of this one, each poisoned otherwise.

The copies that were given a new manifest are what somebody could make who can write files but not the history: only the
hash recorded with the promotion tells them apart. The payload writes a file if anybody runs it; nobody may.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holdfast.bundle.load import load
from holdfast.bundle.manifest import MANIFEST, OPTIONAL, REQUIRED, parse_json, sha256
from holdfast.checks.check import SECURITY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError

RUNS = {
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"#!": "a script",
    b"PK\x03\x04": "an archive",
    b"\x1f\x8b": "an archive",
}


class Payload:
    """Unpickled, it leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.makedirs, (str(self._mark), 0o700, True)


def ask(subject: Subject, limits: Limits) -> Answer:
    unsafe = [f"{name}: {why}" for name, why in unsafe_in(subject.folder)]
    with tempfile.TemporaryDirectory() as place:
        copy, mark = Path(place) / "copy", Path(place) / "run"
        shutil.copytree(subject.folder, copy, symlinks=True)
        told = {}
        for name, poison in POISONS.items():
            with poison(copy, mark):
                told[name] = _refusal(copy, subject.bundle.hash)
        clean = _refusal(copy, subject.bundle.hash)
        ran = mark.exists()
    taken = [name for name, refusal in told.items() if not refusal]
    evidence = {"unsafe": unsafe, "refused": told, "clean_copy_refused": clean, "payload_ran": ran}
    wrong = unsafe + [f"a copy with {name} was opened" for name in taken]
    wrong += ["a payload ran"] if ran else []
    wrong += [f"the clean copy is refused, so that refusing shows nothing: {clean}"] if clean and not unsafe else []
    if wrong:
        return failed("; ".join(wrong), "fetch the bundle again; if that does not help, tell us", **evidence)
    return passed(f"plain data only; {len(told)} poisoned copies were refused and nothing in them ran", **evidence)


def unsafe_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Files that have no place in a bundle, or are not what their names say."""
    known = {MANIFEST, *REQUIRED, *OPTIONAL}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            yield name, "a link"
            continue
        if path.is_dir():
            if not any(item.startswith(f"{name}/") for item in known):
                yield name, "a folder that has no place in a bundle"
            continue
        if name not in known:
            yield name, "no file of a bundle"
        content = path.read_bytes()
        if why := _runnable(name, content):
            yield name, why
        if path.stat().st_mode & 0o111:
            yield name, "may be executed"


def _runnable(name: str, content: bytes) -> str:
    for magic, what in RUNS.items():
        if content.startswith(magic):
            return what
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and content.endswith(b"."):
        return "a pickle"
    if name.endswith(".json"):
        try:
            parse_json(content, name)
        except HoldfastError as fault:
            return fault.what
    elif name.endswith((".md", ".lock", ".txt")):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            return "no text"
    return ""


def _refusal(copy: Path, expect: str) -> str:
    """What the loader says of the copy; empty where it takes it."""
    try:
        load(copy, expect=expect)
    except HoldfastError as fault:
        return "; ".join([fault.what, *(f"{item.field}: {item.what}" for item in fault.problems)])
    return ""


Poison = Callable[[Path, Path], Any]


@contextmanager
def _changed(path: Path, content: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


@contextmanager
def _added(path: Path, content: bytes) -> Iterator[None]:
    new = not path.parent.exists()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    try:
        yield
    finally:
        path.unlink()
        if new:
            path.parent.rmdir()


def _flipped(name: str) -> Poison:
    def poison(copy: Path, mark: Path) -> Any:
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        return _changed(copy / name, bytes(content))

    return poison


@contextmanager
def _link(copy: Path, mark: Path) -> Iterator[None]:
    path = copy / "model_card.md"
    beside = copy.parent / "beside.md"
    path.rename(beside)
    path.symlink_to(beside)
    try:
        yield
    finally:
        path.unlink()
        beside.rename(path)


@contextmanager
def _listed(copy: Path, name: str, content: bytes) -> Iterator[None]:
    """A file with an entry of its own in the manifest: what somebody could make who knows the format."""
    shape = json.loads((copy / MANIFEST).read_bytes())
    shape["files"][name] = {"sha256": sha256(content), "bytes": len(content)}
    target = copy / name
    inside = copy.resolve() in target.resolve().parents
    with _changed(copy / MANIFEST, json.dumps(shape).encode()):
        if not inside:
            yield
        else:
            with _changed(target, content) if target.exists() else _added(target, content):
                yield


def _other_threshold(copy: Path, mark: Path) -> Any:
    shape = json.loads((copy / "threshold.json").read_bytes())
    return _listed(copy, "threshold.json", json.dumps(shape | {"value": 0.999999}).encode())


POISONS: dict[str, Poison] = {
    "a changed bit in the model's contract": _flipped("contract.json"),
    "a changed bit in the threshold": _flipped("threshold.json"),
    "a changed bit in the golden rows": _flipped("golden.f64"),
    "a cut file": lambda copy, mark: _changed(copy / "golden.f64", (copy / "golden.f64").read_bytes()[:-8]),
    "a pickle beside the model": lambda copy, mark: _added(copy / "model.pkl", pickle.dumps(Payload(mark))),
    "a pickle in the place of the model": lambda copy, mark: _changed(copy / "model.json", pickle.dumps(Payload(mark))),
    "a pickle that the manifest lists": lambda copy, mark: _listed(copy, "model.pkl", pickle.dumps(Payload(mark))),
    "code of its own": lambda copy, mark: _added(copy / "code" / "__init__.py", b"import os\n"),
    "a path that leads out of it": lambda copy, mark: _listed(copy, "../beside.json", b"{}"),
    "a link": _link,
    "another threshold under a new manifest": _other_threshold,
}

CHECK = Check("GATE503", SECURITY, "Unsafe content is refused", ask)
