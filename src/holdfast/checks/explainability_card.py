"""GATE604: can the model card be written from what was measured, and is nothing missing in it?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from holdfast.checks.card import made
from holdfast.checks.check import EXPLAINABILITY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject

if TYPE_CHECKING:
    from holdfast.checks.verdict import Asked

_NO_FIGURE = re.compile(r"\bnan\b|\binf\b|\bNone\b")
_QUOTED = re.compile(r"- GATE\d{3,4} ")
"""What another check found, in its words: `amount = nan is answered with nan` is a finding, no figure that lacks."""


def weigh(subject: Subject, limits: Limits, asked: Sequence[Asked]) -> Answer:
    try:
        card = made(subject, limits, asked)
        text, page = card.markdown(), card.html()
    except (KeyError, TypeError, ValueError) as fault:
        why = f"the card cannot be written: the manifest does not say {fault!r}"
        return failed(why, "train the version again, with this Holdfast")
    own = [line for line in text.splitlines() if not _QUOTED.match(line)]
    missing = [*card.missing, *(f"no figure: {line[:80]}" for line in own if _NO_FIGURE.search(line))]
    evidence = {
        "sections": [item.title for item in card.sections],
        "tables": sum(len(item.tables) for item in card.sections),
        "figures": len(re.findall(r"\d+(?:[.,]\d+)*", text)),
        "missing": missing,
        "sha256": sha256(text.encode()).hexdigest(),
        "html_bytes": len(page.encode()),
    }
    if missing:
        return failed("; ".join(missing[:5]), "measure what is missing: see the checks it names", **evidence)
    return passed(f"{len(card.sections)} sections with {evidence['figures']} figures, all measured", **evidence)


def ask(subject: Subject, limits: Limits) -> Answer:
    return weigh(subject, limits, ())


CHECK = Check("GATE604", EXPLAINABILITY, "The model card is complete", ask, weigh=weigh)
