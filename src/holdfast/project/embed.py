"""A project's champion inside another program: no port, no second process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.serving.embed import Predictor


def open_predictor(folder: str | Path) -> Predictor:
    """The predictor of the project in this folder, with the project's own limits.

    It follows promotions as a server does, shares ledger and state with servers of the same project on this machine,
    and has `decide`, `explain`, `outcome` and `close`. Open one in each process, after it forked. Raises HoldfastError.
    """
    from holdfast.project.history import ensure_state
    from holdfast.project.serve import parts
    from holdfast.serving.embed import Predictor

    project = Project.open(Path(folder))
    ensure_state(project)
    return Predictor(project.home, parts(project)["limits"])
