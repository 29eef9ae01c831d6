"""Reasons as the ledger keeps them: enough to answer a retry, and to be computed again and compared."""

from __future__ import annotations

import msgspec


class Reason(msgspec.Struct, array_like=True, frozen=True):
    """One reason: what a group of features added to the raw score beyond what it adds in the reference population."""

    group: str
    feature: str
    """The member that moved the score most; `text` speaks of it."""
    value: float
    """That feature's, as in the feature row."""
    contribution: float
    """Of the whole group, to the raw score."""
    reference: float
    """What the group contributes on average in the reference population."""
    text: str


class Because(msgspec.Struct, array_like=True, frozen=True):
    """The reasons of one decision, first one first, and what they were told against.

    `against` names the population (``approved``, ``just_approved``, ``all``); empty: the bundle has no reference, so
    contributions stand against the model's own base value. `most` is how many were asked for.
    """

    against: str
    most: int
    reasons: tuple[Reason, ...] = ()
