"""`POST /explain`: why a decision came out so, in the contract's words.

For a body the decision is computed at today's state and not recorded; for a prediction id, or the id of a decided
event, it is the recorded one, with its features and reasons as served and the version that decided. Contributions add
up, with the base value, to the raw score; so do the groups. ``?counterfactual=1`` also says what would have turned it,
``?lime=1`` gives a second opinion.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize
from urllib.parse import parse_qs

from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import Contract, Feature
from holdfast.errors import Problem
from holdfast.explain.lime import second_opinion
from holdfast.explain.reasons import reasoner
from holdfast.explain.words import MASK, is_personal, shown, value_in_words, what
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.ledger.records import Decision
from holdfast.serving import replies
from holdfast.serving.decide import Decider, Refuse, read_body_json
from holdfast.serving.live import Live, Version
from holdfast.serving.whatif import counterfactual


@dataclass(frozen=True, slots=True)
class Asked:
    """What the query asks for beside the plain explanation: no field of a contract can have the same place."""

    counterfactual: bool = False
    lime: bool = False
    seed: int = 0


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

    async def __call__(self, body: bytes, query: str = "") -> bytes:
        asked = asked_of(query)
        raw = read_body_json(body)
        return replies.encode(await asyncio.to_thread(self._answer, raw, body, asked))

    def _answer(self, raw: dict[str, object], body: bytes, asked: Asked) -> dict[str, Any]:
        live = self._live.now
        named = next(iter(raw)) if len(raw) == 1 else ""
        with ExitStack() as stack:
            snapshot = stack.enter_context(self._state.snapshot())
            if named in ("prediction_id", "event_id") and named not in live.champion.accepted:
                decision = self._recorded(named, raw[named], live.champion.source.name, snapshot)
            else:
                decision, _ = self._decider.decide(live, raw, body, snapshot)
            version = self._live.version(decision.contract, decision.version)
            if version is None:
                what = f"the bundle of version {decision.version}, which decided this, is gone or damaged"
                problem = Problem("prediction_id", "gone", what, "fetch the bundle from the registry again")
                raise Refuse(404, what, (problem,))
            shape = explanation(decision, version)
            if asked.counterfactual:
                shape["counterfactual"] = counterfactual(version, decision, self._state, snapshot)
        if asked.lime:
            shape["second_opinion"] = opinion(version.bundle, decision, asked.seed)
        return shape

    def _recorded(self, kind: str, name: object, source: str, snapshot: Snapshot) -> Decision:
        if not isinstance(name, str):
            problem = Problem(kind, "type", "is not a text", "send the id of a reply")
            raise Refuse(422, replies.counted([problem]), (problem,))
        if kind == "prediction_id":
            found = self._find(name)
        else:
            found = self._find_event(snapshot, source, normalize("NFC", name))
        if found is None:
            raise unknown_prediction() if kind == "prediction_id" else _undecided()
        return found


def asked_of(query: str) -> Asked:
    """What a query asks for. Raises Refuse for a value that cannot be meant."""
    given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    wrong = [name for name in ("counterfactual", "lime") if given.get(name, "0") not in ("0", "1")]
    problems = [Problem(name, "type", "is neither 0 nor 1", f"ask for ?{name}=1") for name in wrong]
    seed = given.get("seed", "0")
    if not (seed.isascii() and seed.isdigit() and len(seed) <= 9):
        problems.append(Problem("seed", "type", "is not a whole number below a milliard", "ask for ?lime=1&seed=7"))
    if problems:
        raise Refuse(422, replies.counted(problems), tuple(problems))
    return Asked(given.get("counterfactual") == "1", given.get("lime") == "1", int(seed))


def unknown_prediction() -> Refuse:
    what = "no prediction of that id is known"
    return Refuse(404, what, (Problem("prediction_id", "unknown_id", what, "send the id of a reply"),))


def _undecided() -> Refuse:
    what = "no decision about that event is known"
    return Refuse(404, what, (Problem("event_id", "unknown_id", what, "send the event to /predict first"),))


def explanation(decision: Decision, version: Version) -> dict[str, Any]:
    """A decision with its reasons, and what each feature and each group added to its score or took from it."""
    bundle = version.bundle
    row = row_of(decision)
    found = bundle.explain(row)
    shape = replies.decision(decision, version.names)
    if decision.because is None:  # it was told without them: these are today's words for it
        shape |= replies.because(reasoner(bundle).because(row, decision.decision))
    if not decision.prediction_id:  # computed for this answer alone: nothing has these ids
        shape |= {"prediction_id": None, "event_id": None}
    features = {feature.name: feature for feature in version.contract.features}
    return {
        **shape,
        "score": decision.score,
        "base_value": bundle.base_value,
        "explained_by": bundle.explained_by,
        "reference": against(bundle, version.names.negative),
        "groups": groups(bundle, row),
        "contributions": [
            told(version.contract, features[item.feature], item.value, item.contribution) for item in found
        ],
    }


def row_of(decision: Decision) -> tuple[float, ...]:
    return struct.unpack(f"<{len(decision.features) // 8}d", decision.features)


def opinion(bundle: Bundle, decision: Decision, seed: int) -> dict[str, Any]:
    """LIME's view of a decision, or why it has none."""
    found = second_opinion(bundle, row_of(decision), seed)
    if found is None:
        return {"method": "lime", "trusted": False, "says": "this bundle has no profile of its training rows"}
    return found.as_dict()


def against(bundle: Bundle, negative: str) -> dict[str, Any] | None:
    """The population that reasons compare with; None when the bundle was packed without one."""
    reference = bundle.reference
    if reference is None:
        return None
    who = {
        "approved": f"training rows decided {negative}",
        "just_approved": f"training rows decided {negative}, the tenth of them nearest the threshold",
        "all": "all training rows",
    }.get(reference.population, reference.population)
    says = f"{who}: means of {reference.rows:,} of {reference.of:,}"
    return {
        "population": reference.population, "rows": reference.rows, "of": reference.of, "score": reference.score,
        "says": says,
    }  # fmt: skip


def groups(bundle: Bundle, row: Sequence[float]) -> list[dict[str, Any]]:
    """Each group with what it added to the raw score, on average in the reference population, and beyond that."""
    parts = bundle.predictor.contributions(row)
    names = bundle.features
    shapes = [
        {
            "group": group.name,
            "features": [names[at] for at in group.members],
            "contribution": own,
            "reference": mean,
            "difference": own - mean,
        }
        for group, own, mean in reasoner(bundle).grouped(parts)
    ]
    return sorted(shapes, key=lambda item: -abs(item["difference"]))


def told(contract: Contract, feature: Feature, value: float, contribution: float) -> dict[str, Any]:
    """One contribution in the contract's words; a personal field's value is masked."""
    word = value_in_words(contract, feature, value)
    effect = "raises" if contribution > 0 else "lowers" if contribution < 0 else "does not move"
    said = "no value" if word is None else shown(word, feature.unit)
    if is_personal(contract, feature) and word is not None:
        word = said = MASK
    return {
        "feature": feature.name,
        "description": feature.description,
        "unit": feature.unit,
        "value": word,
        "contribution": contribution,
        "in_words": f"{what(feature)} = {said} {effect} the score",
    }
