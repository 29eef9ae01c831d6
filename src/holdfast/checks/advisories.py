"""Known weaknesses of Python packages, from files: OSV records, as osv.dev and the packaging authority give them out.

    {"date": "2026-11-01", "source": "where they are from", "advisories": [<OSV record>, …]}

or a folder, or a .zip, of one OSV record in each .json file (osv.dev's ``PyPI/all.zip`` as it is): then the date is the
newest record's. Nothing is looked up on a network.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from holdfast.errors import HoldfastError

SHIPPED = Path(__file__).with_name("advisories.json")
EXTRAS = ("serve", "train", "trace")


@dataclass(frozen=True)
class Advisories:
    """What is known, from where, and until when."""

    day: date
    source: str
    records: tuple[Mapping[str, Any], ...]

    def days(self, today: date | None = None) -> int:
        """How old they are."""
        return ((today or datetime.now(UTC).date()) - self.day).days


@dataclass(frozen=True)
class Hit:
    """An installed package that an advisory names."""

    package: str
    installed: str
    advisory: str
    aliases: tuple[str, ...]
    summary: str
    fixed: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "package": self.package,
            "installed": self.installed,
            "advisory": self.advisory,
            "aliases": list(self.aliases),
            "summary": self.summary,
            "fixed_in": list(self.fixed),
        }


def read(path: Path = SHIPPED) -> Advisories:
    """Raises HoldfastError where the file is none of these, or holds nothing for Python."""
    mend = "give a file, a folder or a .zip of OSV records; docs/gate/GATE505.md says where to get them"
    try:
        if path.is_dir() or path.suffix == ".zip":
            records = [item for item in _each(path) if _python(item)]
            newest = max((str(item.get("modified", ""))[:10] for item in records), default="")
            found = Advisories(date.fromisoformat(newest), path.name, tuple(records))
        else:
            shape = json.loads(path.read_text(encoding="utf-8"))
            told = tuple(item for item in shape["advisories"] if _python(item))
            found = Advisories(date.fromisoformat(shape["date"]), str(shape["source"]), told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as fault:
        raise HoldfastError(f"the advisories cannot be read: {fault!r}", where=str(path), mend=mend) from fault
    if not found.records:
        raise HoldfastError("there is no advisory for a Python package in it", where=str(path), mend=mend)
    return found


def hits(known: Advisories, installed: Mapping[str, str]) -> list[Hit]:
    """Which of the installed packages (name to version) an advisory names, withdrawn ones left out."""
    here = {canonical(name): (name, version) for name, version in installed.items()}
    found = []
    for record in known.records:
        for item in () if record.get("withdrawn") else record["affected"]:
            name, version = here.get(canonical(item["package"]["name"]), ("", ""))
            if name and item["package"].get("ecosystem") == "PyPI" and affected(item, version):
                fixed = [event["fixed"] for events in _events(item) for event in events if "fixed" in event]
                fixed.sort(key=_version)
                told = str(record.get("summary") or record.get("details", "")).strip().split("\n")[0][:200]
                found.append(Hit(name, version, record["id"], tuple(record.get("aliases", ())), told, tuple(fixed)))
    return sorted(set(found), key=lambda hit: (hit.package, hit.advisory))


def affected(item: Mapping[str, Any], version: str) -> bool:
    """Whether a version is listed, or lies in a range: from introduced on, before fixed, up to last_affected."""
    if version in item.get("versions", ()):
        return True
    try:
        own = Version(version)
        return any(_inside(events, own) for events in _events(item))
    except InvalidVersion:
        # A version that cannot be ordered is judged by the list alone.
        return False


def locked(text: str) -> dict[str, str]:
    """Name to version of each line of an ``environment.lock``."""
    lines = [line.partition("==") for line in text.splitlines() if not line.startswith("#")]
    return {name.strip(): version.strip() for name, sign, version in lines if sign}


def used(names: Iterable[str]) -> set[str]:
    """Those of the packages that Holdfast stands on, by what is installed here; all, where that cannot be told."""
    names = list(names)
    try:
        reached = _reached()
    except PackageNotFoundError:
        return set(names)
    return {name for name in names if canonical(name) in reached}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _reached() -> set[str]:
    seen: set[tuple[str, str]] = set()
    left = [("holdfast", extra) for extra in ("", *EXTRAS)]
    requires("holdfast")
    while left:
        name, extra = left.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            wanted = requires(name) or []
        except PackageNotFoundError:
            continue
        for line in wanted:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                left += [(canonical(need.name), item) for item in ("", *need.extras)]
    return {name for name, _ in seen}


def _events(item: Mapping[str, Any]) -> Iterator[list[Mapping[str, str]]]:
    for span in item.get("ranges", ()):
        if span.get("type") == "ECOSYSTEM":
            yield list(span["events"])


def _inside(events: list[Mapping[str, str]], own: Version) -> bool:
    steps = sorted(
        ((_version(text), kind) for event in events for kind, text in event.items()), key=lambda step: step[0]
    )
    inside = False
    for at, kind in steps:
        if kind == "introduced" and own >= at:
            inside = True
        elif (kind == "fixed" and own >= at) or (kind == "last_affected" and own > at):
            inside = False
    return inside


def _version(text: str) -> Version:
    return Version("0.dev0" if text == "0" else text)


def _python(record: Mapping[str, Any]) -> bool:
    return any(item.get("package", {}).get("ecosystem") == "PyPI" for item in record.get("affected", ()))


def _each(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield json.loads(file.read_text(encoding="utf-8"))
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield json.loads(archive.read(name))
