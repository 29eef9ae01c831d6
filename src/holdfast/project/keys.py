"""API keys of a project: make one, show them all, end one."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from holdfast.access import keys
from holdfast.access.roles import refusal
from holdfast.errors import HoldfastError
from holdfast.project.people import person, proven
from holdfast.project.project import Project

_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def create(
    project: Project, name: str, roles: Sequence[str], *, expires: str | None = None, rate: float = 0.0
) -> dict[str, Any]:
    """A new key; ``key`` in the answer is its text, which is shown this once. `expires` is a duration: ``90d``."""
    lives = None if expires is None else seconds(expires)
    by = _keeper(project, name)
    made, text = keys.create(project.home, name, roles, by=by, lives=lives, rate=rate)
    return {**shown(made), "key": text}


def listed(project: Project) -> list[dict[str, Any]]:
    """Every key there ever was, the newest last. Secrets are not kept, so none can be shown."""
    return [shown(key) for key in keys.read(project.home).all]


def revoke(project: Project, which: str) -> list[dict[str, Any]]:
    """Ends the key of this id, or all keys of this name; answers those that this ended."""
    return [shown(key) for key in keys.revoke(project.home, which, by=_keeper(project, None))]


def _keeper(project: Project, owner: str | None) -> str:
    """Who manages keys now: an admin, once there is an admin's key. Raises HoldfastError when this is another.

    Nobody makes a key in their own name: a second key of one's own is how one person becomes two.
    """
    now = time.time()
    kept = any(key.state(now) == "valid" and "admin" in key.roles for key in keys.read(project.home).all)
    found = proven(project, "manage-keys") if kept else person(project)
    if owner is not None and found.key and (why := refusal(found.name, found.held, "manage-keys", owner)):
        raise HoldfastError(f"this key is not made: {why}", where="key", mend="let another admin make it")
    return found.name


def shown(key: keys.Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "roles": list(key.roles),
        "state": key.state(time.time()),
        "created": _stamp(key.created),
        "created_by": key.created_by,
        "expires": _stamp(key.expires),
        "revoked": _stamp(key.revoked),
        "revoked_by": key.revoked_by or None,
        "requests_per_second": key.rate or None,
    }


def seconds(duration: str) -> int:
    """``90d`` in seconds. Raises HoldfastError for anything that is no whole number with m, h, d, w or y."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdwy])", duration.strip())
    if found is None:
        raise HoldfastError(
            f"{duration!r} is not a duration", where="--expires", mend="a number and m, h, d, w or y: 90d"
        )
    return int(found[1]) * _UNITS[found[2]]


def _stamp(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
