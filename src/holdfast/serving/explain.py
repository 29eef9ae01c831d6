"""`POST /explain`: why a decision came out so, in the contract's words.

For a body the decision is computed at today's state and not recorded; for a prediction id, or the id of a decided
event, it is the recorded one, with its features as served and the version that decided. Contributions add up, with the
base value, to the raw score.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Any
from unicodedata import normalize

from holdfast.contract.model import FIRST_CODE, NULL_CODE, UNKNOWN_CODE, Contract, Feature
from holdfast.errors import Problem
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.ledger.records import Decision
from holdfast.serving import replies
from holdfast.serving.decide import Decider, Refuse, read_body_json
from holdfast.serving.live import Live, Version


class Explain:
    """The route: an event, ``{"prediction_id": …}`` or ``{"event_id": …}``.

    `find` answers the decision of a prediction id, `find_event` that about an event of a source.
    """

    def __init__(
        self,
        live: Live,
        decider: Decider,
        state: State,
        find: Callable[[str], Decision | None],
        find_event: Callable[[Snapshot, str, str], Decision | None],
    ) -> None:
        self._live = live
        self._decider = decider
        self._state = state
        self._find = find
        self._find_event = find_event

    async def __call__(self, body: bytes) -> bytes:
        raw = read_body_json(body)
        return replies.encode(await asyncio.to_thread(self._answer, raw, body))

    def _answer(self, raw: dict[str, object], body: bytes) -> dict[str, Any]:
        live = self._live.now
        named = next(iter(raw)) if len(raw) == 1 else ""
        if named in ("prediction_id", "event_id") and named not in live.champion.accepted:
            decision = self._recorded(named, raw[named], live.champion.source.name)
        else:
            with self._state.snapshot() as snapshot:
                decision, _ = self._decider.decide(live, raw, body, snapshot)
        version = self._live.version(decision.contract, decision.version)
        if version is None:
            what = f"the bundle of version {decision.version}, which decided this, is gone or damaged"
            problem = Problem("prediction_id", "gone", what, "fetch the bundle from the registry again")
            raise Refuse(404, what, (problem,))
        return explanation(decision, version)

    def _recorded(self, kind: str, name: object, source: str) -> Decision:
        if not isinstance(name, str):
            problem = Problem(kind, "type", "is not a text", "send the id of a reply")
            raise Refuse(422, replies.counted([problem]), (problem,))
        if kind == "prediction_id":
            found = self._find(name)
        else:
            with self._state.snapshot() as snapshot:
                found = self._find_event(snapshot, source, normalize("NFC", name))
        if found is None:
            raise unknown_prediction(name) if kind == "prediction_id" else _undecided(name)
        return found


def unknown_prediction(name: str) -> Refuse:
    what = f"no prediction {replies.shorten(name)!r} is known"
    return Refuse(404, what, (Problem("prediction_id", "unknown_id", what, "send the id of a reply"),))


def _undecided(name: str) -> Refuse:
    what = f"no decision about event {replies.shorten(name)!r} is known"
    return Refuse(404, what, (Problem("event_id", "unknown_id", what, "send the event to /predict first"),))


def explanation(decision: Decision, version: Version) -> dict[str, Any]:
    """A decision with what each feature added to its score or took from it, strongest first."""
    row = struct.unpack(f"<{len(decision.features) // 8}d", decision.features)
    found = version.bundle.explain(row)
    shape = replies.decision(decision, version.names)
    shape.pop("reasons", None)
    if not decision.prediction_id:  # computed for this answer alone: nothing has these ids
        shape |= {"prediction_id": None, "event_id": None}
    features = {feature.name: feature for feature in version.contract.features}
    ordered = sorted(found, key=lambda item: -abs(item.contribution))
    return {
        **shape,
        "score": decision.score,
        "base_value": version.bundle.base_value,
        "contributions": [
            told(version.contract, features[item.feature], item.value, item.contribution) for item in ordered
        ],
    }


def told(contract: Contract, feature: Feature, value: float, contribution: float) -> dict[str, Any]:
    """One contribution in the contract's words."""
    word = value_in_words(contract, feature, value)
    unit = f" {feature.unit}" if feature.unit and word is not None else ""
    effect = "raises" if contribution > 0 else "lowers" if contribution < 0 else "does not move"
    shown = "no value" if word is None else f"{word:g}" if isinstance(word, float) else str(word)
    return {
        "feature": feature.name,
        "description": feature.description,
        "unit": feature.unit,
        "value": word,
        "contribution": contribution,
        "in_words": f"{feature.description or feature.name} = {shown}{unit} {effect} the score",
    }


def value_in_words(contract: Contract, feature: Feature, value: float) -> float | str | bool | None:
    """A feature's float as its reader knows it: null, yes or no, a category's text, a number."""
    kind = feature.expr.kind
    if value != value:
        return None
    if kind == "boolean":
        return bool(value)
    if kind != "category":
        return value
    words = vocabulary(contract, feature)
    code = int(value)
    if code == NULL_CODE:
        return None
    if code == UNKNOWN_CODE:
        return "(unknown)"
    return words[code - FIRST_CODE] if code - FIRST_CODE < len(words) else f"code {code}"


def vocabulary(contract: Contract, feature: Feature) -> Sequence[str]:
    """The texts of a category feature's codes, from the first field or list in its expression that has them."""
    for node in feature.expr.walk():
        if node.kind == "category" and node.op == "field":
            return contract.source(node["source"]).field(node["name"]).values
        if node.op == "to_category":
            return tuple(node["values"])
        if node.op == "aggregate" and node.kind == "category":
            aggregate = contract.aggregates[node["index"]]
            assert aggregate.value is not None
            return contract.source(aggregate.source).field(aggregate.value).values
    return ()
