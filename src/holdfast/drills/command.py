"""A `holdfast` command in the copy, as a person would type it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.project.twin import bare_environment

PATIENCE = 300.0


def done(told: dict[str, Any]) -> dict[str, Any]:
    """What it answered. Raises HoldfastError where that is an error."""
    if "error" in told:
        error = told["error"]
        raise HoldfastError(error["what"], where=error.get("where", ""), mend=error.get("mend", ""))
    return told


def command(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a `holdfast` command answers as JSON, whatever its exit code. Raises HoldfastError where it answers none."""
    line = [sys.executable, "-m", "holdfast.cli.main", "-C", str(folder), *words, "--json"]
    done = subprocess.run(
        line, capture_output=True, text=True, env=environment or bare_environment(), timeout=PATIENCE, check=False
    )
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        raise HoldfastError(f"holdfast {words[0]} did not answer", mend=(done.stderr or done.stdout)[-500:]) from None
