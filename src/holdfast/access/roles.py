"""The matrix: which role may do what, which roles nobody holds together, and what nobody may do to their own work.

It is data, and everything that is not in it is refused. Permissions that no route asks for yet stand here too, so that
there is one table, not one for each part that was built later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Final, Literal, get_args

Role = Literal["scorer", "viewer", "approver", "operator", "admin"]
Permission = Literal[
    "predict", "explain", "record",  # a decision, its reasons, and what came of it
    "metrics", "log",  # figures, health and documents; the ledger, personal fields masked
    "unmask",  # a person's data, with a reason that is logged
    "register", "submit", "approve", "deploy", "rollback",  # the way of a version
    "erase-request", "erase-confirm",
    "manage-keys",
    "edit-audit",  # held by nobody: it is named so that a test can show it
]  # fmt: skip

OPEN: Final = "open"
"""What a route declares that anyone may ask, known or not."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)
PERMISSIONS: Final[tuple[Permission, ...]] = get_args(Permission)

_SEES: Final[frozenset[Permission]] = frozenset({"metrics", "log"})

MATRIX: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        "scorer": frozenset({"predict", "explain", "record"}),
        "viewer": _SEES,
        "approver": _SEES | {"unmask", "approve", "erase-confirm"},
        "operator": _SEES | {"register", "submit", "deploy", "rollback", "erase-request"},
        "admin": _SEES | {"manage-keys"},
    }
)

ONLY_OWN: Final[frozenset[Permission]] = frozenset({"explain", "record"})
"""Only about what the caller itself asked for. What nobody is recorded for (it came before the lock) is open to each
holder of the permission."""

NOT_OWN: Final[Mapping[Permission, str]] = MappingProxyType(
    {"approve": "author", "erase-confirm": "requester", "manage-keys": "holder"}
)
"""Never for the caller's own work, request or keys; who that was must be said, or it is refused."""

APART: Final[Mapping[frozenset[Role], str]] = MappingProxyType(
    {
        **{
            frozenset({"scorer", other}): "a scorer's key lies in an application's settings; it must open nothing else"
            for other in ROLES
            if other != "scorer"
        },
        frozenset({"approver", "operator"}): "who submits and deploys a version must not be who approves it",
        frozenset({"approver", "admin"}): "who makes keys must not be who approves",
        frozenset({"operator", "admin"}): "who makes keys must not be who deploys",
    }
)  # fmt: skip
"""Pairs of roles that one caller must not hold, and why. What remains: `viewer` beside one of approver, operator,
admin (which adds nothing, and does no harm)."""


def conflict(roles: Iterable[str]) -> str:
    """Why these roles may not be held together; empty when they may."""
    held = sorted(set(roles) & set(ROLES))
    for one, other in combinations(held, 2):
        why = APART.get(frozenset({one, other}))  # type: ignore[arg-type]  # only roles are left
        if why is not None:
            return f"{one} and {other} are not held together: {why}"
    return ""


def permissions(roles: Iterable[str]) -> frozenset[str]:
    """What these roles permit together: nothing for unknown ones, and nothing at all for a refused combination."""
    held = set(roles)
    if conflict(held):
        return frozenset()
    return frozenset().union(*(MATRIX[role] for role in ROLES if role in held))


def refusal(name: str, held: frozenset[str], permission: str, owner: str | None = None) -> str:
    """Why the caller `name` with the permissions `held` may not do this; empty when it may.

    `owner` is who wrote, asked for or holds what it is done to (of a decision: its caller, empty when nobody is
    recorded). None means nobody said, which permits neither what is only for one's own nor what is never for it.
    """
    if permission not in held or permission not in PERMISSIONS:
        return f"it needs the permission {permission}"
    if permission in ONLY_OWN and (owner is None or owner not in ("", name)):
        return "it is another caller's decision"
    if permission in NOT_OWN:
        part = NOT_OWN[permission]
        if not owner:
            return f"nobody said who its {part} is"
        if owner == name:
            return f"its {part} is the caller"
    return ""
