"""Which project a command means: the folder given with -C, or the nearest one upwards that has a `holdfast.toml`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.project.project import Project

_chosen: Path | None = None


def choose(project: Path | None) -> None:
    """Remember what -C said for this run of the command."""
    global _chosen
    _chosen = project


def folder() -> Path:
    """The project's folder; where none is found, the current one (opening it then says what is missing)."""
    if _chosen is not None:
        return _chosen.resolve()
    if told := os.environ.get("HOLDFAST_PROJECT"):
        return Path(told).resolve()
    here = Path.cwd()
    return next((at for at in (here, *here.parents) if (at / "holdfast.toml").is_file()), here)


def opened() -> Project:
    """The project, open. Raises HoldfastError where there is none."""
    from holdfast.project.project import Project

    return Project.open(folder())
