"""What the OpenAPI document says of the foreign routes: the live model's name, and payloads that are accepted now."""

from __future__ import annotations

from typing import Any

from holdfast.contract.model import Contract
from holdfast.serving.openapi import example
from holdfast.serving.protocols.mlflow import CSV, FORMS, JSON, OUTPUTS
from holdfast.serving.protocols.tensors import DATATYPES
from holdfast.serving.protocols.tensors import OUTPUTS as COLUMNS

_TEXT = {"type": "string"}
_EVENTS = {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}
_ROWS = {"type": "array", "items": {"type": "object", "description": "an event; a null generated field is left out"}}
_WORD = {"type": "string", "enum": list(OUTPUTS), "default": OUTPUTS[0], "description": "what a prediction is to be"}
_OUTPUT = {"type": ["object", "null"], "properties": {"output": _WORD}, "additionalProperties": False}
_DATATYPES = {str: "BYTES", bool: "BOOL", int: "INT64", float: "FP64"}


def fill(document: dict[str, Any], contract: Contract, name: str, version: str, now: int) -> dict[str, Any]:
    """The document with what the contract, the model's name and its version say of the foreign routes. `now` in µs."""
    event = example(contract.deciding, now)
    known = {"name": name, "version": version}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and parameter["name"] in known:
                    parameter["schema"] = {**_TEXT, "enum": [known[parameter["name"]]]}
        if path == "/invocations":
            operations["post"]["requestBody"] = _required(_invocations(event))
        elif path.startswith("/v1/") and "post" in operations:
            operations["post"]["requestBody"] = _required(_instances(event))
        elif path.startswith("/v2/") and "post" in operations:
            operations["post"]["requestBody"] = _required(_infer(event))
    return document


def _required(content: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": content}


def _invocations(event: dict[str, Any]) -> dict[str, Any]:
    table = {"columns": {"type": "array", "items": _TEXT}, "data": {"type": "array", "items": {"type": "array"}}}
    forms: dict[str, Any] = {
        "dataframe_split": {"type": "object", "required": list(table), "properties": table},
        "dataframe_records": _ROWS,
        "instances": _ROWS,
        "inputs": {"type": "object", "additionalProperties": {"type": "array"}},
    }
    shapes = [
        {"type": "object", "required": [form], "properties": {form: forms[form], "params": _OUTPUT}} for form in FORMS
    ]
    return {
        JSON: {"schema": {"oneOf": shapes}, "example": {"dataframe_records": [event]}},
        CSV: {"schema": {**_TEXT, "description": "a header of field names, then a line for each event"}},
    }


def _instances(event: dict[str, Any]) -> dict[str, Any]:
    properties = {"instances": _EVENTS, "parameters": _OUTPUT}
    schema = {"type": "object", "required": ["instances"], "properties": properties}
    return {JSON: {"schema": schema, "example": {"instances": [event]}}}


def _infer(event: dict[str, Any]) -> dict[str, Any]:
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {**_TEXT, "description": "a field of the event"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 2},
            "datatype": {"enum": list(DATATYPES)},
            "data": {"type": "array"},
        },
    }
    column = {"type": "object", "required": ["name"], "properties": {"name": {"enum": [one.name for one in COLUMNS]}}}
    properties = {
        "id": {"type": ["string", "null"]},
        "inputs": {"type": "array", "items": tensor, "minItems": 1},
        "parameters": {"type": ["object", "null"]},
        "outputs": {"type": ["array", "null"], "items": column, "description": "all of them, when left out"},
    }
    told = [
        {"name": name, "shape": [1], "datatype": _DATATYPES[type(value)], "data": [value]}
        for name, value in event.items()
        if value is not None
    ]
    schema = {"type": "object", "required": ["inputs"], "properties": properties}
    return {JSON: {"schema": schema, "example": {"inputs": told}}}
