"""Words that may leave: those of the contract and ours. What a client sent is hidden before an alert is written down.

By permission, not by prohibition: a text in a finding's evidence that nobody vouches for is hidden there, in its
sentences and in its name. Figures stay.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from holdfast.contract.glossary import REFUSALS
from holdfast.contract.model import Contract
from holdfast.monitoring.causes import ORDER
from holdfast.monitoring.finding import Finding

HIDDEN = "…"
"""Stands where a client's word stood."""
CODE = "code"
"""The name of a figure that holds what the server calls a problem: one of its own words."""
FIGURES = frozenset(
    {"value", "low", "high", "from", "to", "estimated", "realised", "missed", "rows", "positives", "blocks", "slope",
     "offset", "roc_auc", "precision", "recall", "f1", "alert_rate", "positive_rate", "share"}
)  # fmt: skip
"""What figures within figures are called."""
LONG = 4
"""Words of so many characters are hidden inside other words too; a shorter one would hide half the sentence."""
_OURS = re.compile(r"WATCH[0-9]{3}|[0-9]{3}|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.+]+Z?)?")
"""What nobody need vouch for: codes of watches, HTTP statuses, dates and times."""


def ours(contracts: Iterable[Contract]) -> frozenset[str]:
    """Everything that these contracts say, and the words that refusals and causes are made of."""
    said = {word for contract in contracts for word in texts(contract.as_json())}
    return frozenset({*said, *REFUSALS, *ORDER, *FIGURES, HIDDEN})


def cleaned(found: Finding, words: Collection[str]) -> Finding:
    """The finding without a text that is not among these words."""
    theirs: set[str] = set()
    # What a figure is called is ours; below that a name may be a word that somebody sent, counted.
    evidence = {name: _kept(value, words, theirs) for name, value in found.evidence.items() if name != CODE}
    if CODE in found.evidence:
        evidence[CODE] = found.evidence[CODE]
    feature, segment = _feature(found.feature, words)
    if feature != found.feature:
        theirs.add(segment)
    why, mend = (_without(text, theirs) for text in (found.why, found.mend))
    return replace(found, feature=feature, why=why, mend=mend, evidence=evidence)


def _feature(name: str, words: Collection[str]) -> tuple[str, str]:
    """A feature's name as it may leave, and what of it may not; a segment (``field = value``) keeps its field."""
    head, _, segment = (part.strip() for part in name.partition("="))
    if not name or name in words or (head in words and segment in words):
        return name, ""
    return (f"{head} = {HIDDEN}", segment) if segment and head in words else (HIDDEN, name)


def _kept(value: Any, words: Collection[str], theirs: set[str]) -> Any:
    """Numbers and truths as they are, texts where they are ours; `theirs` collects the others."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_kept(str(name), words, theirs): _kept(item, words, theirs) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_kept(item, words, theirs) for item in value]
    text = str(value)
    if text in words or _OURS.fullmatch(text):
        return text
    theirs.add(text)
    return HIDDEN


def _without(text: str, theirs: Collection[str]) -> str:
    """A sentence without the words that did not pass; longer ones first, so that none is left in half."""
    for word in sorted((word for word in theirs if word.strip()), key=len, reverse=True):
        pattern = re.escape(word)
        text = re.sub(pattern if len(word) >= LONG else rf"(?<!\w){pattern}(?!\w)", HIDDEN, text)
    return text


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of fields too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield str(name)
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
