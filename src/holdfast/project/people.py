"""Who is at the keyboard: the holder of the key in `HOLDFAST_KEY`, else the user that the machine says."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from holdfast.access import keys
from holdfast.access.callers import Caller, Unknown
from holdfast.access.roles import permissions
from holdfast.errors import HoldfastError
from holdfast.project.project import Project

VARIABLE = "HOLDFAST_KEY"


@dataclass(frozen=True)
class Person:
    """Somebody by name; `key` is the id of the key that proved it, empty where only the machine says so."""

    name: str
    key: str = ""
    held: frozenset[str] = frozenset()


def person(project: Project) -> Person:
    """Who acts now. Raises HoldfastError when the key given is not known, expired or revoked."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return Person(machine_user())
    try:
        found: Caller = keys.read(project.home).recognise(text, time.time())
    except Unknown as error:
        raise HoldfastError(error.what, where=VARIABLE, mend="`holdfast key list` shows which keys there are") from None
    return Person(found.name, found.account, permissions(found.roles))


def proven(project: Project, permission: str) -> Person:
    """Who acts now, proved by a key that permits it. Raises HoldfastError where it is not."""
    found = person(project)
    if not found.key:
        raise HoldfastError(
            "it must be proved who does this",
            where=VARIABLE,
            mend="put your key into the environment: HOLDFAST_KEY=hf_…; an admin makes one: holdfast key create",
        )
    if permission not in found.held:
        raise HoldfastError(f"the key of {found.name} does not permit this: it needs `{permission}`", where=VARIABLE)
    return found


def machine_user() -> str:
    """The user of this machine, by the number that the system knows: no variable can say another name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def signer(project: Project, told: str | None) -> str:
    """The name that goes under a decision: a key's before what is typed, and that before the machine's."""
    found = person(project)
    return found.name if found.key else told or found.name


@contextmanager
def acting(key: str) -> Iterator[None]:
    """As the holder of this key, while the block lasts."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = key
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
