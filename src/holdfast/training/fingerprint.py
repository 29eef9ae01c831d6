"""What the data was: its content whatever the order, its order, its schema; and what the code and libraries were."""

from __future__ import annotations

import os
import platform
import pwd
import socket
import subprocess
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import Contract, digest
from holdfast.training.rows import Rows


@dataclass(frozen=True)
class Fingerprint:
    """Hex digests. Equal `content` and `schema` mean the same training; `order` only tells how rows stood."""

    content: str
    order: str
    schema: str
    rows: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fingerprint(rows: Rows, given: NDArray[np.str_], contract: Contract) -> Fingerprint:
    """`rows` in canonical order, `given` the ids in the order they came in."""
    content = sha256()
    for part in (rows.times, rows.X, rows.y, rows.known):
        content.update(np.ascontiguousarray(part).tobytes())
    content.update(_text(rows.ids))
    schema = digest({"contract": contract.hash, "features": list(rows.names)}, size=32)
    return Fingerprint(content.hexdigest(), sha256(_text(given)).hexdigest(), schema, len(rows))


def _text(ids: NDArray[np.str_]) -> bytes:
    # Lengths first: otherwise "a", "bc" and "ab", "c" would be one.
    lengths = np.char.str_len(ids).astype(np.int64).tobytes() if len(ids) else b""
    return lengths + "".join(ids.tolist()).encode()


def libraries() -> dict[str, str]:
    """Every installed distribution and its version, by name."""
    return dict(sorted((item.metadata["Name"].lower(), item.version) for item in distributions()))


def environment_lock() -> str:
    """`environment.lock`: the Python and every library this process could have used, one a line."""
    lines = [f"# Python {platform.python_version()} {platform.system()} {platform.machine()}"]
    return "\n".join(lines + [f"{name}=={version}" for name, version in libraries().items()]) + "\n"


def code_version(folder: Path) -> dict[str, Any]:
    """The commit that `folder` is at and whether files differ from it; empty where git or a repository is missing."""
    commit = git(folder, "rev-parse", "HEAD")
    if not commit:
        return {}
    return {"commit": commit, "changed": bool(git(folder, "status", "--porcelain", "--untracked-files=no"))}


def git(folder: Path, *words: str) -> str | None:
    """What git says in a folder; None where it, or what it is asked for, is missing."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def who() -> str:
    """user@machine, as far as the system says."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name  # no variable can say another name
    except KeyError:
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
