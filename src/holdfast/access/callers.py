"""Who asks: a name, what it may do, and until when that is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from holdfast.access.roles import conflict, permissions

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone recognised. Times are seconds since 1970 UTC.

    `name` is what is recorded with a decision: the name of a key, or ``jwt:`` and a token's subject, so that neither
    can pass for the other. `account` is what a rate limit counts by.
    """

    name: str
    account: str
    roles: frozenset[str]
    held: frozenset[str]
    until: float = NEVER
    rate: float = 0.0
    """Requests a second of its own; 0: as the server says."""
    trouble: str = ""
    """Why it holds nothing although it has roles."""


def caller(name: str, account: str, roles: frozenset[str], until: float = NEVER, rate: float = 0.0) -> Caller:
    """A caller with what its roles permit."""
    return Caller(name, account, roles, permissions(roles), until, rate, conflict(roles))


class Unknown(Exception):  # noqa: N818 — an answer, not a fault
    """Credentials that are not accepted. `code` is stable; the text never repeats any of what was sent."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


class Unchecked(Exception):  # noqa: N818 — the same
    """It cannot be checked now, because whoever signs tokens does not answer."""


class KeysWanted(Exception):  # noqa: N818 — the same
    """Whoever signs tokens has to be asked first: call `refresh` off the event loop, then recognise again."""

    def __init__(self, refresh: Callable[[], None]) -> None:
        super().__init__("the issuer is to be asked")
        self.refresh = refresh
