"""Random worlds: a contract, the records that arrived, and the decisions to compare. One seed, one world.

Times lie on a coarse grid and windows are multiples of its step, so that ties and window edges are the rule, not the
exception. In a `history` world `known` is an instant and a decision's cut its own time; in a `replay` world `known` is
a place in the ledger and a decision's cut the place after what it had read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Literal

from tests.parity.expressions import WORDS, ZONE_NAME, Trees, node
from tests.parity.oracle import Happening, Outcome

from holdfast.contract.model import (
    KIND_OF,
    Aggregate,
    AggregateName,
    Cell,
    Contract,
    Feature,
    Field,
    Kind,
    Label,
    Source,
)
from holdfast.contract.zones import freeze_zone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VOCABULARY = ("red", "green", "blue")
SECOND, HOUR, DAY = 10**6, 3600 * 10**6, 86_400 * 10**6
BASES = (1_711_843_200 * SECOND, 0, 951_782_400 * SECOND, 1_729_987_200 * SECOND)
"""Before both changes of the clocks in Berlin, the epoch (times before it are negative), and a leap day."""
TWICE = ("payments", "logins")


@dataclass(frozen=True)
class Decision:
    """One row to compare: the event decided on and what was known (`known < cut`)."""

    own: Happening
    cut: int


@dataclass(frozen=True)
class World:
    seed: int
    mode: Literal["history", "replay"]
    contract: Contract
    happenings: tuple[Happening, ...]
    """As they arrived, repetitions of an id included (with the same content)."""
    apart: bool
    """history: outcomes are an input of their own, with versions; else columns beside the events."""
    outcomes: tuple[Outcome, ...]
    decisions: tuple[Decision, ...]
    raw: dict[str, dict[str, str]]
    """By source and id, the JSON text of every field that the event's body has."""

    def body(self, item: Happening) -> bytes:
        fields = self.raw[f"{item.source}/{item.id}"]
        return ("{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in fields.items()) + "}").encode()


def world(seed: int) -> World:
    random = Random(seed)
    mode: Literal["history", "replay"] = random.choice(("history", "replay"))
    step = random.choice((1, SECOND, HOUR, DAY))
    base = random.choice(BASES)
    sources = _sources(random, mode, step)
    label = _label(random, mode, step)
    contract = _contract(random, sources, label, step, [base + i * step for i in range(-3, 30)])
    happenings, raw = _happenings(random, mode, sources, base, step)
    apart = mode == "replay" or random.random() < 0.5
    outcomes = _outcomes(random, mode, label, sources[0], happenings, step, apart)
    made = World(seed, mode, contract, tuple(happenings), apart, tuple(outcomes), (), raw)
    return _decided(random, made)


def _sources(random: Random, mode: str, step: int) -> tuple[Source, Source]:
    scale = random.choice((0, 1, 2, 2, 2, 4))
    kind = Field("kind", "category", values=VOCABULARY, nullable=True, on_unknown="unknown", placeholders=('"N/A"',))
    payments = Source(
        "payments",
        "id",
        "at",
        (
            Field("id", "text"),
            Field("at", "timestamp"),
            Field("card", "text", nullable=True),
            Field("shop", "integer", nullable=True),
            kind,
            Field("amount", "decimal", scale=scale, nullable=True, placeholders=('"none"',)),
            Field("pieces", "integer", nullable=True),
            Field("ratio", "real", nullable=True),
            Field("open", "boolean", nullable=True),
            Field("note", "text", nullable=True),
            Field("seen", "timestamp", nullable=True),
        ),
    )
    logins = Source(
        "logins",
        "login",
        "when",
        (
            Field("login", "text"),
            Field("when", "timestamp"),
            Field("user", "text", nullable=True),
            kind,
            Field("score", "decimal", scale=random.choice((0, 3)), nullable=True),
            Field("level", "real", nullable=True),
            Field("good", "boolean", nullable=True),
        ),
    )
    if mode == "replay":
        return payments, logins
    arrival = [
        {"known_at": "arrived"} if random.random() < 0.5 else {"lag": random.choice((0, 1, step, 3 * step))}
        for _ in TWICE
    ]
    return replace(payments, **arrival[0]), replace(logins, **arrival[1])


def _label(random: Random, mode: str, step: int) -> Label:
    known_after = random.choice((0, 1, step, 4 * step, 5 * step - 1))
    absent = random.choice((None, False, False))
    final_after = None if absent is None else known_after + random.choice((0, 1, step, 6 * step))
    received = "found_at" if mode == "history" and random.random() < 0.5 else None
    return Label("bad", "payments", known_after, absent, final_after, received)


def _contract(random: Random, sources: Sequence[Source], label: Label, step: int, instants: Sequence[int]) -> Contract:
    aggregates: list[Aggregate] = []
    while len(aggregates) < random.randint(1, 6):
        made = _aggregate(random, sources, label, step, instants)
        if made not in aggregates:
            aggregates.append(made)
    kinds = [_kind(item, sources) for item in aggregates]
    trees = Trees(random, sources[0], instants, kinds)
    features = []
    for i, kind in enumerate(kinds):
        if kind == "timestamp":
            at = node("field", "timestamp", name="at", source="payments")
            expr = node("seconds_between", "number", at, node("aggregate", kind, index=i))
        else:
            expr = node("aggregate", kind, index=i)
        features.append(Feature(f"a{i}", expr))
    for i in range(random.randint(1, 4)):
        kind = random.choice(("number", "number", "boolean", "category"))
        features.append(Feature(f"f{i}", trees.tree(kind, 3)))
    return Contract(
        "c", "payments", "bad", (label,), tuple(sources), tuple(aggregates), tuple(features), (freeze_zone(ZONE_NAME),)
    )


def _kind(ask: Aggregate, sources: Sequence[Source]) -> Kind:
    if ask.name not in ("first", "last", "as_of") or ask.value is None:
        return "number"
    source = next(item for item in sources if item.name == ask.source)
    return KIND_OF[source.field(ask.value).type]


_VALUES: dict[AggregateName, tuple[str, ...]] = {
    "count": ("amount", "pieces", "score"),
    "sum": ("amount", "pieces", "open", "score", "good"),
    "mean": ("amount", "pieces", "open", "score", "good"),
    "std": ("amount", "pieces", "score"),
    "min": ("amount", "pieces", "ratio", "score", "level"),
    "max": ("amount", "pieces", "ratio", "score", "level"),
    "first": ("amount", "ratio", "open", "kind", "seen", "score", "level", "good"),
    "last": ("amount", "ratio", "open", "kind", "seen", "score", "level", "good"),
    "as_of": ("amount", "ratio", "open", "kind", "seen", "score", "level", "good"),
    "distinct": ("amount", "pieces", "kind", "note", "score"),
    "seconds_since_last": (),
}


def _aggregate(
    random: Random, sources: Sequence[Source], label: Label, step: int, instants: Sequence[int]
) -> Aggregate:
    payments, logins = sources
    over = max(1, random.choice((random.randint(1, 20), 60)) * step + random.choice((0, 0, 0, 1, -1)))
    ending = random.choice((0, 0, 0, 1, step, 5 * step))
    own = random.random() < 0.75
    if own:
        keys = on = random.choice((("card",), ("card",), ("shop",), ("kind",), ("card", "shop")))
    else:
        keys, on = random.choice(((("user",), ("card",)), (("user", "kind"), ("card", "kind"))))
    source = payments if own else logins
    where = Trees(random, source, instants).tree("boolean", 2) if random.random() < 0.35 else None
    at_least = random.choice((0, 0, 0, 1, 2, 3))
    otherwise = random.choice((None, None, 0.0, -1.5, 7.0))
    if own and random.random() < 0.3:
        labelled: AggregateName = random.choice(("count", "sum", "mean", "mean"))
        return Aggregate(
            labelled, "payments", keys, on, over, ending, "bad", True, where, at_least=at_least, otherwise=otherwise
        )
    ask = random.choice(tuple(_VALUES))
    names = {item.name for item in source.fields}
    values = [item for item in _VALUES[ask] if item in names]
    value = random.choice(values) if values and not (ask == "count" and random.random() < 0.6) else None
    made = Aggregate(
        ask,
        source.name,
        keys,
        on,
        over,
        0 if ask == "as_of" else ending,
        value,
        where=where,
        including_current=own and ending == 0 and ask not in ("as_of", "seconds_since_last") and random.random() < 0.3,
        at_least=at_least,
        otherwise=otherwise,
        skip_nulls=ask in ("first", "last") and random.random() < 0.5,
        cap=random.choice((1, 2, 3, 1000)) if ask == "distinct" else 1000,
    )
    kind = _kind(made, sources)
    if kind == "category" and otherwise is not None:
        return replace(made, otherwise=random.randint(2, 4))
    if kind == "boolean" and otherwise is not None:
        return replace(made, otherwise=random.choice((0, 1)))
    return replace(made, otherwise=None) if kind == "timestamp" else made


def _happenings(
    random: Random, mode: str, sources: Sequence[Source], base: int, step: int
) -> tuple[list[Happening], dict[str, dict[str, str]]]:
    numbers = random.choice(("small", "small", "tiny", "huge"))
    made: list[Happening] = []
    raw: dict[str, dict[str, str]] = {}
    for source, most in zip(sources, (random.choice((3, 12, 30, 60)), random.choice((0, 5, 15))), strict=True):
        for i in range(random.randint(1, most) if most else 0):
            time = base + random.randint(-3, 30) * step + random.choice((0, 0, 0, 0, 1, -1))
            name = f"{random.choice(('x', 'y', 'é', '𝒳'))}{i}"
            cells: dict[str, Cell] = {}
            texts: dict[str, str] = {}
            for field in source.fields:
                cell = _cell(random, field, numbers, base, step)
                cell = name if field.name == source.id else time if field.name == source.time else cell
                cells[field.name] = cell
                text = _json(random, field, cell)
                if text is not None:
                    texts[field.name] = text
            raw[f"{source.name}/{name}"] = texts
            known = time + source.lag
            if source.known_at is not None:
                known = time + random.choice((0, 0, 1, step, 10 * step, -step))
            made.append(Happening(source.name, name, time, known, cells))
            if source.known_at is not None and random.random() < 0.1:
                made.append(replace(made[-1], known=known + random.choice((-1, 1, 2 * step))))
    if mode == "replay":
        late = [(item.time + random.choice((0, 0, 0, step, 12 * step)), random.random(), item) for item in made]
        late += [
            (at + random.choice((1, 5 * step)), random.random(), item) for at, _, item in late if random.random() < 0.1
        ]
        order = [item for _, _, item in sorted(late, key=lambda row: row[:2])]
        made = [replace(item, known=2 * i + 2) for i, item in enumerate(order)]
    return made, raw


NEAR_TIES = (2.675, 1.115, -1.005, 0.285)
"""Doubles whose hundredfold is a tie, or next to one, only by rounding."""
_POOLS: dict[str, tuple[int, ...]] = {"tiny": (0, 1), "huge": (2**52 - 1, -(2**52) + 1, 2**51, 3, -1, 0)}


def _cell(random: Random, field: Field, numbers: str, base: int, step: int) -> Cell:
    if field.nullable and random.random() < 0.15:
        return 0 if field.type == "category" else None
    if field.name in ("card", "user", "shop"):
        entity = random.choice((1, 1, 1, 2, 3))
        return entity if field.type == "integer" else f"c{entity}"
    if field.type in ("integer", "decimal"):
        pool = _POOLS.get(numbers)
        return random.choice(pool) if pool else random.randint(-300, 900)
    if field.type == "real":
        return random.choice((0.0, 1.5, -2.25, 1e300, -1.7e308, 5e-324, *NEAR_TIES, random.uniform(-5, 5)))
    if field.type == "boolean":
        return random.randint(0, 1)
    if field.type == "category":
        return random.randint(1, 4)
    return base + random.randint(-40, 40) * step if field.type == "timestamp" else random.choice(WORDS)


def _json(random: Random, field: Field, cell: Cell) -> str | None:
    """The JSON text of a cell, one of those that mean it; None: the field is left out."""
    if cell is None or (field.type == "category" and cell == 0):
        return random.choice(("null", None, *field.placeholders))
    if field.type == "decimal":
        number = Decimal(int(cell)).scaleb(-field.scale)
        return f"{number:f}"
    if field.type == "boolean":
        return "true" if cell else "false"
    if field.type == "category":
        return json.dumps("beyond" if cell == 1 else VOCABULARY[int(cell) - 2])
    if field.type == "timestamp":
        moment = EPOCH + timedelta(microseconds=int(cell))
        return json.dumps(moment.isoformat().replace("+00:00", random.choice(("Z", "+00:00"))))
    if field.type == "real":
        return "-0.0" if cell == 0 and random.random() < 0.5 else repr(float(cell))
    return json.dumps(cell)


def _outcomes(
    random: Random,
    mode: str,
    label: Label,
    payments: Source,
    happenings: Sequence[Happening],
    step: int,
    versions: bool,
) -> list[Outcome]:
    made = []
    told = {item.id: item for item in happenings if item.source == payments.name}
    last = max((item.known for item in happenings), default=0)
    arrives = mode == "history" and (label.received_at is not None or versions)
    for item in told.values():
        if random.random() < 0.45:
            continue
        for version in random.sample((1, 2, 3), random.choice((1, 1, 2, 3))) if versions else (1,):
            if mode == "replay":
                known = 2 * random.randint(0, last // 2) + 1
            elif arrives and random.random() < 0.85:
                known = item.time + random.choice((0, step, 6 * step, 15 * step))
            else:
                known = item.time + label.known_after  # no receipt: assumed
            made.append(Outcome(payments.name, label.name, item.id, version, random.randint(0, 1), known))
    return made


def _decided(random: Random, made: World) -> World:
    if made.mode == "history":
        first: dict[str, Happening] = {}
        for item in sorted(made.happenings, key=lambda item: item.known):
            if item.source == made.contract.decide_on:
                first.setdefault(item.id, item)
        rows = [Decision(item, item.time) for item in first.values()]
    else:
        seen: set[str] = set()
        rows = []
        for item in made.happenings:
            if item.source == made.contract.decide_on and item.id not in seen:
                seen.add(item.id)
                # Requests in flight together: a few read before their neighbours were applied.
                rows.append(Decision(item, max(1, item.known - random.choice((0, 0, 0, 0, 3)))))
    return replace(made, decisions=tuple(rows))
