"""DOC05: do both read the same data? By the values of the same rows, else by what names the sources' content."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.causes.odd import ordinary
from holdfast.doctor.pair import Pair

FOLLOWS = ("DOC06", "DOC07", "DOC13", "DOC14", "DOC16", "DOC17")


def look(pair: Pair) -> Finding | None:
    return _by_values(pair) or _by_name(pair)


def _by_values(pair: Pair) -> Finding | None:
    """What came in for the same rows. Where every value is other by one rule, that is a step, not a source."""
    apart = {name: left for name, gap in pair.inputs.items() if (left := ordinary(pair, gap)).count}
    if not apart:
        return None
    rows = len(next(iter(apart.values())).mask)
    told = ", ".join(f"{name} in {gap.count:,}" for name, gap in apart.items())
    says = f"of {rows:,} rows that both have, what came in differs: {told}"
    where = {name: (pair.research.sources.get(name), pair.production.sources.get(name)) for name in _names(pair)}
    paths = {name: [item.path if item else None for item in both] for name, both in where.items()}
    examples = {name: gap.examples() for name, gap in apart.items()}
    return SOURCE.found(0.97, says, explains=FOLLOWS, rows=rows, examples=examples, paths=paths)


def _by_name(pair: Pair) -> Finding | None:
    other = {}
    for name in _names(pair):
        ours, theirs = pair.research.sources.get(name), pair.production.sources.get(name)
        if ours is None or theirs is None:
            continue
        if ours.fingerprint and theirs.fingerprint:
            differs = ours.fingerprint != theirs.fingerprint
        else:
            differs = bool(ours.path and theirs.path and ours.path != theirs.path)
        if differs:
            other[name] = {
                side: {"path": item.path, "fingerprint": item.fingerprint, "rows": item.rows}
                for side, item in (("research", ours), ("production", theirs))
            }
    if not other or pair.rows_equal or _same_rows(pair):
        return None
    told = [
        f"{name} is {_told(both['research'])} in research, {_told(both['production'])} in production"
        for name, both in other.items()
    ]
    weight = 0.82 if pair.disagreements else 0.42
    return SOURCE.found(weight, "; ".join(told), explains=FOLLOWS, sources=other, differ=pair.disagreements)


def _names(pair: Pair) -> list[str]:
    return sorted({*pair.research.sources, *pair.production.sources})


def _told(source: Mapping[str, object]) -> str:
    rows = source["rows"]
    parts = [str(source["path"] or ""), str(source["fingerprint"] or "")[:12]]
    parts.append(f"{rows:,} rows" if isinstance(rows, int) else "")
    return " ".join(part for part in parts if part) or "unnamed"


def _same_rows(pair: Pair) -> bool:
    """The same ids with the same values in another file: another order, another format, no other data."""
    ours, theirs = pair.research.rows, pair.production.rows
    if ours is None or theirs is None or not (len(ours) == len(theirs) == len(pair.common[0])):
        return False
    compared = {**pair.features, **pair.inputs}
    return bool(compared) and not any(gap.count for gap in compared.values())


SOURCE = Cause(
    "DOC05",
    "Different data sources",
    "Point both places at the same source (same table, same extract, same day), and compare the fingerprints again.",
    look,
)
