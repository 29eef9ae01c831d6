"""Streams of events, their fields, and the labels that are learned about them later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from holdfast.contract.drafts import Draft, Stream, broken
from holdfast.contract.durations import Duration, length_of
from holdfast.contract.entities import Entity
from holdfast.contract.expressions import Expression
from holdfast.contract.faults import Fault, fault, here, suggest
from holdfast.contract.fields import FieldSpec, is_text
from holdfast.contract.model import KIND_OF, Field, Label, Source

LONGEST_ID = 256
"""Bytes of an event's id; all of them take part in its order among equal times, in every engine."""


class LabelRef(Expression):
    """A label. It is learned after the decision: it enters features only through aggregates of the past."""

    __slots__ = ("label",)

    def __init__(self, label: Label, faults: tuple[Fault, ...]) -> None:
        params = (("name", label.name), ("source", label.source))
        super().__init__(Draft("label", "label", params=params, where=here(), faults=faults))
        self.label = label


class Events:
    """A stream of events with declared fields. ``payments.amount`` and ``payments["amount"]`` are its fields.

    `id` names the text field that names an event, `time` the timestamp field of when it happened. In history an event
    is known from the column `known_at`, else from its time plus `lag`. Names taken by methods (`label`, `per`) and
    names that begin with an underscore are reached as ``payments["label"]``.
    """

    __slots__ = ("_stream",)

    def __init__(
        self,
        name: str,
        *,
        id: str,  # noqa: A002 - the domain's word
        time: str,
        fields: Mapping[str, FieldSpec],
        known_at: str | None = None,
        lag: Duration | None = None,
    ) -> None:
        faults: list[Fault] = []
        declared = [_named(key, spec, faults) for key, spec in fields.items()]
        micros = 0
        if lag is not None:
            micros, found = length_of(lag, "lag")
            faults += found
            if known_at is not None:
                faults.append(fault("value", "lag= and known_at= are both given", "keep the one that history has"))
        source = Source(str(name), str(id), str(time), tuple(declared), known_at, micros)
        faults += _check_source(source)
        self._stream = Stream(source, [], faults, here())

    def __getitem__(self, name: str) -> Expression:
        """A field by its name."""
        source = self._stream.source
        found = next((item for item in source.fields if item.name == name), None)
        if found is not None:
            params = (("name", name), ("source", source.name))
            return Expression(Draft("field", KIND_OF[found.type], (), params, found.values, here(), field=found))
        label = next((item for item in self._stream.labels if item.name == name), None)
        if label is not None:
            return LabelRef(label, ())
        mend = suggest(name, [item.name for item in source.fields])
        return Expression(broken(fault("unknown_name", f"{source.name} has no field {name!r}", mend)))

    def __getattr__(self, name: str) -> Expression:
        """A field by its name."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def label(
        self,
        name: str,
        *,
        known_after: Duration | None = None,
        absent: Literal[False] | None = None,
        final_after: Duration | None = None,
        received_at: str | None = None,
    ) -> LabelRef:
        """What is learned later about an event, such as whether it was fraud.

        It is visible from its arrival, but never before time + `known_after`; the highest version wins. With
        `absent=False` an event without an outcome counts as negative from time + `final_after` on; otherwise it never
        counts. `received_at`: history column with the arrival (else assumed to be time + `known_after`).
        """
        source = self._stream.source
        after, found = length_of(known_after, "known_after")
        faults = list(found)
        final = None
        if final_after is not None:
            final, found = length_of(final_after, "final_after")
            faults += found
            if not faults and final < after:
                what = f"label {name!r} is final before it is known"
                faults.append(fault("leak", what, "final_after= must be known_after= or longer"))
        if not (absent is None or _is_false(absent)):
            faults.append(fault("value", f"absent={absent!r}", "say absent=False (negative), or leave it out (never)"))
        if (absent is None) != (final_after is None):
            what, mend = (
                ("absent=False without final_after=", "say from when on a missing outcome means no")
                if final_after is None
                else ("final_after= without absent=False", "say absent=False, or leave final_after= out")
            )
            faults.append(fault("missing", what, mend))
        if any(item.name == name for item in self._stream.labels):
            faults.append(fault("duplicate", f"{source.name} has the label {name!r} twice", "name one differently"))
        if any(item.name == name for item in source.fields):
            what = f"{name!r} is a field of {source.name} and its label"
            faults.append(fault("leak", what, "remove the field: the label is not known at the decision"))
        label = Label(name, source.name, after, absent, final, received_at)
        self._stream.labels.append(label)
        self._stream.faults += faults
        return LabelRef(label, tuple(faults))

    def per(self, *keys: str, on: Mapping[str, str] | str | None = None) -> Entity:
        """The past of one entity: the events that agree with the decision's event in `keys` (together, if several).

        `on` names the deciding event's fields, where they are called differently there: ``{"customer": "payer"}``,
        or one text for a single key. Aggregates over it are features or parts of them.
        """
        source = self._stream.source
        faults: list[Fault] = []
        known = [item.name for item in source.fields]
        faults += [
            fault("unknown_name", f"{source.name} has no field {key!r}", suggest(key, known))
            for key in keys
            if key not in known
        ]
        if not keys:
            faults.append(fault("missing", "per() names no field", 'write per("card_id"), or another key'))
        if len(set(keys)) != len(keys):
            faults.append(fault("duplicate", "per() names a field twice", "name each key once"))
        matched = _matches(keys, on)
        faults += [
            fault("unknown_name", f"on= names {key!r}, which is no key here", suggest(key, keys))
            for key in matched
            if key not in keys
        ]
        for item in source.fields:
            if item.name in keys and item.type not in ("text", "integer", "category"):
                what = f"{source.name}.{item.name} is {item.type}, which names no entity"
                faults.append(fault("key", what, "use text, integer or category fields as keys"))
        ons = tuple(matched.get(key, key) for key in keys)
        return Entity(self._stream, keys, ons, tuple(faults))


def stream_of(events: Events) -> Stream:
    """What freezing needs to know of a stream."""
    return events._stream


def _is_false(value: object) -> bool:
    return value is False


def _matches(keys: tuple[str, ...], on: Mapping[str, str] | str | None) -> Mapping[str, str]:
    if on is None or not keys:
        return {}
    return {keys[0]: on} if isinstance(on, str) else on


def _named(name: str, spec: object, faults: list[Fault]) -> Field:
    if not isinstance(spec, FieldSpec):
        faults.append(fault("kind", f"field {name!r} has no type", "say text(), integer(), decimal(scale=2), ..."))
        return Field(str(name), "text")
    faults += spec.faults
    if not is_text(name) or not name.strip() or name != name.strip() or len(name.encode()) > 100:
        faults.append(fault("value", f"{name!r} is no name for a field", "use up to 100 bytes of text", spec.where))
    return replace(spec.field, name=str(name))


def _check_source(source: Source) -> list[Fault]:
    """Names that must exist and be of the right type, and former names that nothing else has."""
    faults = []
    by_name = {item.name: item for item in source.fields}
    if not source.name.replace("_", "").replace("-", "").isalnum() or not source.name.isascii():
        faults.append(fault("value", f"{source.name!r} is no name for a source", "use letters, digits, _ and -"))
    for word, name, wanted in (("id", source.id, "text"), ("time", source.time, "timestamp")):
        item = by_name.get(name)
        if item is None:
            what = f"{word}={name!r} is no field of {source.name}"
            close = suggest(name, [known for known, item in by_name.items() if item.type == wanted])
            mend = close if close.startswith("did") else f"declare it: {name!r}: {wanted}()"
            faults.append(fault("unknown_name", what, mend))
        elif item.type != wanted:
            faults.append(fault("kind", f"{word}={name!r} is {item.type}, not {wanted}", f"declare it as {wanted}()"))
        elif item.nullable or item.impute is not None or item.placeholders:
            faults.append(fault("value", f"{word}={name!r} may be missing", "let it be neither nullable nor imputed"))
        elif item.max_length > LONGEST_ID:
            what = f"{word}={name!r} may be {item.max_length} bytes long"
            faults.append(fault("value", what, f"an id breaks ties by its bytes: let it have {LONGEST_ID} at most"))
    for item in source.fields:
        if item.generated and item.name not in (source.id, source.time):
            what = f"{item.name!r} is generated, but is neither the id nor the time"
            faults.append(fault("value", what, "leave generated= out, or impute a value"))
    seen = dict.fromkeys(by_name)
    for item in source.fields:
        for old in item.former:
            if old in seen:
                what = f"{old!r} is a former name of {item.name!r} and another field's name"
                faults.append(fault("duplicate", what, "a former name may mean one field only"))
            seen[old] = None
    return faults
