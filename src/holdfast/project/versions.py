"""What is registered, what was live when, and who made it so."""

from __future__ import annotations

from typing import Any

from holdfast.contract.values import instant, timestamp_text
from holdfast.project.bundles import history
from holdfast.project.project import Project


def versions(project: Project) -> list[dict[str, Any]]:
    """The registered versions, the newest first, with the aliases that the registry gives them."""
    return [
        {
            "version": item.number,
            "aliases": ", ".join(item.aliases) + (" (archived)" if item.archived else ""),
            "family": item.family,
            "contract": item.contract[:12],
            "bundle": item.bundle[:12],
            "trained": timestamp_text(item.created_at),
            "who": item.who,
            "model_hash": item.model_hash,
            "run": item.run,
        }
        for item in project.registry.versions()
    ]


def promotions(project: Project) -> list[dict[str, Any]]:
    """Promotions, rollbacks and archivings, oldest first: when, what, who and why."""
    return [
        {
            "when": timestamp_text(step.received_at),
            "action": step.action,
            "alias": step.alias,
            "version": step.version,
            "before": step.previous,
            "who": step.who,
            "why": step.why,
            "bundle": step.bundle,
            "contract": step.contract,
            "passed": step.passed,
            "seq": step.seq,
        }
        for step in history(project).records
    ]


def was_live(project: Project, at: str, alias: str = "champion") -> dict[str, Any]:
    """Which version was live at a time (ISO 8601; without an offset it is UTC)."""
    moment = instant(at)
    step = history(project).live(alias, moment)
    when = timestamp_text(moment)
    if step is None:
        return {"at": when, "alias": alias, "version": None, "sentence": f"nothing was {alias} at {when}"}
    since = timestamp_text(step.received_at)
    sentence = f"version {step.version} was {alias} at {when}, since {since} ({step.action} by {step.who}: {step.why})"
    return {"at": when, "alias": alias, "version": step.version, "since": since, "sentence": sentence}
