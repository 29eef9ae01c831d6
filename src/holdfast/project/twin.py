"""What a copy of a project is made of: its settings without its doors, and a version that answers without a gate."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from holdfast.ledger.records import Promotion
from holdfast.project.settings import PREFIX, Settings, table

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle

OUTWARD = ("access_", "alerts_", "log_", "registry_", "serving_tls_", "trace_")
"""Settings that begin so lead out of the project, or let people in; texts among them stay behind."""
OWN = ("serving_host", "serving_port", "serving_trusted_hosts", "home", "features_path")


def bare_environment() -> dict[str, str]:
    """The environment without anything that is meant for the project itself: its settings, its keys."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def inward(settings: Settings, **changed: Any) -> Settings:
    """The settings that decide how the project computes, answers and watches; no key, address or door of it."""
    plain = Settings()
    kept = {}
    for item in fields(Settings):
        value = getattr(settings, item.name)
        leads_out = item.name.startswith(OUTWARD) and not isinstance(value, int | float)
        if item.name not in OWN and not leads_out and not item.name.startswith("access_"):
            kept[item.name] = value
    return replace(plain, **{**kept, **changed})


def toml(settings: Settings) -> str:
    """A `holdfast.toml` with what is not at its default. JSON's texts, numbers and truths are TOML's too."""
    plain, tops, tables = Settings(), [], dict[str, dict[str, Any]]()
    for row in table():
        name = row.name.replace(".", "_")
        value: Any = getattr(settings, name)
        if value == getattr(plain, name):
            continue
        if isinstance(value, Mapping):
            tables[row.name] = dict(value)
            continue
        head, _, rest = row.name.partition(".")
        if rest:
            tables.setdefault(head, {})[rest] = value
        else:
            tops.append(f"{row.name} = {_value(value)}")
    lines = list(tops)
    for name, values in tables.items():
        lines += ["", f"[{name}]", *(f"{_json(key)} = {_value(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def promotion(
    version: str, bundle: Bundle, *, previous: str | None = None, back: bool = False, who: str = "", why: str = ""
) -> Promotion:
    """A record that makes a version champion, for a copy in which nobody has to approve of it."""
    return Promotion(
        action="rollback" if back else "promote",
        alias="champion",
        version=version,
        bundle=bundle.hash,
        contract=bundle.contract.hash,
        who=who,
        why=why,
        previous=previous,
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_json(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
