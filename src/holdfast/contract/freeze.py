"""A user's contract becomes a frozen one, or says everything that is wrong with it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from holdfast.contract.drafts import Draft, Stream, article, describe
from holdfast.contract.events import Events, LabelRef, stream_of
from holdfast.contract.expressions import Expression, as_draft
from holdfast.contract.faults import Fault, fault, here, refuse, suggest
from holdfast.contract.model import Aggregate, Feature, Label, Source
from holdfast.contract.model import Contract as Frozen
from holdfast.contract.nodes import freeze_node
from holdfast.contract.zones import freeze_zone

REPLY_WORDS = (
    "prediction_id",
    "probability",
    "decision",
    "label",
    "threshold",
    "model",
    "variant",
    "assigned",
    "warnings",
    "reasons",
    "reasons_against",
)
"""What every reply holds; a contract's own names for its answers may not be among them."""

LONGEST_GROUP = 100

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_CONTRACT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """An expression with what is said and promised of it."""

    expression: Expression
    description: str
    owner: str
    unit: str
    at_least: float | None
    at_most: float | None
    max_null_share: float | None
    group: str
    where: str


def feature(
    expression: Expression,
    *,
    description: str = "",
    owner: str = "",
    unit: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    max_null_share: float | None = None,
    group: str = "",
) -> FeatureSpec:
    """An expression with a description, an owner, and thresholds that validation and monitoring hold it to.

    `at_least`, `at_most`: the range its values should keep. `max_null_share`: of 0 to 1, the most that may be null.
    `group`: what it is explained together with, where its own origin would not say so.
    """
    return FeatureSpec(expression, description, owner, unit, at_least, at_most, max_null_share, group, here())


class Contract:
    """What a model may know, and when: the events it decides on, the label it predicts, and its features by name.

    `positive` and `probability` are the reply's own names for the decision and its probability (the label's name, and
    ``<contract>_probability``, unless said).
    """

    __slots__ = ("decide_on", "description", "features", "label", "name", "positive", "probability", "where")

    def __init__(
        self,
        name: str,
        *,
        decide_on: Events,
        label: LabelRef,
        features: Mapping[str, Expression | FeatureSpec],
        description: str = "",
        positive: str = "",
        probability: str = "",
    ) -> None:
        self.name = name
        self.decide_on = decide_on
        self.label = label
        self.features = features
        self.description = description
        self.positive = positive
        self.probability = probability
        self.where = here()

    def freeze(self) -> Frozen:
        """The frozen contract. Raises HoldfastError with every fault at once, each with its line and its mend."""
        frozen, faults = examine(self)
        if frozen is None or faults:
            raise refuse(f"the contract {self.name!r} is refused", faults)
        return frozen


def examine(contract: Contract) -> tuple[Frozen | None, list[Fault]]:
    """The frozen contract, or None and every fault."""
    faults: list[Fault] = []
    if not _CONTRACT_NAME.fullmatch(str(contract.name)):
        what = f"{contract.name!r} is no name for a contract"
        faults.append(fault("value", what, "use letters, digits, _ and -", contract.where))
    decide_on: object = contract.decide_on
    if not isinstance(decide_on, Events):
        faults.append(fault("kind", "decide_on= is no stream of events", "say decide_on=Events(...)", contract.where))
        return None, faults
    stream = stream_of(decide_on)
    target = _target(contract, stream, faults)
    specs = _specs(contract, faults)
    drafts = {name: as_draft(spec.expression) for name, spec in specs.items()}
    streams = _streams(stream, drafts)
    for item in streams:
        faults += item.faults
    _check_sources(streams, faults)
    for name, draft in drafts.items():
        _check_answer(name, draft, specs[name].where, faults)
        _check_rows(draft, stream.source, faults)
    _check_keys(drafts, stream.source, faults)
    _check_answers(contract, stream.source, target, faults)
    if faults or target is None:
        return None, faults
    aggregates = {item.aggregate: None for draft in drafts.values() for item in draft.walk() if item.aggregate}
    index = {aggregate: i for i, aggregate in enumerate(aggregates)}
    features = tuple(_feature(name, spec, drafts[name], index) for name, spec in specs.items())
    frozen = Frozen(
        contract.name,
        stream.source.name,
        target.name,
        tuple(label for item in streams for label in item.labels),
        tuple(item.source for item in streams),
        tuple(aggregates),
        features,
        tuple(freeze_zone(name) for name in sorted(_zones(features, index))),
        contract.description,
        contract.positive or target.name,
        contract.probability or f"{contract.name.replace('-', '_')}_probability",
    )
    return frozen, []


def _target(contract: Contract, stream: Stream, faults: list[Fault]) -> Label | None:
    given: object = contract.label
    if not isinstance(given, LabelRef):
        mend = 'declare it: payments.label("is_fraud", known_after=days(7))'
        faults.append(fault("kind", "label= is no label", mend, contract.where))
        return None
    faults += given.draft.faults
    label = given.label
    if label.source != stream.source.name:
        what = f"the label {label.name!r} is of {label.source}, but the contract decides on {stream.source.name}"
        faults.append(fault("value", what, "predict a label of the stream decided on", contract.where))
    return label


def _specs(contract: Contract, faults: list[Fault]) -> dict[str, FeatureSpec]:
    """Every feature with its metadata, checked apart from its expression."""
    specs: dict[str, FeatureSpec] = {}
    features: object = contract.features
    if not isinstance(features, Mapping) or not features:
        faults.append(fault("missing", "the contract has no features", 'say features={"amount": ...}', contract.where))
        return specs
    for name, given in features.items():
        spec = given if isinstance(given, FeatureSpec) else feature(given)
        draft = as_draft(spec.expression)
        made_here = isinstance(given, Expression) and not isinstance(given, LabelRef)
        where = spec.where if isinstance(given, FeatureSpec) else draft.where if made_here else contract.where
        if not _NAME.fullmatch(str(name)):
            mend = "use letters, digits and _, not beginning with a digit"
            faults.append(fault("value", f"{name!r} is no name for a feature", mend, where))
        low, high, share = spec.at_least, spec.at_most, spec.max_null_share
        numbers = [item for item in (low, high, share) if item is not None]
        if any(not math.isfinite(item) for item in numbers) or (low is not None and high is not None and low > high):
            mend = "let at_least= be at most at_most="
            faults.append(fault("value", f"no value of {name!r} keeps its range", mend, where))
        if share is not None and not 0 <= share <= 1:
            faults.append(fault("value", f"max_null_share={share!r} of {name!r}", "say a share from 0 to 1", where))
        group: object = spec.group
        if not isinstance(group, str) or group != group.strip() or len(group) > LONGEST_GROUP:
            what = f"group={spec.group!r} of {name!r} is no name"
            faults.append(fault("value", what, f"say it in up to {LONGEST_GROUP} letters, no space around it", where))
        specs[str(name)] = FeatureSpec(
            Expression(draft), spec.description, spec.owner, spec.unit, low, high, share, spec.group, where
        )
    return specs


def _streams(deciding: Stream, drafts: Mapping[str, Draft]) -> list[Stream]:
    """The stream decided on, then the others in order of first use."""
    used = [item.stream for draft in drafts.values() for item in draft.walk() if item.stream is not None]
    return list(dict.fromkeys([deciding, *used]))


def _check_sources(streams: list[Stream], faults: list[Fault]) -> None:
    seen: set[str] = set()
    for stream in streams:
        if stream.source.name in seen:
            what = f"two sources are called {stream.source.name!r}"
            faults.append(fault("duplicate", what, "give one another name", stream.where))
        seen.add(stream.source.name)


def _check_answer(name: str, draft: Draft, where: str, faults: list[Fault]) -> None:
    """A model takes numbers, booleans and categories."""
    faults += draft.faults
    if draft.faults or draft.kind in ("number", "boolean", "category"):
        return
    if draft.kind == "label":
        what = f"feature {name!r} is the label {describe(draft)}, which is learned after the decision"
        mend = "use an aggregate of its past: .per(...).mean(label, over=days(90), ending=days(7))"
        faults.append(fault("leak", what, mend, where))
    elif draft.kind == "any":
        faults.append(fault("answer", f"feature {name!r} is always null", "leave it out", where))
    else:
        personal = draft.field is not None and draft.field.personal
        what = f"feature {name!r} is {article(draft.kind)}" + (" of a person" if personal else "")
        mend = (
            "use .to_category([...]), .length() or .is_in([...]), or declare the field as category(...)"
            if draft.kind == "text"
            else "use .hour(), .weekday() or .seconds_since(...)"
        )
        faults.append(fault("answer", f"{what} ({describe(draft)}), which no model takes", mend, where))


def _check_rows(draft: Draft, deciding: Source, faults: list[Fault]) -> None:
    """A row expression sees its own event only; other sources are looked up in time."""
    for item in draft.walk():
        if item.op == "field" and item.param("source") != deciding.name:
            source, name = item.param("source"), item.param("name")
            what = f"{source}.{name} is of another source, without a time to look it up"
            mend = f"write {source}.per(...).as_of({source}.{name}, within=days(30))"
            faults.append(fault("leak", what, mend, item.where))


def _check_keys(drafts: Mapping[str, Draft], deciding: Source, faults: list[Fault]) -> None:
    """Every key of an aggregate meets a field of the deciding event of its own type."""
    own = {item.name: item for item in deciding.fields}
    for draft in (item for root in drafts.values() for item in root.walk()):
        if draft.aggregate is None or draft.stream is None:
            continue
        source = draft.stream.source
        for key, on in zip(draft.aggregate.keys, draft.aggregate.on, strict=True):
            if on not in own:
                what = f"{deciding.name} has no field {on!r} to match {source.name}.{key} with"
                mend = f'say per({key!r}, on="...") with a field of {deciding.name}; {suggest(on, own)}'
                faults.append(fault("key", what, mend, draft.where))
                continue
            theirs, ours = source.field(key), own[on]
            if theirs.type != ours.type or theirs.values != ours.values:
                what = f"{source.name}.{key} ({theirs.type}) and {deciding.name}.{on} ({ours.type}) cannot be equal"
                faults.append(fault("key", what, "declare both with the same type and values", draft.where))
        if draft.aggregate.including_current and (
            source.name != deciding.name or draft.aggregate.keys != draft.aggregate.on
        ):
            what = f"including_current=: the decision's event is not of {source.name} under the same keys"
            faults.append(fault("value", what, "leave it out", draft.where))


def _check_answers(contract: Contract, deciding: Source, target: Label | None, faults: list[Fault]) -> None:
    positive = contract.positive or (target.name if target is not None else "")
    probability = contract.probability or "..._probability"
    for word, name in (("positive", positive), ("probability", probability)):
        if name in REPLY_WORDS:
            what = f"{word}={name!r} is what every reply holds already"
            faults.append(fault("duplicate", what, f"say {word}= with another name", contract.where))
    if positive == probability:
        faults.append(fault("duplicate", "positive= and probability= are one name", "name them apart", contract.where))


def _feature(name: str, spec: FeatureSpec, draft: Draft, index: Mapping[Aggregate, int]) -> Feature:
    return Feature(
        name,
        freeze_node(draft, index),
        spec.description,
        spec.owner,
        spec.unit,
        None if spec.at_least is None else float(spec.at_least),
        None if spec.at_most is None else float(spec.at_most),
        None if spec.max_null_share is None else float(spec.max_null_share),
        tuple(dict.fromkeys(_origins(draft))),
        spec.group,
    )


def _origins(draft: Draft) -> Iterator[str]:
    """Every field and label that a feature's value comes from, as ``source.name``."""
    for item in draft.walk():
        if item.op == "field":
            yield f"{item.param('source')}.{item.param('name')}"
        elif item.aggregate is not None:
            aggregate = item.aggregate
            names = [*aggregate.keys, *([aggregate.value] if aggregate.value is not None else [])]
            if aggregate.where is not None:
                names += [node["name"] for node in aggregate.where.walk() if node.op == "field"]
            yield from (f"{aggregate.source}.{name}" for name in names)


def _zones(features: tuple[Feature, ...], aggregates: Mapping[Aggregate, int]) -> set[str]:
    roots = [item.expr for item in features] + [item.where for item in aggregates if item.where is not None]
    return {dict(node.params)["zone"] for root in roots for node in root.walk() if "zone" in dict(node.params)}
