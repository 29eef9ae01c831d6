"""The routes of foreign protocols, each with the permission it needs and its own shape of a fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import getdoc
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from holdfast.serving.decide import Refuse
from holdfast.serving.protocols import kserve, mlflow, oip
from holdfast.serving.protocols.answers import Handler, Shape, guarded
from holdfast.serving.protocols.model import Model


class _ModelName(StringConvertor):
    """A model's name without a verb behind it: `/v1/models/fraud:predict` is another route."""

    regex = "[^/:]+"


register_url_convertor("model", _ModelName())

Ask = Callable[[Request], Awaitable[Response]]

_POSTS: tuple[tuple[str, Callable[[Model, Request, bytes], Awaitable[Response]], Shape, str, str], ...] = (
    ("/invocations", mlflow.invocations, mlflow.fault, "predict", "MLflow, SageMaker: decide on rows"),
    ("/v1/models/{name}:predict", kserve.predict, oip.fault, "predict", "KServe V1: decide on instances"),
    ("/v1/models/{name}:explain", kserve.explain, oip.fault, "explain", "KServe V1: explain instances"),
    ("/v2/models/{name}/infer", oip.infer, oip.fault, "predict", "Open Inference Protocol: decide on rows"),
    ("/v2/models/{name}/versions/{version}/infer", oip.infer, oip.fault, "predict", "The same, of one version"),
)

_GETS: tuple[tuple[str, Callable[[Model, Request], Response], str, str], ...] = (
    ("/ping", lambda model, _: mlflow.ping(model), "open", "MLflow, SageMaker: ready or not"),
    ("/version", lambda model, _: mlflow.version(), "open", "MLflow: the server's version"),
    ("/v1/models", lambda model, _: kserve.models(model), "predict", "KServe V1: the models"),
    (
        "/v1/models/{name:model}",
        lambda model, ask: _named(oip.model_ready, model, ask),
        "predict",
        "KServe V1: ready or not",
    ),
    ("/v2", lambda model, _: oip.server(), "open", "Open Inference Protocol: the server"),
    ("/v2/health/live", lambda model, _: oip.live(), "open", "The process answers"),
    ("/v2/health/ready", lambda model, _: oip.ready(model), "open", "Ready or not"),
    ("/v2/models/{name}", lambda model, ask: _named(oip.metadata, model, ask), "predict", "Inputs and outputs"),
    ("/v2/models/{name}/ready", lambda model, ask: _named(oip.model_ready, model, ask), "predict", "Ready or not"),
    (
        "/v2/models/{name}/versions/{version}",
        lambda model, ask: _named(oip.metadata, model, ask),
        "predict",
        "Inputs and outputs of one version",
    ),
    (
        "/v2/models/{name}/versions/{version}/ready",
        lambda model, ask: _named(oip.model_ready, model, ask),
        "predict",
        "One version, ready or not",
    ),
)

_TEXT = {"type": "string"}
_FAULT = {"type": "object", "properties": {"error": _TEXT}, "required": ["error"]}
_MLFLOW_FAULT = {
    "type": "object",
    "properties": {"error_code": _TEXT, "message": _TEXT, "problems": {"type": "array"}},
    "required": ["error_code", "message"],
}


def add(api: FastAPI, model: Model) -> None:
    """Adds every route of the foreign protocols to the app."""
    for path, answer, shape, permission, summary in _POSTS:
        handler: Handler = _bound(answer, model)
        api.add_api_route(
            path, guarded(model.limits.bulk_body, handler, shape), methods=["POST"], summary=summary,
            name=path.strip("/"), response_class=Response, responses=_statuses(shape),
            openapi_extra=_extra(path, permission), description=getdoc(answer) or "",
        )  # fmt: skip
    for path, page, permission, summary in _GETS:
        told = _statuses(oip.fault) if "{" in path else _ready(path)
        api.add_api_route(
            path, _asked(page, model), methods=["GET"], summary=summary, name=path.strip("/"), response_class=Response,
            responses=told, openapi_extra=_extra(path, permission),
        )  # fmt: skip


def _bound(answer: Callable[[Model, Request, bytes], Awaitable[Response]], model: Model) -> Handler:
    async def handler(request: Request, body: bytes) -> Response:
        return await answer(model, request, body)

    return handler


def _asked(page: Callable[[Model, Request], Response], model: Model) -> Ask:
    async def route(request: Request) -> Response:
        try:
            return page(model, request)
        except Refuse as refused:
            return oip.fault(refused.status, refused.message, refused.problems)

    return route


def _named(page: Callable[[Model, str, str | None], Response], model: Model, request: Request) -> Response:
    return page(model, request.path_params["name"], request.path_params.get("version"))


def _extra(path: str, permission: str) -> dict[str, Any]:
    names = [name for name in ("name", "version") if f"{{{name}" in path]
    parameters = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names]
    return {"x-permission": permission} | ({"parameters": parameters} if parameters else {})


def _statuses(shape: Shape) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": _MLFLOW_FAULT if shape is mlflow.fault else _FAULT}}
    told = {
        400: "The payload, or a row of it, is refused: nothing was kept",
        404: "No such model",
        409: "A row was recorded before with another body",
        413: "Too large",
        415: "A content type or encoding that is not read here",
        503: "Not ready, or the ledger cannot be written now",
    }
    return {status: {"description": about, "content": content} for status, about in told.items()}


def _ready(path: str) -> dict[int | str, dict[str, Any]]:
    if path not in ("/ping", "/v2/health/ready"):
        return {}
    return {503: {"description": "Not ready", "content": {"application/json": {"schema": {}}}}}
