"""What is wrong with a contract, each with the line of the user's file, gathered without stopping its evaluation.

An expression made from something wrong carries its faults on; the contract shows them all when it is frozen. While a
file is loaded, faults of expressions that no feature uses are gathered too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from holdfast.errors import HoldfastError, Problem

CODES = {
    "leak": "the feature would see its own future, or a label before it is known",
    "unknown_name": "a field, source, zone, value or word that does not exist",
    "kind": "an operation on a value of the wrong kind",
    "value": "a parameter outside what it may be",
    "missing": "a parameter that has no default was left out",
    "duplicate": "the same name twice",
    "key": "an entity that cannot be matched with the deciding event",
    "answer": "an expression whose answer cannot be a feature",
    "truth": "an expression used as a Python condition",
    "file": "the file could not be evaluated",
}
"""Every code a fault may have, and what it means."""

_ROOM = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: a code of `CODES`, the place (``contract.py:12``), what, and the mend."""

    code: str
    where: str
    what: str
    mend: str = ""


_gathered: ContextVar[list[Fault] | None] = ContextVar("faults of the file being loaded", default=None)


def fault(code: str, what: str, mend: str = "", where: str | None = None) -> Fault:
    """A fault at the user's line (or `where`)."""
    found = Fault(code, here() if where is None else where, what, mend)
    gathered = _gathered.get()
    if gathered is not None:
        gathered.append(found)
    return found


@contextmanager
def gathering() -> Iterator[list[Fault]]:
    """Every fault made inside, in order."""
    faults: list[Fault] = []
    token = _gathered.set(faults)
    try:
        yield faults
    finally:
        _gathered.reset(token)


def is_gathering() -> bool:
    return _gathered.get() is not None


def here() -> str:
    """File and line of the nearest frame outside this room: the user's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_ROOM):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def suggest(name: object, known: Iterable[str]) -> str:
    """``did you mean 'amount'?``, or the list of what there is."""
    names = list(known)
    close = get_close_matches(str(name), names, n=1, cutoff=0.55)
    if close:
        return f"did you mean {close[0]!r}?"
    return "there is " + ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else ""


def refuse(what: str, faults: Iterable[Fault]) -> HoldfastError:
    """The error that shows every fault once, in the order of the file's lines."""
    once = sorted(set(faults), key=lambda item: (_line(item.where), item.code, item.what))
    return HoldfastError(what, problems=[Problem(item.where, item.code, item.what, item.mend) for item in once])


def _line(where: str) -> tuple[str, int]:
    file, _, line = where.rpartition(":")
    return (file, int(line)) if line.isdigit() else (where, 0)
