"""The matrix, cell by cell, against the table it was written from."""

from __future__ import annotations

from itertools import combinations

import pytest

from holdfast.access.roles import APART, MATRIX, NOT_OWN, PERMISSIONS, ROLES, conflict, permissions, refusal

# Columns: scorer, viewer, approver, operator, admin. Written out by hand, so that a slip in the code is seen here.
TABLE = """
predict        x . . . .
explain        x . . . .
record         x . . . .
metrics        . x x x x
log            . x x x x
unmask         . . x . .
register       . . . x .
submit         . . . x .
approve        . . x . .
deploy         . . . x .
rollback       . . . x .
erase-request  . . . x .
erase-confirm  . . x . .
manage-keys    . . . . x
edit-audit     . . . . .
"""


def cells() -> dict[tuple[str, str], bool]:
    rows = [line.split() for line in TABLE.strip().splitlines()]
    return {(role, row[0]): mark == "x" for row in rows for role, mark in zip(ROLES, row[1:], strict=True)}


def test_every_role_may_do_exactly_what_its_column_says() -> None:
    expected = cells()
    assert {name for _, name in expected} == set(PERMISSIONS)
    wrong = [cell for cell, allowed in expected.items() if (cell[1] in permissions([cell[0]])) is not allowed]
    # The owner is someone for whom every rule of ownership is content.
    for (role, permission), allowed in expected.items():
        owner = "somebody-else" if permission in NOT_OWN else "me"
        if (refusal("me", permissions([role]), permission, owner) == "") is not allowed:
            wrong.append((role, permission))
    print(f"{len(expected)} cells, {sum(expected.values())} allowed, {len(wrong)} wrong")
    assert wrong == []


def test_nothing_unknown_is_permitted() -> None:
    everything = frozenset(PERMISSIONS)
    assert refusal("me", everything, "fly", "me")
    assert refusal("me", everything | {"fly"}, "fly", "me")
    assert permissions(["root", "Scorer", ""]) == frozenset()
    assert permissions([]) == frozenset()


@pytest.mark.parametrize("permission", sorted(NOT_OWN))
def test_nobody_does_it_for_their_own_work(permission: str) -> None:
    role = next(role for role, held in MATRIX.items() if permission in held)
    held = permissions([role])
    assert refusal("ann", held, permission, "bob") == ""
    assert refusal("ann", held, permission, "ann") != ""
    assert refusal("ann", held, permission, "") != "", "whose work it is was not said"
    assert refusal("ann", held, permission) != ""


@pytest.mark.parametrize("permission", ["explain", "record"])
def test_a_scorer_looks_at_its_own_decisions_only(permission: str) -> None:
    held = permissions(["scorer"])
    assert refusal("shop", held, permission, "shop") == ""
    assert refusal("shop", held, permission, "") == "", "a decision from before the lock is nobody's"
    assert refusal("shop", held, permission, "bank") != ""
    assert refusal("shop", held, permission) != ""


def test_roles_that_are_held_apart_permit_nothing_together() -> None:
    allowed = [pair for pair in combinations(ROLES, 2) if not conflict(pair)]
    assert {frozenset(pair) for pair in allowed} == {
        frozenset({"viewer", other}) for other in ("approver", "operator", "admin")
    }
    for pair in APART:
        assert permissions(pair) == frozenset()
        assert conflict([*pair, "viewer"])
    assert permissions(["viewer", "approver"]) == MATRIX["approver"]


def test_no_permission_but_looking_is_in_two_columns() -> None:
    """What a role was made for is no other role's too, whatever is added later."""
    shared = {name for one, other in combinations(ROLES, 2) for name in MATRIX[one] & MATRIX[other]}
    assert shared == {"metrics", "log"}
