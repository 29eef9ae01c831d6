"""One cause instead of ten symptoms: findings in the order of what explains what, the explained ones marked so.

A named change of a field explains every drift of what is made of that field; any change of inputs explains scores and
decisions, but that more than twice as many are decided positively is explained by a named change alone: people are
stopped, and somebody has to help them; refusals and a population that stopped coming explain volume. What nothing
explains stays an alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from holdfast.monitoring.finding import Finding

ORDER = (
    "errors", "overload", "silence", "new_version", "skew", "schema", "types", "time", "swapped", "units",
    "time_zone", "missing",
    "stale", "placeholder", "vocabulary", "nulls", "population", "scale", "frozen", "positive_spike", "night_shift",
    "range", "arrival", "refused", "turned_away", "more_volume", "less_volume", "hours", "drift", "many_features",
    "decisions", "score", "latency",
)  # fmt: skip
"""Causes, the one that explains most first."""
RANK = {cause: at for at, cause in enumerate(ORDER)}
OF_FIELD = frozenset(
    {"schema", "types", "units", "swapped", "time_zone", "missing", "stale", "placeholder", "vocabulary", "nulls",
     "scale", "frozen", "range"}
)  # fmt: skip
"""Causes that are one field's."""
OF_ALL = frozenset({"population", "positive_spike", "night_shift"})
"""Causes that move many features a little."""
SYMPTOMS = frozenset({"drift", "many_features", "decisions", "score", "hours", "range"})
OUTPUTS = frozenset({"decisions", "score", "positive_spike"})
VOLUME = frozenset({"more_volume", "less_volume", "silence"})
STOPS = frozenset({"schema", "types", "refused", "errors", "overload", "turned_away", "population"})
MOVES = frozenset({"night_shift", "time_zone", "positive_spike"})
MOVED = frozenset({"drift", "scale", "range"})
"""That one feature moved. Where many did, none of them is the cause."""
UNNAMED = frozenset({"drift", "many_features", "score"})
"""That something came otherwise, and not what."""
WIDE = 3
"""So many unrelated features that drift have something in common which is none of them."""


def ordered(findings: Iterable[Finding], roots: Mapping[str, frozenset[str]]) -> list[Finding]:
    """All findings, alerts first and the explaining ones before the explained. `roots`: feature → fields it reads."""
    every = list(findings)
    alerts = sorted((item for item in every if item.status == "alert"), key=_key)
    kept: list[Finding] = []
    told: list[Finding] = []
    wide = _unrelated([item for item in alerts if item.cause in MOVED], roots) >= WIDE
    for item in alerts:
        cause = next((known for known in kept if _explains(known, item, roots, wide)), None)
        if cause is None:
            kept.append(item)
        else:
            by = f"{cause.code} {cause.cause}{' of ' + cause.feature if cause.feature else ''}"
            told.append(replace(item, status="explained", evidence={**item.evidence, "explained_by": by}))
    if wide and not any(item.cause in (OF_FIELD - MOVED) | OF_ALL for item in kept):
        kept, told = _together(kept, told)
    return [*kept, *told, *(item for item in every if item.status != "alert")]


def _key(item: Finding) -> tuple[int, int, str, str]:
    return (RANK.get(item.cause, len(ORDER)), item.predictions, item.code, item.feature)


def _explains(known: Finding, item: Finding, roots: Mapping[str, frozenset[str]], wide: bool) -> bool:
    if known.code == item.code and known.cause == item.cause:
        return known.cause in OF_FIELD and item.feature != known.feature and _related(known, item, roots)
    if item.cause in ("hours", "night_shift") and known.cause in VOLUME:
        return True
    if item.cause in VOLUME:
        return known.cause in STOPS | MOVES
    if known.cause == "new_version":
        return item.cause in OUTPUTS
    if item.cause == "decisions" and item.severity == "high" and known.cause in UNNAMED:
        return False
    if item.cause in OUTPUTS and (known.code.startswith(("WATCH1", "WATCH2")) or known.cause in OUTPUTS):
        return known.cause not in ("arrival",)
    if known.cause in OF_FIELD and item.code.startswith(("WATCH1", "WATCH2")):
        return (item.cause == "many_features" and not (wide and known.cause in MOVED)) or _related(known, item, roots)
    if known.cause in OF_ALL:
        return item.cause in SYMPTOMS | {"scale", "nulls", "population", "night_shift", "frozen", "vocabulary"}
    return item.cause == "many_features" and known.cause == "drift" and not wide


def _related(known: Finding, item: Finding, roots: Mapping[str, frozenset[str]]) -> bool:
    """The same feature, or one made of the same fields."""
    if not item.feature or not known.feature:
        return False
    fields = set(_fields(known.feature, roots))
    for name in known.evidence.get("pair", ()):
        fields |= _fields(name, roots)
    for name in known.evidence.get("fields", ()):
        fields |= _fields(name, roots)
    return bool(fields & _fields(item.feature, roots))


def _fields(name: str, roots: Mapping[str, frozenset[str]]) -> frozenset[str]:
    found = frozenset(field.rpartition(".")[2] for field in roots.get(name, frozenset({name})))
    return frozenset(field for field in found if field != "*") or frozenset({name})


def _unrelated(drifts: Sequence[Finding], roots: Mapping[str, frozenset[str]]) -> int:
    """How many of them have no field in common with one before."""
    seen: list[frozenset[str]] = []
    for item in drifts:
        fields = _fields(item.feature, roots)
        if not any(fields & other for other in seen):
            seen.append(fields)
    return len(seen)


def _together(kept: list[Finding], told: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Many features at once, and none of them the cause: one alert of the share, the features beneath it."""
    share = next((item for item in kept if item.cause == "many_features"), None)
    if share is None:
        return kept, told
    drifts = [item for item in kept if item.cause in MOVED]
    under = [
        replace(item, status="explained", evidence={**item.evidence, "explained_by": f"{share.code} many_features"})
        for item in drifts
    ]
    return [share, *(item for item in kept if item.cause not in MOVED | {"many_features"})], [*under, *told]
