"""A look at the registry without MLflow: is it there, and where do its aliases point?

What serves asks every few seconds and must not pay 2.5 s and 200 MB for the answer.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

BUNDLE_TAG = "holdfast.bundle"
"""Tag of a model version: the hash of its bundle."""

TIMEOUT = 2.0
LARGEST_ANSWER = 4 << 20


def probe(uri: str, name: str, *, timeout: float = TIMEOUT) -> Mapping[str, object]:
    """``{"reachable": bool, "why": str, "aliases": {alias: version}}``; it never raises.

    `uri` is MLflow's: a SQLite file or a server's address. `timeout` in seconds. A registry that is there and does not
    know `name` is reachable and has no aliases.
    """
    try:
        if uri.startswith("sqlite:///"):
            aliases = _sqlite(Path(uri.removeprefix("sqlite:///")), name, timeout)
        elif uri.startswith(("http://", "https://")):
            aliases = _server(uri, name, timeout)
        else:
            return {"reachable": False, "why": "only SQLite files and servers can be watched", "aliases": {}}
    except (OSError, ValueError, sqlite3.Error) as fault:
        return {"reachable": False, "why": str(fault) or type(fault).__name__, "aliases": {}}
    return {"reachable": True, "why": "", "aliases": aliases}


def _sqlite(path: Path, name: str, timeout: float) -> dict[str, str]:
    # as_uri escapes what would end the path; mode=ro never makes an empty file where there was none.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=timeout)) as connection:
        rows = connection.execute("SELECT alias, version FROM registered_model_aliases WHERE name = ?", (name,))
        return {str(alias): str(version) for alias, version in rows}


def _server(uri: str, name: str, timeout: float) -> dict[str, str]:
    query = urllib.parse.urlencode({"name": name})
    address = f"{uri.rstrip('/')}/api/2.0/mlflow/registered-models/get?{query}"
    request = urllib.request.Request(address, headers=_credentials())  # noqa: S310  # http(s), checked by the caller
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            found = json.loads(answer.read(LARGEST_ANSWER))
    except urllib.error.HTTPError as fault:
        if fault.code == 404:
            return {}
        raise
    aliases = found.get("registered_model", {}).get("aliases", [])
    return {str(item["alias"]): str(item["version"]) for item in aliases}


def _credentials() -> dict[str, str]:
    """What MLflow's own client would send."""
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    if user and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {}
