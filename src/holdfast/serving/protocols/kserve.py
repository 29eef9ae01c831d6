"""KServe's V1 protocol (TensorFlow Serving's REST): `instances` in, `predictions` or `explanations` out.

An instance is an event as `/predict` takes it. `parameters` may say what predictions are to be, as MLflow's `params`.
"""

from __future__ import annotations

from fastapi import Request, Response

from holdfast.errors import Problem
from holdfast.serving.bulk import Row
from holdfast.serving.protocols.answers import json
from holdfast.serving.protocols.mlflow import OUTPUTS, asked_output, object_of, predictions
from holdfast.serving.protocols.model import Model
from holdfast.serving.protocols.tables import refusal


async def predict(model: Model, request: Request, body: bytes) -> Response:
    """Decides on each instance. Raises Refuse, Unavailable."""
    rows, output = _instances(model, request, body)
    return json(200, {"predictions": predictions(await model.decide(rows, "instances"), output)})


async def explain(model: Model, request: Request, body: bytes) -> Response:
    """Explains each instance, as `/explain` does: an event, or the id of a decision. Raises Refuse."""
    rows, _ = _instances(model, request, body)
    return json(200, {"explanations": await model.explain(rows, "instances")})


def models(model: Model) -> Response:
    return json(200, {"models": [model.champion.name]})


def _instances(model: Model, request: Request, body: bytes) -> tuple[list[Row], str]:
    model.named(request.path_params["name"])
    raw = object_of(body)
    surplus = sorted(raw.keys() - {"instances", "parameters"})
    if surplus:
        mend = "send instances, and parameters where wanted"
        raise refusal(Problem(surplus[0][:100], "unknown_field", "has no meaning here", mend))
    if "instances" not in raw:
        raise refusal(Problem("instances", "missing", "is missing", "send a list of events"))
    rows = model.tables().events(raw["instances"], "instances")
    return rows, asked_output(raw["parameters"], "parameters") if "parameters" in raw else OUTPUTS[0]
