"""Random row expressions over the fields of one source and, for features, over aggregates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from holdfast.contract.model import KIND_OF, Kind, Node, Source

KINDS: tuple[Kind, ...] = ("number", "boolean", "category", "text", "timestamp")
NUMBERS = (0.0, 1.0, -1.0, 0.5, 2.5, 10.0, -7.25, 2.675, 1.115, 100.0, 1e-9, 1e15, 1e308)
WORDS = ("", "a", "A", "ab", "Ä", "Straße", "B", "zz")
ZONE_NAME = "Europe/Berlin"


def node(op: str, kind: Kind, *args: Node, **params: Any) -> Node:
    return Node(op, kind, args, tuple(sorted(params.items())))


class Trees:
    """Expressions over a source's fields, with `aggregates` (kind of each) or none."""

    def __init__(
        self, random: Random, source: Source, instants: Sequence[int], aggregates: Sequence[Kind] = ()
    ) -> None:
        self.random = random
        self.instants = instants
        self.leaves: dict[Kind, list[Node]] = {kind: [] for kind in KINDS}
        for item in source.fields:
            kind = KIND_OF[item.type]
            self.leaves[kind].append(node("field", kind, name=item.name, source=source.name))
        for i, kind in enumerate(aggregates):
            self.leaves[kind].append(node("aggregate", kind, index=i))
        own: Mapping[Kind, tuple[str, ...]] = {
            "number": (
                *("add", "sub", "mul", "div", "neg", "abs", "floor", "ceil", "least", "greatest", "log", "exp"),
                *("sqrt", "pow", "round", "bin", "length", "part", "seconds_between", "if", "coalesce"),
            ),
            "boolean": (
                *("eq", "ne", "lt", "le", "gt", "ge", "is_in", "is_null", "and", "or", "not", "starts_with"),
                *("ends_with", "contains", "if", "coalesce"),
            ),
            "category": ("to_category", "if", "coalesce"),
            "text": ("lower", "coalesce"),
            "timestamp": ("if", "coalesce"),
        }
        self.own = own

    def leaf(self, kind: Kind) -> Node:
        leaves = self.leaves[kind]
        if leaves and self.random.random() < 0.75:
            return self.random.choice(leaves)
        return node("literal", kind, value=None if self.random.random() < 0.1 else self.constant(kind))

    def constant(self, kind: Kind) -> Any:
        if kind == "number":
            return self.random.choice((*NUMBERS, self.random.randint(-3, 3), self.random.randint(-500, 500) / 100))
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "category":
            return self.random.randint(2, 4)
        return self.random.choice(WORDS) if kind == "text" else self.random.choice(self.instants)

    def tree(self, kind: Kind, depth: int) -> Node:
        if depth == 0 or self.random.random() < 0.15:
            return self.leaf(kind)
        op = self.random.choice(self.own[kind])

        def sub(inner: Kind) -> Node:
            return self.tree(inner, depth - 1)

        def some(inner: Kind) -> list[Node]:
            return [sub(inner) for _ in range(self.random.choice((2, 2, 3)))]

        if op == "if":
            return node(op, kind, sub("boolean"), sub(kind), sub(kind))
        if op == "coalesce":
            return node(op, kind, *some(kind))
        if op in ("add", "mul", "least", "greatest"):
            return node(op, kind, *some("number"))
        if op in ("and", "or"):
            return node(op, kind, *some("boolean"))
        if op in ("sub", "div", "pow"):
            return node(op, kind, sub("number"), sub("number"))
        if op == "seconds_between":
            return node(op, kind, sub("timestamp"), sub("timestamp"))
        if op == "round":
            return node(op, kind, sub("number"), digits=self.random.choice((0, 1, 2, 2, 2, 6, 12)))
        if op == "bin":
            return node(op, kind, sub("number"), edges=tuple(sorted(self.random.sample(NUMBERS, 3))))
        if op == "length":
            return node(op, kind, sub("text"))
        if op == "part":
            name = self.random.choice(("hour", "minute", "weekday", "day", "month", "year", "day_of_year"))
            return node(name, kind, sub("timestamp"), zone=self.random.choice((None, ZONE_NAME)))
        if op in ("eq", "ne"):
            inner = self.random.choice(KINDS)
            return node(op, kind, sub(inner), sub(inner))
        if op == "is_null":
            return node(op, kind, sub(self.random.choice(KINDS)))
        if op in ("lt", "le", "gt", "ge"):
            inner = self.random.choice(("number", "number", "timestamp", "text"))
            return node(op, kind, sub(inner), sub(inner))
        if op == "is_in":
            inner = self.random.choice(("number", "category", "text"))
            values = tuple(dict.fromkeys(self.constant(inner) for _ in range(3)))
            return node(op, kind, sub(inner), values=values)
        if op in ("starts_with", "ends_with", "contains"):
            return node(op, kind, sub("text"), text=self.random.choice(WORDS))
        if op == "to_category":
            return node(op, kind, sub("text"), values=("a", "ab", "B"))
        return node(op, kind, sub(kind))
