"""`/docs` and `/openapi.json`: what can be asked here, as a page of our own and as the document it is made from.

The usual page loads its scripts from another company's servers: blank without the internet, and telling them who looks.
This one is plain HTML made from the document, with one small script of ours for trying a route out.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from fastapi import FastAPI, Response

from holdfast.serving import replies

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{margin-bottom:0}h2{margin:0;font-size:1rem}code,pre,textarea{font:13px/1.45 ui-monospace,monospace}
details{border:1px solid #ccc;border-radius:4px;margin:.5rem 0;padding:.5rem .8rem}summary{cursor:pointer}
summary b{display:inline-block;width:3.4rem}summary i{float:right;color:#666}table{border-collapse:collapse}
td,th{padding:.1rem .8rem .1rem 0;text-align:left;vertical-align:top}
textarea{width:100%;height:11rem;box-sizing:border-box}pre{white-space:pre-wrap;background:#f4f4f4;padding:.5rem}
@media(prefers-color-scheme:dark){body{background:#1b1b1b;color:#ddd}pre,textarea,input{background:#2a2a2a;color:#ddd}}
"""

_SCRIPT = """
for (const form of document.querySelectorAll("form[data-path]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const shown = form.querySelector("pre"), body = form.querySelector("textarea");
    const key = document.getElementById("key").value, headers = {};
    if (key) headers.authorization = "Bearer " + key;
    if (body) headers["content-type"] = "application/json";
    let path = form.dataset.path;
    for (const part of form.querySelectorAll("input[name]"))
      path = path.replace("{" + part.name + "}", encodeURIComponent(part.value));
    try {
      const reply = await fetch(path, {method: form.dataset.method, headers, body: body ? body.value : undefined});
      const text = await reply.text();
      let told = text;
      try { told = JSON.stringify(JSON.parse(text), null, 2); } catch { /* as it came */ }
      shown.textContent = reply.status + " " + reply.statusText + "\\n\\n" + told;
    } catch (error) { shown.textContent = String(error); }
  });
}
"""


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Nothing is loaded from anywhere; the page may ask this server only."""


def add(api: FastAPI, document: Callable[[], dict[str, Any]]) -> None:
    """Adds both routes; `document` answers the OpenAPI document as it is now."""

    async def openapi() -> Response:
        """This document."""
        return Response(replies.encode(document()), media_type="application/json")

    async def docs() -> Response:
        """The same for people, with a way to try each route."""
        return Response(page(document()), headers=HEADERS, media_type="text/html")

    told = {"x-permission": "metrics"}
    for path, answer in (("/openapi.json", openapi), ("/docs", docs)):
        api.add_api_route(
            path, answer, methods=["GET"], response_class=Response, name=path.strip("/"), openapi_extra=told
        )


def page(document: Mapping[str, Any]) -> str:
    """The document as one HTML page."""
    about = document["info"]
    routes = [
        _route(path, method, told, document)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(about['title'])}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>{escape(about['title'])}</h1><p>{escape(about.get('description', ''))} "
        "The same as an OpenAPI (Swagger) document: <a href=openapi.json>openapi.json</a>.</p>"
        "<p><label>Key, where one is needed: <input id=key type=password autocomplete=off size=40></label></p>"
        f"{''.join(routes)}<script>{_SCRIPT}</script>"
    )


def _route(path: str, method: str, told: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    parameters = told.get("parameters", [])
    inside = [f"<input name='{escape(item['name'])}' placeholder='{escape(item['name'])}'>" for item in parameters
              if item["in"] == "path"]  # fmt: skip
    content = told.get("requestBody", {}).get("content", {}).get("application/json")
    if content is not None:
        example = json.dumps(_example(content, document), indent=2, ensure_ascii=False, default=str)
        inside.append(f"<textarea spellcheck=false aria-label=body>{escape(example)}</textarea>")
    rows = [f"<tr><th>{escape(item['name'])}<td>{escape(item['in'])}<td>{escape(item.get('description', ''))}"
            for item in parameters]  # fmt: skip
    rows += _fields(content, document) if content is not None else []
    answers = [f"<tr><th>{escape(str(status))}<td>{escape(answer.get('description', ''))}"
               for status, answer in told.get("responses", {}).items()]  # fmt: skip
    needs, short = escape(told.get("x-permission", "")), escape(told.get("summary", ""))
    return (
        f"<details><summary><b>{escape(method.upper())}</b> <code>{escape(path)}</code> {short}"
        f"<i>{needs}</i></summary><p>{escape(told.get('description', ''))}</p>"
        f"<table>{''.join(rows)}</table><h2>Replies</h2><table>{''.join(answers)}</table>"
        f"<form data-path='{escape(path)}' data-method={escape(method.upper())}>{''.join(inside)}"
        "<p><button>Send</button></p><pre></pre></form></details>"
    )


def _fields(content: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    """The body's fields: name, type, whether it must be there, what it means."""
    schema = _resolved(content.get("schema", {}), document)
    required = schema.get("required", ())
    rows = []
    for name, field in schema.get("properties", {}).items():
        told = _resolved(field, document)
        kind = told.get("type", "")
        words = [kind if isinstance(kind, str) else " or ".join(kind), "" if name in required else "optional"]
        rows.append(
            f"<tr><th>{escape(name)}<td>{escape(' '.join(filter(None, words)))}"
            f"<td>{escape(told.get('description', '') or ', '.join(map(str, told.get('enum', ()))))}"
        )
    return rows


def _example(content: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    if "example" in content:
        return content["example"]
    schema = _resolved(content.get("schema", {}), document)
    return next(iter(schema.get("examples", ())), {})


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference within the document means."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return document.get("components", {}).get("schemas", {}).get(name, {}) if name else schema
