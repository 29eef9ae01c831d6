"""What a world holds: constructs of the language, and oddities of its stream."""

from __future__ import annotations

from collections import Counter

from tests.parity.generate import World
from tests.parity.oracle import Outcome


def tally(made: World) -> Counter[str]:
    """Which constructs of the language, and which oddities of a stream, this world holds."""
    counts: Counter[str] = Counter()
    contract = made.contract
    for feature in contract.features:
        counts.update(f"op {item.op}" for item in feature.expr.walk())
    for ask in contract.aggregates:
        field = None if ask.value is None or ask.label else contract.source(ask.source).field(ask.value)
        counts[f"aggregate {'label ' if ask.label else ''}{ask.name}"] += 1
        counts[f"value {'none' if field is None else field.type}"] += 1
        counts["another source"] += ask.source != contract.decide_on
        counts["two keys"] += len(ask.keys) > 1
        for name, used in (
            ("where", ask.where is not None),
            ("ending", ask.ending > 0),
            ("including_current", ask.including_current),
            ("at_least", ask.at_least > 0),
            ("otherwise", ask.otherwise is not None),
            ("skip_nulls", ask.skip_nulls),
            ("small cap", ask.cap < 10),
        ):
            counts[name] += used
        for item in ask.where.walk() if ask.where is not None else ():
            counts[f"filter {item.op}"] += 1
    label = contract.target
    counts["label absent " + str(label.absent)] += 1
    counts["label received_at"] += label.received_at is not None
    counts["known_at"] += sum(item.known_at is not None for item in contract.sources)
    counts["lag"] += sum(item.lag > 0 for item in contract.sources)
    counts[made.mode] += 1
    _tally_stream(made, counts)
    return counts


def _tally_stream(made: World, counts: Counter[str]) -> None:
    ids = {(item.source, item.id) for item in made.happenings}
    counts["events"] += len(ids)
    counts["duplicate events"] += len(made.happenings) - len(ids)
    times = Counter(
        (item.source, item.time, item.cells.get("card", item.cells.get("user"))) for item in made.happenings
    )
    counts["tied events"] += sum(n for n in times.values() if n > 1)
    counts["decisions"] += len(made.decisions)
    for row in made.decisions:
        before = [item for item in made.happenings if item.source == row.own.source and item.time < row.own.time]
        counts["late for a decision"] += sum(item.known >= row.cut for item in before)
        counts["decisions with an empty past"] += not any(item.known < row.cut for item in before)
    cells = [cell for item in made.happenings for cell in item.cells.values()]
    counts["null cells"] += sum(cell is None for cell in cells)
    counts["negative cells"] += sum(not isinstance(cell, str) and cell is not None and cell < 0 for cell in cells)
    counts["huge cells"] += sum(isinstance(cell, int) and abs(cell) == 2**52 - 1 for cell in cells)
    by_id: dict[str, list[Outcome]] = {}
    for item in made.outcomes:
        by_id.setdefault(item.id, []).append(item)
    payments = {item.id for item in made.happenings if item.source == made.contract.decide_on}
    counts["outcomes"] += len(made.outcomes)
    counts["labels never received"] += len(payments - by_id.keys())
    counts["labels corrected"] += sum(len(items) > 1 for items in by_id.values())
    arrived = {item.id: item.known for item in reversed(made.happenings) if item.source == made.contract.decide_on}
    counts["outcome before its event"] += sum(item.known < arrived[item.id] for item in made.outcomes)
    counts["older version arriving later"] += sum(
        one.version < other.version and one.known > other.known
        for items in by_id.values()
        for one in items
        for other in items
    )
