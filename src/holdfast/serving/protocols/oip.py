"""Open Inference Protocol v2 (KServe, Triton, Seldon) over HTTP: health, metadata, infer.

Inputs are the fields of an event by name, outputs the columns of its decision. Binary tensors are read and written as
Triton's extension says: `Inference-Header-Content-Length` is where the JSON ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response

from holdfast import __version__
from holdfast.errors import Problem
from holdfast.serving import replies
from holdfast.serving.bulk import Row
from holdfast.serving.live import Version
from holdfast.serving.protocols import tensors
from holdfast.serving.protocols.answers import json, said
from holdfast.serving.protocols.cells import fields_by_name
from holdfast.serving.protocols.mlflow import object_of
from holdfast.serving.protocols.model import Decision, Model
from holdfast.serving.protocols.tables import refusal, refuse
from holdfast.serving.protocols.tensors import OUTPUTS, BadTensor, Output

HEADER = "inference-header-content-length"
_LARGE = 64 * 1024
"""Bytes from which a body is read beside the event loop."""

_Wanted = list[tuple[Output, bool]]
"""Outputs to give, and whether as binary."""


async def infer(model: Model, request: Request, body: bytes) -> Response:
    """Decides on the rows of the tensors. Raises Refuse, Unavailable."""
    version = model.named(request.path_params["name"], request.path_params.get("version"))
    if request.headers.get("content-encoding", "identity") != "identity":
        raise refusal(Problem("", "type", "a compressed body is not read here", "send it plain"), 415)
    length = _header_length(request.headers.get(HEADER), len(body))
    if len(body) > _LARGE:
        raw, rows, wanted = await asyncio.to_thread(_read, model, version, body, length)
    else:
        raw, rows, wanted = _read(model, version, body, length)
    decisions = await model.decide(rows, "rows")
    told = {"model_name": version.name, "model_version": version.version}
    if isinstance(raw.get("id"), str):
        told["id"] = str(raw["id"])
    return _reply(told, decisions, wanted)


def server() -> Response:
    """What this server is."""
    return json(200, {"name": "holdfast", "version": __version__, "extensions": ["binary_tensor_data"]})


def live() -> Response:
    return json(200, {"live": True})


def ready(model: Model) -> Response:
    """200 when a prediction would be answered now, else 503."""
    answers = model.ready()
    return json(200 if answers else 503, {"ready": answers})


def model_ready(model: Model, name: str, version: str | None) -> Response:
    """The same for the model under its name. Raises Refuse (404) for another one."""
    found, answers = model.named(name, version), model.ready()
    return json(200 if answers else 503, {"name": found.name, "ready": answers})


def metadata(model: Model, name: str, version: str | None) -> Response:
    """Inputs and outputs of the live contract. Raises Refuse (404)."""
    found = model.named(name, version)
    shape = {
        "name": found.name,
        "versions": [found.version],
        "platform": "holdfast",
        "inputs": [_tensor(field.name, tensors.OF_FIELD[field.type]) for field in found.source.fields],
        "outputs": [_tensor(output.name, output.datatype) for output in OUTPUTS],
    }
    return json(200, shape)


def fault(status: int, message: str, problems: Sequence[Problem]) -> Response:
    """The protocol's error: one text. Whatever the input did wrong is 400."""
    return json(400 if status == 422 else status, {"error": said(message, problems)})


def _tensor(name: str, datatype: str) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [-1]}


def _header_length(told: str | None, size: int) -> int:
    if told is None:
        return size
    if told.isascii() and told.isdigit() and len(told) < 12 and int(told) <= size:
        return int(told)
    what = f"{HEADER} is not a number of bytes within the body"
    raise refusal(Problem("", "type", what, "give the length of the JSON that the binary data follows"), 400)


def _read(model: Model, version: Version, body: bytes, length: int) -> tuple[dict[str, object], list[Row], _Wanted]:
    """The request, its rows, and the outputs it wants."""
    raw = object_of(body[:length])
    if not isinstance(raw.get("id"), str | None):
        raise refusal(Problem("id", "type", "is not a text", "send a text, or nothing"))
    wanted = _wanted(raw)
    return raw, _rows(model, version, raw.get("inputs"), body[length:]), wanted


def _rows(model: Model, version: Version, inputs: object, binary: bytes) -> list[Row]:
    if not isinstance(inputs, list) or not inputs:
        raise refusal(Problem("inputs", "missing", "holds no tensors", "send a list of tensors, one for each field"))
    fields = fields_by_name(version.source)
    columns: dict[str, object] = {}
    problems: list[Problem] = []
    at = 0
    for number, tensor in enumerate(inputs):
        name = tensor.get("name") if isinstance(tensor, dict) else None
        if not isinstance(tensor, dict) or not isinstance(name, str):
            problems.append(Problem(f"inputs[{number}]", "type", "is no tensor with a name", "name it as its field"))
            continue
        place = f"inputs.{replies.shorten(name)}"
        if name in columns:
            problems.append(Problem(place, "two_names", "is given twice", "send one tensor for each field"))
        try:
            size = _binary_size(tensor)
            part = None if size is None else binary[at : at + size]
            if size is not None and len(binary) < at + size:
                raise BadTensor(f"has {size} bytes of binary data, more than follow the JSON")
            at += size or 0
            rows = _column_rows(tensor, model.limits.rows)
            datatype = tensor.get("datatype")
            if datatype not in tensors.DATATYPES:
                raise BadTensor("has no known datatype", f"one of {', '.join(tensors.DATATYPES)}")
            kind, field = str(datatype), fields.get(name)
            if part is None:
                columns[name] = tensors.read_json(field, kind, rows, tensor.get("data"))
            else:
                columns[name] = tensors.read_binary(field, kind, rows, part)
        except BadTensor as wrong:
            problems.append(Problem(place, "tensor", wrong.what, wrong.mend))
    if at < len(binary) and not problems:
        what = f"{len(binary) - at} bytes follow the JSON that belong to no tensor"
        problems.append(Problem("", "tensor", what, "say binary_data_size in the parameters of each binary tensor"))
    refuse(problems)
    return model.tables().together(columns, "inputs")


def _column_rows(tensor: dict[str, object], most: int) -> int:
    rows = tensors.rows_of_shape(tensor.get("shape"))
    if rows > most:
        raise BadTensor(f"has more than {most} rows", "send it in parts")
    return rows


def _binary_size(tensor: dict[str, object]) -> int | None:
    parameters = _parameters(tensor)
    if "shared_memory_region" in parameters:
        raise BadTensor("lies in shared memory, which is not read here", "send its data")
    size = parameters.get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or not 0 <= size < 2**31 or "data" in tensor:
        raise BadTensor("has a binary_data_size that is no size, or data beside it", "send one of the two")
    return size


def _parameters(of: dict[str, object]) -> dict[str, object]:
    parameters = of.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise BadTensor("has parameters that are no object", "send an object of parameters, or nothing")
    return parameters


def _wanted(raw: dict[str, object]) -> _Wanted:
    """Requested outputs, or all of them. Raises Refuse."""
    try:
        everywhere = _parameters(raw).get("binary_data_output") is True
    except BadTensor as wrong:
        raise refusal(Problem("parameters", "type", wrong.what, wrong.mend)) from None
    asked = raw.get("outputs")
    if asked is None or asked == []:
        return [(output, everywhere) for output in OUTPUTS]
    known = {output.name: output for output in OUTPUTS}
    mend = f"ask for {', '.join(known)}"
    if not isinstance(asked, list):
        raise refusal(Problem("outputs", "type", "is not a list", mend))
    wanted: _Wanted = []
    problems: list[Problem] = []
    for number, item in enumerate(asked):
        name = item.get("name") if isinstance(item, dict) else None
        output = known.get(name) if isinstance(name, str) else None
        if not isinstance(item, dict) or output is None:
            problems.append(Problem(f"outputs[{number}]", "unknown_value", "is no output of this model", mend))
            continue
        try:
            parameters = _parameters(item)
        except BadTensor as wrong:
            problems.append(Problem(f"outputs[{number}]", "type", wrong.what, wrong.mend))
            continue
        unread = [word for word in ("classification", "shared_memory_region") if parameters.get(word)]
        problems += [Problem(f"outputs[{number}]", "tensor", f"{word} is not given here", mend) for word in unread]
        wanted.append((output, parameters.get("binary_data", everywhere) is True))
    refuse(problems)
    return wanted


def _reply(told: dict[str, Any], decisions: Sequence[Decision], wanted: _Wanted) -> Response:
    parts: list[bytes] = []
    outputs: list[dict[str, Any]] = []
    for output, binary in wanted:
        shape: dict[str, Any] = {"name": output.name, "datatype": output.datatype, "shape": [len(decisions)]}
        if binary:
            part = tensors.write_binary(output, decisions)
            parts.append(part)
            shape["parameters"] = {"binary_data_size": len(part)}
        else:
            shape["data"] = tensors.write_json(output, decisions)
        outputs.append(shape)
    head = replies.encode({**told, "outputs": outputs})
    if not any(binary for _, binary in wanted):
        return Response(head, 200, media_type="application/json")
    headers = {HEADER: str(len(head))}
    return Response(b"".join((head, *parts)), 200, headers, "application/octet-stream")
