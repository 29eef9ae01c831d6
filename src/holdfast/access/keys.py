"""API keys: made once, shown once, and kept as a digest in one file of the project's home.

A key is ``hf_<id>_<secret>`` with 256 random bits of secret. Of the secret the file keeps the SHA-256. That is enough:
argon2 and its like make guessing slow where secrets are short, and this one cannot be guessed at any speed; they would
cost 20 to 100 ms of a processor for each request that is not remembered.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from holdfast.access.callers import NEVER, Caller, Unknown, caller
from holdfast.access.roles import ROLES, conflict
from holdfast.errors import HoldfastError, Problem

FILE = "keys.json"
PREFIX = "hf_"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A key's name: no colon in it, so it can never be a token's subject."""
FORMAT = 1
_NOBODY = hashlib.sha256(b"nobody").digest()


@dataclass(frozen=True, slots=True)
class Key:
    """One key as the file keeps it. Times are whole seconds since 1970 UTC; a revoked key stays listed."""

    id: str
    name: str
    roles: tuple[str, ...]
    digest: str
    """SHA-256 of the secret, in hexadecimal."""
    created: int
    created_by: str
    expires: int | None = None
    revoked: int | None = None
    revoked_by: str = ""
    rate: float = 0.0
    """Requests a second; 0: as the server says."""

    def state(self, now: float) -> str:
        """``valid``, ``expired`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "valid"


class Keys:
    """The keys as they stood when the file was read."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self.all = tuple(keys)
        self._found: dict[str, tuple[Key, bytes]] = {key.id: (key, bytes.fromhex(key.digest)) for key in self.all}

    def usable(self, now: float) -> bool:
        return any(key.state(now) == "valid" for key in self.all)

    def recognise(self, text: str, now: float) -> Caller:
        """Who holds this key. Raises Unknown; that a key expired or was revoked is told to its holder only."""
        name, _, secret = text.removeprefix(PREFIX).partition("_")
        found = self._found.get(name)
        # An unknown id is compared too, so that time does not tell which ids there are.
        right = hmac.compare_digest(digest(secret), _NOBODY if found is None else found[1])
        if found is None or not right:
            raise Unknown("unknown_key", "this key is not known")
        key = found[0]
        state = key.state(now)
        if state != "valid":
            raise Unknown(f"{state}_key", f"this key {'has expired' if state == 'expired' else 'was revoked'}")
        until = NEVER if key.expires is None else float(key.expires)
        return caller(key.name, key.id, frozenset(key.roles), until, key.rate)


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def read(home: Path) -> Keys:
    """The keys of a project's home; none when there is no file. Raises HoldfastError when it is damaged."""
    path = home / FILE
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Keys()
    except (OSError, ValueError) as error:
        raise HoldfastError(f"the keys cannot be read: {error}", where=str(path), mend=_RESTORE) from None
    try:
        if told["format"] != FORMAT:
            raise ValueError(f"its format is {told['format']!r}, not {FORMAT}")
        return Keys(_key(item) for item in told["keys"])
    except (TypeError, KeyError, ValueError) as error:
        raise HoldfastError(f"the keys cannot be read: {error!r}", where=str(path), mend=_RESTORE) from None


_RESTORE = "restore the file from a backup; to start anew remove it and create keys again"


def _key(item: Mapping[str, Any]) -> Key:
    key = Key(**{**item, "roles": tuple(item["roles"])})
    if len(bytes.fromhex(key.digest)) != 32:
        raise ValueError("a digest is not a SHA-256")
    return key


def create(
    home: Path,
    name: str,
    roles: Iterable[str],
    *,
    by: str,
    lives: int | None = None,
    rate: float = 0.0,
    now: float | None = None,
) -> tuple[Key, str]:
    """A new key, and its text, which nothing can show again. `lives` is seconds from now; None: until it is revoked.

    Several keys may have one name: they are one caller, so a key is changed by making a second before the first is
    revoked. Raises HoldfastError with everything that is wrong.
    """
    wanted = tuple(dict.fromkeys(roles))
    problems = []
    if not NAME.fullmatch(name):
        problems.append(Problem("name", "name", f"{name!r} is not a name", "letters, digits, . _ -, at most 64"))
    problems += [
        Problem("role", "unknown_value", f"there is no role {role!r}", f"one of: {', '.join(ROLES)}")
        for role in wanted
        if role not in ROLES
    ]
    if not wanted:
        problems.append(Problem("role", "missing", "it has no role", f"one of: {', '.join(ROLES)}"))
    if why := conflict(wanted):
        problems.append(Problem("role", "apart", why, "make two keys"))
    if lives is not None and lives <= 0:
        problems.append(Problem("expires", "range", "it would have expired already", "for example 90d"))
    if not 0 <= rate < 1e9:
        problems.append(Problem("rate", "range", "is not a number of requests a second", "for example 50"))
    if problems:
        raise HoldfastError("the key cannot be made", problems=problems)
    began = int(time.time() if now is None else now)
    secret = secrets.token_hex(32)
    key = Key(
        id=secrets.token_hex(6),
        name=name,
        roles=wanted,
        digest=digest(secret).hex(),
        created=began,
        created_by=by,
        expires=None if lives is None else began + lives,
        rate=rate,
    )
    with _changing(home) as keys:
        _write(home, [*keys.all, key])
    return key, f"{PREFIX}{key.id}_{secret}"


def revoke(home: Path, which: str, *, by: str, now: float | None = None) -> list[Key]:
    """Revokes the key with this id, or every key of this name, and answers those that were valid until now.

    Raises HoldfastError when there is none.
    """
    at = int(time.time() if now is None else now)
    with _changing(home) as keys:
        meant = [key for key in keys.all if which in (key.id, key.name)]
        if not meant:
            raise HoldfastError(f"there is no key {which!r}", where=str(home / FILE), mend="holdfast key list")
        ended = {key.id: replace(key, revoked=at, revoked_by=by) for key in meant if key.revoked is None}
        if ended:
            _write(home, [ended.get(key.id, key) for key in keys.all])
    return list(ended.values())


@contextmanager
def _changing(home: Path) -> Iterator[Keys]:
    """The keys, while no other process changes them."""
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home / f"{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield read(home)
    finally:
        os.close(lock)


def _write(home: Path, keys: Iterable[Key]) -> None:
    """The whole file anew: on disk before it takes the old one's place, and readable by its owner only."""
    text = json.dumps({"format": FORMAT, "keys": [asdict(key) for key in keys]}, indent=1) + "\n"
    new = home / f"{FILE}.new"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(home / FILE)
    folder = os.open(home, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
