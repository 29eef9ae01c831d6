"""The journey of `holdfast parity`: batch beside history fed record by record, in a folder that is thrown away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.ledger.parity import ParityReport


def parity(
    project: Project, *, limit: int | None = None, progress: Callable[[int, int], None] | None = None
) -> ParityReport:
    """Compare both engines over the project's history; `limit` the first so many decisions."""
    from holdfast.features.batch import build_from
    from holdfast.features.history import read_records
    from holdfast.ledger.parity import parity as compare

    records = read_records(project.contract, project.inputs(), refuse="drop", fields="all")
    table = build_from(project.contract, records)
    # Beside the project, not in /tmp: state is mapped into memory, and /tmp may be memory already.
    project.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=project.home, prefix="parity-") as place:
        return compare(project.contract, records, table, Path(place), limit=limit, progress=progress)
