"""MLflow's scoring protocol, which is SageMaker's container contract too: `/invocations`, `/ping`, `/version`.

Shapes are those of MLflow's own server (`mlflow.pyfunc.scoring_server`): four JSON forms or CSV in, `predictions` out,
faults as `error_code` and `message`. A row is a raw event, not finished features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response

from holdfast import __version__
from holdfast.contract.values import NotJson, read_strict
from holdfast.errors import Problem
from holdfast.serving.bulk import Row
from holdfast.serving.decide import Refuse
from holdfast.serving.protocols.answers import json, said
from holdfast.serving.protocols.model import Decision, Model
from holdfast.serving.protocols.tables import Tables, refusal

JSON, CSV = "application/json", "text/csv"
FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
OUTPUTS = ("probability", "label", "decision")
"""What `params` may ask a prediction to be; the first unless told."""

_CODES = {
    404: "RESOURCE_DOES_NOT_EXIST", 409: "RESOURCE_CONFLICT", 413: "BAD_REQUEST", 503: "TEMPORARILY_UNAVAILABLE",
}  # fmt: skip


class Unsupported(Exception):  # noqa: N818 — an answer, not a fault
    """A content type that is not read here (415, as plain text)."""


async def invocations(model: Model, request: Request, body: bytes) -> Response:
    """Decides on each row. Raises Refuse, Unavailable."""
    try:
        kind, header = content_type(request.headers.get("content-type", ""))
    except Unsupported as wrong:
        return Response(str(wrong), 415, media_type="text/plain")
    tables = model.tables()
    if kind == CSV:
        rows, name, output = tables.csv(body, header=header), "rows", OUTPUTS[0]
    else:
        rows, name, output = _payload(body, tables)
    return json(200, {"predictions": predictions(await model.decide(rows, name), output)})


def content_type(told: str) -> tuple[str, bool]:
    """JSON or CSV, and whether CSV has a header. Nothing told is JSON. Raises Unsupported."""
    kind, *parts = (part.strip() for part in told.split(";"))
    kind = kind.lower() or JSON
    parameters = {name.strip().lower(): value.strip().strip('"').lower() for name, _, value in
                  (part.partition("=") for part in parts if part)}  # fmt: skip
    if parameters.pop("charset", "utf-8") != "utf-8":
        raise Unsupported("The scoring server only supports UTF-8")
    header = parameters.pop("header", "present") if kind == CSV else "present"
    if parameters or header not in ("present", "absent"):
        names = ", ".join(sorted(parameters)) or "header"
        raise Unsupported(f"Unrecognized content type parameters: {names}.")
    if kind not in (JSON, CSV):
        types = [CSV, JSON]
        raise Unsupported(f"This predictor only supports the following content types: Types: {types}. Got '{kind}'.")
    return kind, header == "present"


def _payload(body: bytes, tables: Tables) -> tuple[list[Row], str, str]:
    """The rows, the form they came in, and what predictions are to be."""
    raw = object_of(body)
    forms = [form for form in FORMS if form in raw]
    if len(forms) != 1:
        what = f"the input must be a JSON object with exactly one of the input fields {', '.join(FORMS)}"
        raise refusal(Problem("", "missing" if not forms else "two_names", what, f"it has {sorted(raw)[:20]}"))
    form = forms[0]
    known = {form, "params"}
    if not raw.keys() <= known:
        surplus = sorted(raw.keys() - known)[0][:100]
        raise refusal(Problem(surplus, "unknown_field", f"has no meaning beside {form}", "leave it out"))
    read = {"dataframe_split": tables.split, "dataframe_records": tables.records, "instances": tables.records}
    return read.get(form, tables.columns)(raw[form], form), form, asked_output(raw.get("params"), "params")


def object_of(body: bytes) -> dict[str, object]:
    """Strict JSON, NaN read as null. Raises Refuse."""
    try:
        return read_strict(body, nan_is_null=True)
    except NotJson as error:
        raise Refuse(400, error.what, (Problem("", "not_json", error.what, "send one JSON object in UTF-8"),)) from None


def asked_output(params: object, name: str) -> str:
    """What a prediction is to be, from the request's parameters. Raises Refuse."""
    if params is None:
        return OUTPUTS[0]
    mend = f'send {{"output": …}} with one of {", ".join(OUTPUTS)}, or nothing'
    if not isinstance(params, dict) or not params.keys() <= {"output"}:
        raise refusal(Problem(name, "type", "is not what this model knows as parameters", mend))
    output = params.get("output", OUTPUTS[0])
    if output not in OUTPUTS:
        raise refusal(Problem(f"{name}.output", "unknown_value", "is no known output", mend), 400)
    return str(output)


def predictions(decisions: Sequence[Decision], output: str) -> list[Any]:
    """Probabilities, texts, or whole decisions."""
    return list(decisions) if output == "decision" else [decision[output] for decision in decisions]


def fault(status: int, message: str, problems: Sequence[Problem]) -> Response:
    """As MlflowException serialises itself, with the problems beside it. Whatever the input did wrong is 400."""
    code = _CODES.get(status, "BAD_REQUEST")
    shape = {
        "error_code": code,
        "message": said(message, problems),
        "problems": [problem.as_dict() for problem in problems],
    }
    return json(400 if status == 422 else status, shape)


def ping(model: Model) -> Response:
    """200 when a prediction would be answered now, else 503; the body means nothing."""
    return Response("\n", 200 if model.ready() else 503, media_type=JSON)


def version() -> Response:
    """The version of this server, as bare text, where MLflow gives its own."""
    return Response(__version__, media_type=JSON)
