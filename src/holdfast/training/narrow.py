"""A contract with features left out: for what is missing in live."""

from __future__ import annotations

from dataclasses import replace

from holdfast.contract.model import Contract, Node


def without(contract: Contract, names: tuple[str, ...]) -> Contract:
    """The contract that asks for nothing only these features used.

    Aggregates nobody reads go; fields of the deciding source nobody reads become optional, so that a request may
    still carry them, or not.
    """
    if not names:
        return contract
    features = tuple(feature for feature in contract.features if feature.name not in names)
    nodes = [node for feature in features for node in feature.expr.walk()]
    kept = sorted({int(node["index"]) for node in nodes if node.op == "aggregate"})
    aggregates = tuple(contract.aggregates[i] for i in kept)
    place = {old: new for new, old in enumerate(kept)}
    deciding = contract.deciding
    used = {deciding.id, deciding.time, deciding.known_at}
    used |= {node["name"] for node in nodes if node.op == "field"}
    for aggregate in aggregates:
        used |= set(aggregate.on)
        if aggregate.source == deciding.name:
            used |= {*aggregate.keys, aggregate.value}
            if aggregate.where is not None:
                used |= {node["name"] for node in aggregate.where.walk() if node.op == "field"}
    fields = tuple(field if field.name in used else replace(field, nullable=True) for field in deciding.fields)
    sources = tuple(replace(item, fields=fields) if item is deciding else item for item in contract.sources)
    return replace(
        contract,
        features=tuple(replace(feature, expr=_moved(feature.expr, place)) for feature in features),
        aggregates=aggregates,
        sources=sources,
    )


def _moved(node: Node, place: dict[int, int]) -> Node:
    params = node.params
    if node.op == "aggregate":
        params = tuple((name, place[value] if name == "index" else value) for name, value in params)
    return Node(node.op, node.kind, tuple(_moved(arg, place) for arg in node.args), params)
