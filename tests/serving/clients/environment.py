"""An environment of its own for a client whose dependencies are not ours: from a hash-locked file, built once."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from tests.serving.shop import ROOT

HERE = Path(__file__).parent


def python_of(name: str) -> Path:
    """The interpreter of ``.venv-<name>``, with what ``<name>.txt`` says and nothing else; skips where it cannot be."""
    wanted = HERE / f"{name}.txt"
    place = ROOT / f".venv-{name}"
    stamp, python = place / ".installed", place / "bin" / "python"
    digest = sha256(wanted.read_bytes()).hexdigest()
    place.mkdir(exist_ok=True)
    # Not within it: uv locks an environment by a file of that name, too, and would wait five minutes for us.
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come at once
        if not stamp.is_file() or stamp.read_text() != digest:
            trouble = _build(place, python, wanted)
            if trouble and os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1":
                pytest.fail(f"{name} is required and cannot be installed: {trouble}")
            if trouble:
                pytest.skip(f"{name} cannot be installed here: {trouble}")
            stamp.write_text(digest)
    return python


def _build(place: Path, python: Path, wanted: Path) -> str:
    """Builds the environment; answers what went wrong."""
    uv = shutil.which("uv")
    ours = sys.executable
    make = [uv, "venv", "--quiet", "--allow-existing", "--python", ours] if uv else [ours, "-m", "venv"]
    sync = (
        [uv, "pip", "sync", "--quiet", "--python", str(python)] if uv else [str(python), "-m", "pip", "install", "-r"]
    )
    for command in ([*make, str(place)], [*sync, str(wanted), "--require-hashes"]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode:
            return done.stderr.strip()[-500:]
    return ""
