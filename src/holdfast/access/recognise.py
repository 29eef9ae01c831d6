"""One door for keys and tokens, and a thread that notices when the keys' file changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.access import keys
from holdfast.access.binding import Tls
from holdfast.access.callers import Caller, Unknown
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.access.tokens import Tokens

log = logging.getLogger("holdfast.access")

POLL = 0.5
"""Seconds between two looks at the keys' file: a revoked key is refused within twice that."""


@dataclass(frozen=True, slots=True)
class Locks:
    """What the settings say about access. Empty text: not set."""

    oidc_issuer: str = ""
    oidc_audience: str = ""
    jwt_secret: str = field(default="", repr=False)
    jwt_issuer: str = ""
    jwt_audience: str = ""
    roles_claim: str = "roles"
    leeway: int = 30
    """Seconds that clocks may differ."""
    rate: float = 0.0
    """Requests a second of one caller in one worker; 0: no limit."""
    hosts: tuple[str, ...] = ()
    """Further names that a Host header may have."""
    tls: Tls | None = None
    tls_in_front: bool = False
    """Something in front of this server ends TLS."""
    callers_in_front: bool = False
    """Something in front of this server knows the callers, and lets nobody else through."""

    @property
    def encrypted(self) -> bool:
        return self.tls is not None or self.tls_in_front


class Access:
    """Recognises callers by what the keys' file of a project's home and the settings say now. No home: no keys."""

    def __init__(self, home: Path | None = None, locks: Locks = Locks()) -> None:
        self._home = home
        self._seen = self._stamp()
        self._keys = keys.Keys() if home is None else keys.read(home)
        self._tokens = _tokens(locks)
        self.rate = locks.rate
        self.locked = bool(self._keys.all) or self._tokens is not None
        """Whether callers must be known. From the first key on it is, and removing keys does not undo it: it takes a
        new start without the file."""
        self.edition = 0
        """Grows whenever keys changed, so that whoever remembers callers forgets them."""

    @property
    def callers(self) -> bool:
        """Whether anyone can be recognised at all."""
        return self._tokens is not None or self._keys.usable(time.time())

    def recognise(self, text: str, *, asked: bool = False) -> Caller:
        """Who presents this. Raises Unknown, Unchecked, KeysWanted."""
        if text.startswith(keys.PREFIX):
            return self._keys.recognise(text, time.time())
        if self._tokens is None:
            raise Unknown("unknown_key", "this key is not known")
        return self._tokens.recognise(text, asked=asked)

    def warm(self) -> None:
        """Fetches an issuer's keys, so that the first token does not wait for them. Waits for the issuer."""
        if self._tokens is not None:
            self._tokens.warm()

    def look(self) -> None:
        """Reads the keys again when their file changed. A damaged one leaves those from before, and is told."""
        stamp = self._stamp()
        if stamp == self._seen or self._home is None:
            return
        self._seen = stamp
        try:
            found = keys.read(self._home)
        except HoldfastError as error:
            log.error("keys were changed and cannot be read, so the ones from before still hold: %s", error)
            return
        if found.all and not self.locked:
            log.warning("the first key was created: from now on callers must be known")
        self._keys = found
        self.locked = self.locked or bool(found.all)
        self.edition += 1

    def _stamp(self) -> tuple[int, int, int]:
        if self._home is None:
            return (0, 0, 0)
        try:
            now = (self._home / keys.FILE).stat()
        except OSError:
            return (0, 0, 0)
        return (now.st_ino, now.st_mtime_ns, now.st_size)


def _tokens(locks: Locks) -> Tokens | None:
    if not (locks.oidc_issuer or locks.jwt_secret):
        return None
    from holdfast.access.oidc import Issuer  # cryptography is loaded only where tokens are used
    from holdfast.access.tokens import Shared, Tokens

    oidc = Issuer(locks.oidc_issuer) if locks.oidc_issuer else None
    shared = Shared(locks.jwt_secret.encode(), locks.jwt_issuer, locks.jwt_audience) if locks.jwt_secret else None
    return Tokens(oidc, locks.oidc_audience, shared, roles_claim=locks.roles_claim, leeway=locks.leeway)


class Lookout(threading.Thread):
    """Does small things twice a second in a thread of its own: nothing slow may delay a revocation."""

    def __init__(self, *things: Callable[[], None]) -> None:
        super().__init__(name="holdfast-lookout", daemon=True)
        self._things = things
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(POLL):
            for thing in self._things:
                try:
                    thing()
                except Exception:
                    log.exception("access could not be looked at; it will be tried again")

    def stop(self) -> None:
        self._end.set()
        self.join(10)
