"""What the data was: its content whatever the order, its order, its schema; and what the code and libraries were."""

from __future__ import annotations

import os
import platform
import pwd
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
    columns: Mapping[str, str] = field(default_factory=dict)
    """Each feature's own digest, and the label's: which of them differs."""
    places: tuple[str, ...] = ()
    """Sums over rows of a number made of each: of all rows, then of those whose id has bit 0, 1 … 31. Where one row
    changed, the sums that changed spell its id's number: `changed_row` reads them."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "places": list(self.places)}


def fingerprint(rows: Rows, given: NDArray[np.str_], contract: Contract) -> Fingerprint:
    """`rows` in canonical order, `given` the ids in the order they came in."""
    content = sha256()
    for part in (rows.times, rows.X, rows.y, rows.known):
        content.update(np.ascontiguousarray(part).tobytes())
    content.update(_text(rows.ids))
    schema = digest({"contract": contract.hash, "features": list(rows.names)}, size=32)
    columns = {name: _short(rows.X[:, at]) for at, name in enumerate(rows.names)}
    columns |= {"(label)": _short(rows.y), "(time)": _short(rows.times), "(id)": _short(_numbers(rows.ids))}
    return Fingerprint(content.hexdigest(), sha256(_text(given)).hexdigest(), schema, len(rows), columns, _places(rows))


def changed_row(rows: Rows, then: Sequence[str], now: Sequence[str]) -> str | None:
    """The id of the one row that was changed or added since `then`; None where there are several, or it is gone."""
    if len(then) != BITS + 1 or len(now) != BITS + 1:
        return None
    apart = [(int(new, 16) - int(old, 16)) % 2**64 for old, new in zip(then, now, strict=True)]
    if not apart[0] or any(item not in (0, apart[0]) for item in apart[1:]):
        return None
    number = sum(1 << bit for bit, item in enumerate(apart[1:]) if item)
    found = np.flatnonzero((_numbers(rows.ids) & np.uint64(2**BITS - 1)) == number)
    return str(rows.ids[found[0]]) if len(found) == 1 else None


BITS = 32


def _short(column: NDArray[Any]) -> str:
    return sha256(np.ascontiguousarray(column).tobytes()).hexdigest()[:16]


def _places(rows: Rows) -> tuple[str, ...]:
    ids = _numbers(rows.ids)
    each = ids.copy()
    for column in (rows.times, rows.y.astype(np.int64), rows.known, *rows.X.T):
        each = _mixed(each + np.ascontiguousarray(column).view(np.uint64))
    sums = [int(each.sum(dtype=np.uint64))]
    for bit in range(BITS):
        has = (ids >> np.uint64(bit)) & np.uint64(1)
        sums.append(int((each * has).sum(dtype=np.uint64)))
    return tuple(f"{item:016x}" for item in sums)


def _numbers(ids: NDArray[np.str_]) -> NDArray[np.uint64]:
    """A number of 64 bits for each id, the same everywhere."""
    found = np.full(len(ids), 0x9E3779B97F4A7C15, dtype=np.uint64)
    width = ids.dtype.itemsize // 4
    for letter in np.ascontiguousarray(ids).view(np.uint32).reshape(len(ids), width).T if width else ():
        found = np.where(letter == 0, found, _mixed(found + letter.astype(np.uint64)))
    return found


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64: every bit that went in changes every bit that comes out."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


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
