"""GATE1001: the project is backed up, restored into an empty place and compared; a spoilt backup is noticed."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from holdfast.checks.check import RECOVERY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError
from holdfast.project.backup import backup, digest
from holdfast.project.project import Project
from holdfast.project.restore import restore

MEND = "holdfast backup, holdfast restore: mend what they name, and see that there is room"


class Differs(Exception):  # noqa: N818 — a finding, not a fault
    """What came back is not what was put away."""


def ask(subject: Subject, limits: Limits) -> Answer:
    """The project itself, which has the models, and the rehearsal, which has answers to compute again."""
    evidence: dict[str, Any] = {}
    places = (("project", subject.place), ("rehearsal", subject.rehearsal.project))
    for name, project in places:
        # On the disk of the ledger, where there is room for it.
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=project.home) as folder:
            began = time.perf_counter()
            try:
                evidence[name] = _there_and_back(project, Path(folder), subject.bundle.hash)
                if project is subject.place:
                    evidence[name]["spoilt_backup"] = _noticed(Path(folder))
            except (HoldfastError, Differs) as fault:
                told = getattr(fault, "what", str(fault))
                problems = [str(item) for item in getattr(fault, "problems", ())]
                why = f"the {name} does not come back: {told}" + (f" ({problems[0]})" if problems else "")
                return failed(why, MEND, problems=problems[:20], **evidence)
            evidence[name]["seconds"] = round(time.perf_counter() - began, 3)
    kept, lived = (evidence[name] for name, _ in places)
    why = (
        f"{kept['files']:,} files with {kept['bundles']} bundles and {kept['versions']} versions came back equal in "
        f"{kept['seconds']:.1f} s; of the rehearsal {lived['records']:,} records and its state, {lived['replayed']} "
        f"answers computed again; a flipped bit was noticed"
    )
    return passed(why, **evidence)


def _there_and_back(project: Project, folder: Path, bundle: str) -> dict[str, Any]:
    """Back up, restore, compare. Raises HoldfastError or Differs."""
    kept = folder / "kept"
    told = backup(project, kept)
    done = restore(kept, folder / "again")
    again = Project.open(folder / "again")
    if bundle not in told.bundles or not (again.bundles_path / bundle).is_dir():
        raise Differs("the version's own bundle is not among what came back")
    here = [digest(file) for file in sorted(project.ledger_path.glob("*.log"))]
    there = [digest(file) for file in sorted(again.ledger_path.glob("*.log"))]
    # The project may have gone on meanwhile: what came back is its beginning.
    if here[: max(len(there) - 1, 0)] != there[:-1]:
        raise Differs("the ledger that came back is another")
    return {
        "files": len(told.files),
        "bytes": sum(size for _, size in told.files.values()),
        "records": done.records,
        "bundles": done.bundles,
        "versions": done.versions,
        "champion": done.champion,
        "replayed": done.replayed,
        "left_out": list(told.left_out),
    }


def _noticed(folder: Path) -> str:
    """Flip a bit of the largest file of the backup, and see that it is refused. Raises Differs when it is not."""
    kept = folder / "kept"
    largest = max((item for item in kept.rglob("*") if item.is_file()), key=lambda item: item.stat().st_size)
    with largest.open("r+b") as file:
        file.seek(largest.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    try:
        restore(kept, folder / "spoilt")
    except HoldfastError as refused:
        return str(refused.problems[0]) if refused.problems else refused.what
    raise Differs("a backup with a flipped bit was restored as if it were sound")


CHECK = Check("GATE1001", RECOVERY, "A backup comes back whole", ask)
