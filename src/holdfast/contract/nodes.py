"""From drafts to frozen nodes, and the zones they name."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.contract.drafts import Draft
from holdfast.contract.model import Aggregate, Node


def freeze_node(draft: Draft, index: Mapping[Aggregate, int]) -> Node:
    """The frozen node of a draft without faults. `index` places each aggregate in the contract."""
    if draft.kind == "any" or draft.kind == "label":
        raise ValueError(f"a draft of {draft.kind} cannot be frozen")
    if draft.aggregate is not None:
        return Node("aggregate", draft.kind, (), (("index", index[draft.aggregate]),))
    return Node(draft.op, draft.kind, tuple(freeze_node(arg, index) for arg in draft.args), draft.params)
