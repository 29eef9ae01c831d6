"""Who asks, for what runs below the guard: set once a request, read where a decision is made or looked up.

A context variable, so that no signature between the guard and the ledger has to carry it; each request is a task with a
context of its own, and `asyncio.to_thread` copies it.
"""

from __future__ import annotations

from contextvars import ContextVar

from holdfast.ledger.records import Decision

CALLER: ContextVar[str] = ContextVar("caller", default="")
"""The name of the caller; empty on an open server, where nobody is known."""

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the request, which its reply carries too; for logs."""


def own(decision: Decision) -> bool:
    """Whether the caller may look at this decision and say what came of it.

    What nobody is recorded for, because it was decided before the server was locked, is open to everyone who may
    explain at all; and where nobody is known there is nothing to tell apart.
    """
    name = CALLER.get()
    return not name or decision.caller in ("", name)
