"""The journey of `holdfast doctor`: open both sides, let a server be asked by research's rows, and diagnose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from holdfast.doctor.diagnose import Diagnosis, diagnose
from holdfast.doctor.sides.asked import asked
from holdfast.doctor.sides.opened import side_of


def doctor(
    research: str, production: str, here: Path, *, key: str = "", phase: Callable[[str], None] = lambda _: None
) -> Diagnosis:
    """Why two places disagree. Raises HoldfastError when one of them cannot be read at all."""
    phase(f"reading {research}")
    ours = side_of("research", research, here)
    phase(f"reading {production}")
    theirs = side_of("production", production, here, key=key)
    if theirs.kind == "server":
        phase("asking the server")
        ours, theirs = asked(ours, theirs, key)
    phase("comparing")
    return diagnose(ours, theirs)
