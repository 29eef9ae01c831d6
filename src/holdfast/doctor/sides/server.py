"""A running server as a side: what it tells of itself, and what it says of rows when asked to explain them.

`/explain` decides on a body at the state of now and records nothing; so rows are asked, twice, and no ledger, no state
and no window knows of it. A server tells no libraries: it serves only after its golden rows came out to the bit.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from holdfast.doctor.side import UNTOLD, Model, Role, Side
from holdfast.doctor.sides.bundle import recorded_data, recorded_environment
from holdfast.errors import HoldfastError

PATIENCE = 20.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is for the server that was named, not for one it points to."""

    def redirect_request(self, *_: Any) -> None:
        return None


def ask(address: str, path: str, key: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a route; `key` may hold several keys with spaces between, tried until one is let in.

    Raises HoldfastError where nobody answers, or not in JSON.
    """
    given = key.split() or [""]
    for one in given[:-1]:
        status, told = _ask(address, path, one, body)
        if status not in (401, 403):
            return status, told
    return _ask(address, path, given[-1], body)


def _ask(address: str, path: str, key: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
    headers = {"accept": "application/json", "content-type": "application/json"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body, allow_nan=False).encode()
    url = address.rstrip("/") + path
    request = urllib.request.Request(url, data, headers)  # noqa: S310 — http or https: `side_of` looked
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=PATIENCE) as reply:
            return reply.status, _object(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            try:
                return error.code, _object(error.read())
            except ValueError:
                return error.code, {}
    except (OSError, ValueError) as error:
        raise HoldfastError(f"no answer: {error}", where=url, mend="is it a Holdfast server, and is it up?") from error


def _object(content: bytes) -> dict[str, Any]:
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError("not one JSON object")
    return found


def server(role: Role, address: str, key: str = "") -> Side:
    """What a server tells of itself; what it does not permit is said to be untold."""
    status, info = ask(address, "/model-info", key)
    if status in (401, 403):
        return Side(
            role, address, "server",
            untold=("which model it is: /model-info needs a key with the role viewer, in HOLDFAST_DOCTOR_KEY",),
        )  # fmt: skip
    if status != 200 or "bundle" not in info:
        raise HoldfastError(f"/model-info answers {status}", where=address, mend="give the URL of a Holdfast server")
    training = info.get("training", {})
    _, health = ask(address, "/health", key)
    untold = [f"it is not healthy: {what}" for what in health.get("problems", [])]
    untold += ["its libraries: a server tells none (it proved its golden rows when it loaded the model)"]
    return Side(
        role=role,
        place=address,
        kind="server",
        environment=recorded_environment(training, {}),
        seed=training.get("settings", {}).get("seed", UNTOLD),
        sources=recorded_data(training),
        model=Model(
            name=info["name"],
            version=info["version"],
            bundle=info["bundle"],
            contract=info["contract"],
            threshold=info.get("threshold", {}).get("value"),
            features=tuple(item["name"] for item in info["features"]),
        ),
        proved=True,
        untold=tuple(untold),
    )
