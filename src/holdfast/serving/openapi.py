"""The live contract as JSON Schema: types, ranges, categories and an example, for the OpenAPI document."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from holdfast.contract.model import Contract, Field, Source
from holdfast.contract.values import timestamp_text

_MINUTE = 60_000_000
_JSON = "application/json"
_MANY = "Rows are accepted or refused one by one: the reply is 200 and says so for each."
_ABOUT = {
    "/predict/batch": f"A list of events under `rows`, decided on and kept as /predict does it. {_MANY}",
    "/events": "What happened without a decision to make: one under `event`, or a list under `events`, of `source` "
    f"(the deciding one when left out). {_MANY}",
    "/outcomes": "What an event turned out to be: one outcome, or a list under `outcomes`. A correction has a higher "
    f"`version`. {_MANY}",
    "/explain": "The reasons, and what each feature and each group added to the score: of an event, decided on now "
    "and not kept, or of a decision that was kept, by its `prediction_id` or `event_id`.",
}


def field_schema(field: Field) -> dict[str, Any]:
    """What a request may hold in this field. A policy that forgives widens the schema and is said in words."""
    shapes: dict[str, dict[str, Any]] = {
        "integer": {"type": "integer"},
        "decimal": {"type": "number", "multipleOf": float(Decimal(1).scaleb(-field.scale))},
        "real": {"type": "number"},
        "boolean": {"type": "boolean"},
        "category": {"type": "string", "enum": list(field.values)},
        "text": {"type": "string", "maxLength": field.max_length},
        "timestamp": {"type": "string", "format": "date-time"},
    }
    shape = shapes[field.type]
    if field.type == "decimal" and field.rounding is not None:
        del shape["multipleOf"]
    if field.type == "category" and field.on_unknown != "refuse":
        del shape["enum"]
    if field.on_odd == "refuse":
        shape |= _bounds(field)
    if field.nullable or field.on_null == "impute":
        shape["type"] = [shape["type"], "null"]
        if "enum" in shape:
            shape["enum"] = [*shape["enum"], None]
    about = _about(field)
    return shape | ({"description": about} if about else {})


def event_schema(source: Source, now: int) -> dict[str, Any]:
    """One event of a source as a request body, with an example of this minute (`now` in µs UTC)."""
    required = [
        field.name for field in source.fields if not (field.nullable or field.generated or field.on_null == "impute")
    ]
    return {
        "title": source.name,
        "type": "object",
        "properties": {field.name: _not_empty(field, source, field_schema(field)) for field in source.fields},
        "required": required,
        "additionalProperties": False,
        "examples": [example(source, now)],
    }


def _not_empty(field: Field, source: Source, shape: dict[str, Any]) -> dict[str, Any]:
    """An id names something."""
    return {**shape, "minLength": 1} if field.name == source.id and field.type == "text" else shape


def example(source: Source, now: int) -> dict[str, Any]:
    """A body that the server accepts now; what it can fill in is left out."""
    return {field.name: _example_value(field, now) for field in source.fields if not field.generated}


def document(plain: dict[str, Any], contract: Contract, now: int) -> dict[str, Any]:
    """FastAPI's document with the live contract's schemas put in the place of the open ones."""
    source = contract.deciding
    schemas = plain.setdefault("components", {}).setdefault("schemas", {})
    schemas["Event"] = event_schema(source, now)
    schemas["Outcome"] = outcome_schema(contract)
    schemas["Decision"] = decision_schema(contract)
    schemas["Error"] = error_schema()
    event, answer, fault = ({_JSON: {"schema": _ref(name)}} for name in ("Event", "Decision", "Error"))
    paths = plain["paths"]
    for path, body in _bodies(contract, now).items():
        paths[path]["post"] |= {"requestBody": body, "description": _ABOUT[path]}
    responses = paths["/predict/batch"]["post"]["responses"]
    statuses = {status: told for status, told in responses.items() if status != "200"}
    predict = {
        "summary": "Decide on one event, and keep it",
        "operationId": "predict",
        "description": "The reply leaves when the decision is on disk. The same event id with the same body gets the "
        "same answer again; with another body it is refused.",
        "parameters": [
            {
                "name": "reasons",
                "in": "query",
                "description": "how many reasons to give and keep, also for a negative decision; four are told at "
                "most. Without it a positive decision comes with its reasons, unless the server is set otherwise",
                "schema": {"type": "integer", "minimum": 0, "maximum": 9999, "default": 0},
            }
        ],
        "requestBody": _body(event[_JSON]["schema"], example(source, now)),
        "responses": {"200": {"description": "The decision", "content": answer}, **statuses},
    }
    paths["/explain"]["post"]["parameters"] = _explaining()
    plain["paths"] = {"/predict": {"post": predict}, **paths}
    for path in plain["paths"].values():
        for operation in path.values():
            for status, told in operation["responses"].items():
                if status.startswith("4") or status == "503":
                    told.setdefault("content", fault)  # a foreign protocol has said its own
    return plain


def decision_schema(contract: Contract) -> dict[str, Any]:
    from holdfast.serving.replies import Names

    names = Names(contract)
    share = {"type": "number", "minimum": 0, "maximum": 1}
    properties: dict[str, Any] = {
        "prediction_id": {"type": "string"},
        "event_id": {"type": "string"},
        "probability": share,
        "decision": {"type": "boolean", "description": "the probability reaches the threshold"},
        "label": {"type": "string", "enum": [names.word, names.negative]},
        "threshold": {"type": "number"},
        "model": {"type": "object", "properties": {"name": {"type": "string"}, "version": {"type": "string"}}},
        "variant": {"type": "string", "description": "which of the live versions answered: champion, or a challenger"},
        "assigned": {"type": "string", "description": "why this one: the experiment, and how it shares out the events"},
        "warnings": {"type": "array", "items": {"type": "string"}},
        names.positive: {"type": "boolean"},
        names.probability: share,
    }
    told = {
        "review": {"type": "boolean", "const": True, "description": "a person should look at this positive decision"},
        "reasons": _list(_reason_schema())
        | {"description": "why, first one first; of a positive decision, or asked for"},
        "reasons_against": {"type": "string", "description": "the population that the reasons compare with"},
    }
    return {"title": "Decision", "type": "object", "properties": properties | told, "required": list(properties)}


def _reason_schema() -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "number"}
    parts = {"reason": text, "group": text, "feature": text, "contribution": number, "reference": number}
    return {"type": "object", "properties": parts, "required": list(parts)}


def _explaining() -> list[dict[str, Any]]:
    """What /explain can be asked for beside the explanation."""
    flag = {"type": "integer", "enum": [0, 1], "default": 0}
    seed = {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 0}
    told = (
        ("counterfactual", flag, "1: also the smallest change of what a person can change that would have turned it"),
        ("lime", flag, "1: also a second opinion, which asks the model from outside"),
        ("seed", seed, "of the second opinion"),
    )
    return [{"name": name, "in": "query", "description": words, "schema": schema} for name, schema, words in told]


def error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    problem = {"type": "object", "properties": {"field": text, "code": text, "what": text, "mend": text}}
    detail = {
        "message": text,
        "errors": {"type": "array", "items": text},
        "problems": {"type": "array", "items": problem},
        "input": {"description": "what arrived, personal values masked"},
    }
    return {
        "title": "Error",
        "type": "object",
        "properties": {"detail": {"type": "object", "properties": detail, "required": list(detail)}},
        "required": ["detail"],
    }


def outcome_schema(contract: Contract) -> dict[str, Any]:
    """What an event turned out to be."""
    text = {"type": "string"}
    sources = sorted({label.source for label in contract.labels})
    labels = sorted({label.name for label in contract.labels})
    return {
        "title": "Outcome",
        "type": "object",
        "properties": {
            "event_id": {"type": ["string", "integer"], "minLength": 1, "maxLength": 256},
            "prediction_id": {**text, "minLength": 1, "maxLength": 256, "description": "in the place of event_id"},
            "source": {**text, "enum": sources, "default": contract.decide_on},
            "label": {"enum": [*labels, None], "default": contract.label, "description": "null: the default"},
            "value": {"description": "0 and 1 are taken, too", "enum": [True, False, 0, 1]},
            "version": {"type": "integer", "minimum": 1, "default": 1, "description": "the highest wins"},
        },
        "required": ["value"],
        "additionalProperties": False,
        "oneOf": [{"required": ["event_id"]}, {"required": ["prediction_id"]}],
    }


def _bodies(contract: Contract, now: int) -> dict[str, Any]:
    """The request bodies of the routes beside /predict."""
    source = contract.deciding
    told = example(source, now)
    happened = [shape for item in contract.sources for shape in _happened(item, item is source, now)]
    outcome = {"event_id": str(told.get(source.id, f"{source.id}-1")), "label": contract.label, "value": True}
    ids, text, only = ("prediction_id", "event_id"), {"type": "string"}, {"additionalProperties": False}
    return {
        "/predict/batch": _body(_object("rows", _rows(_ref("Event"))), {"rows": [told]}),
        "/events": _body({"anyOf": happened}, {"source": source.name, "event": told}),
        "/outcomes": _body({"anyOf": [_ref("Outcome"), _object("outcomes", _rows(_ref("Outcome")))]}, outcome),
        "/explain": _body({"anyOf": [_ref("Event"), *(_object(name, text) | only for name in ids)]}, told),
    }


def _happened(source: Source, deciding: bool, now: int) -> list[dict[str, Any]]:
    """One event of this source, or many; the deciding source need not be named."""
    event = _ref("Event") if deciding else event_schema(source, now)
    shapes = [_object("event", event), _object("events", _rows(event))]
    for shape in shapes:
        shape["properties"]["source"] = {"type": "string", "enum": [source.name]}
        if not deciding:
            shape["required"].append("source")
    return shapes


def _body(schema: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {_JSON: {"schema": schema, "example": told}}}


def _object(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """An object that must have `name`."""
    return {"type": "object", "required": [name], "properties": {name: schema}}


def _rows(schema: dict[str, Any]) -> dict[str, Any]:
    """A list whose rows are answered one by one: a row that is something else is refused alone."""
    return _list({"anyOf": [schema, {"description": "anything else: this row is refused, the others are not"}]})


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _bounds(field: Field) -> dict[str, float]:
    named = {
        "exclusiveMinimum": field.above,
        "minimum": field.at_least,
        "exclusiveMaximum": field.below,
        "maximum": field.at_most,
    }
    return {name: _number(text) for name, text in named.items() if text is not None}


def _number(text: str) -> float:
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else float(value)


def _about(field: Field) -> str:
    said = [field.description]
    said.append(f"in {field.unit}" if field.unit else "")
    said.append("personal" if field.personal else "")
    said.append("filled in by the server when left out" if field.generated else "")
    if field.type == "category" and field.on_unknown != "refuse":
        said.append(f"known: {', '.join(field.values[:50])}; others read as {field.on_unknown}")
    if field.on_null == "impute" and not field.nullable:
        said.append(f"{field.impute} when null or left out")
    if field.former:
        said.append(f"formerly {', '.join(field.former)}")
    return "; ".join(part for part in said if part)


def _example_value(field: Field, now: int) -> Any:
    if field.type == "category":
        return field.values[0]
    if field.type == "boolean":
        return True
    if field.type == "text":
        return f"{field.name}-1"[: field.max_length]
    if field.type == "timestamp":
        return timestamp_text(now - now % _MINUTE)
    if field.nullable:
        return None
    low = _least(field)
    high = Decimal(field.at_most or field.below or "Infinity")
    value = min(low + 1, high) if field.above is not None else low
    if field.below is not None and value >= high:
        value = (low + high) / 2
    return json.loads(str(value)) if field.type != "integer" else int(value)


def _least(field: Field) -> Decimal:
    """A bound to start an example from: the lower one, else a little under the upper one, else 1."""
    if field.at_least is not None or field.above is not None:
        return Decimal(field.at_least or field.above or "0")
    high = field.at_most or field.below
    return min(Decimal(1), Decimal(high) - 1) if high is not None else Decimal(1)
