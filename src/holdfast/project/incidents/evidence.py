"""What a playbook asks for, gathered: one function for each question, none of which may stop another.

Nothing personal is in it: a body shows open fields alone, a decision is named by its prediction id.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.contract.values import NotJson, timestamp_text
from holdfast.errors import HoldfastError
from holdfast.project.incidents.scene import Gather, Gathered, Scene
from holdfast.project.incidents.traffic import decisions, inputs, judged, refusals, segments, skew

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle

SHOWN = 5
LAST_WORDS = 4_000
"""Bytes of the end of the log that are looked at."""


def promotions(scene: Scene) -> Gathered:
    from holdfast.project.versions import promotions as all_of
    from holdfast.traffic.course import Experiments

    steps = all_of(scene.project)[-SHOWN:]
    lines = [
        f"{'BROKEN GLASS! ' if step['passed'].startswith('BROKEN') else ''}{step['when']} {step['action']}: version "
        f"{step['version']} is {step['alias']} by {step['who']}: {step['why']}"
        for step in steps
    ]
    running = Experiments(scene.project.reader.course()).running()
    lines += [
        f"experiment {item.name} ({item.kind}) is under way since record {item.started or item.seq}" for item in running
    ]
    return Gathered(
        "promotions", "Last promotions and experiments", tuple(lines),
        {"promotions": steps, "experiments": [item.name for item in running]},
    )  # fmt: skip


def alerts(scene: Scene) -> Gathered:
    lines = [f"{item['at']} {item['severity']} {item['cause']}: {item['what']}" for item in scene.alerts]
    return Gathered("alerts", "Open alerts", tuple(lines or ["none"]), {"alerts": scene.alerts})


def server(scene: Scene) -> Gathered:
    from holdfast.project.incidents.alarms import health

    told = health(scene.address, scene.key)
    if told is None:
        return Gathered("server", "The server", (f"{scene.address} does not answer",), {"answers": False})
    status, shape = told
    model = shape.get("model", {})
    wrong = {name: what for name, what in shape.get("checks", {}).items() if what != "ok"}
    lines = [f"{shape.get('status')} ({status}), version {model.get('version')}, up {shape.get('uptime_seconds')} s"]
    lines += [f"{name}: {what}" for name, what in wrong.items()] + list(shape.get("problems", []))
    lines += [f"measure in force: {item['kind']} until {item['until']}" for item in shape.get("measures", [])]
    return Gathered("server", "The server", tuple(lines), {"answers": True, "status": status, "health": shape})


def changes(scene: Scene) -> Gathered:
    """What differs between the version that answers and the one before: contract, threshold, weights."""
    from holdfast.contract.diff import diff
    from holdfast.project.bundles import history, opened

    past = history(scene.project)
    live, before = past.live(), past.before()
    if live is None or before is None:
        return Gathered("changes", "What changed between the versions", ("there is no version before this one",))
    new, old = (opened(scene.project, step.bundle) for step in (live, before))
    lines = [f"version {before.version} before, version {live.version} since {timestamp_text(live.received_at)}"]
    told = [str(item) for item in diff(old.contract, new.contract)]
    lines += told or ["the contract is the same"]
    lines.append(f"threshold {old.threshold.value:.6g} before, {new.threshold.value:.6g} now ({new.threshold.basis})")
    weights = _weights(old, new)
    lines += [
        f"{name}: carried {was:.0%} of the score before, {is_now:.0%} now" for name, was, is_now in weights[:SHOWN]
    ]
    if old.profile and new.profile:
        shares = [item.profile.get("decision_share") for item in (old, new)]
        lines.append(f"positive in training: {shares[0]} before, {shares[1]} now")
    return Gathered(
        "changes", "What changed between the versions", tuple(lines),
        {"contract": told, "thresholds": [old.threshold.value, new.threshold.value], "weights": weights},
    )  # fmt: skip


def _weights(old: Bundle, new: Bundle) -> list[tuple[str, float, float]]:
    """(feature, share of the mean contributions before, and now), those that changed most first."""
    shares: list[dict[str, float]] = []
    for bundle in (old, new):
        if bundle.reference is None:
            return []
        parts = np.abs(np.array(bundle.reference.contributions))
        names = [item.name for item in bundle.contract.features]
        shares.append(dict(zip(names, (parts / (parts.sum() or 1.0)).tolist(), strict=True)))
    every = dict.fromkeys([*shares[0], *shares[1]])
    told = [(name, shares[0].get(name, 0.0), shares[1].get(name, 0.0)) for name in every]
    return sorted((row for row in told if abs(row[1] - row[2]) >= 0.01), key=lambda row: -abs(row[1] - row[2]))


def disk(scene: Scene) -> Gathered:
    used = shutil.disk_usage(scene.project.home)
    line = f"{used.free / 1e9:.1f} GB of {used.total / 1e9:.1f} GB are free where the ledger lies"
    return Gathered("disk", "Room on the disk", (line,), {"free": used.free, "total": used.total})


def log(scene: Scene) -> Gathered:
    """The server's last words: faults and warnings, without what a client sent."""
    settings = scene.project.settings
    place = scene.project.folder / settings.log_file if settings.log_file else scene.project.home / "serve.log"
    if not place.is_file():
        return Gathered("log", "The server's last words", lacking=f"no log lies at {place}")
    with place.open("rb") as file:
        file.seek(max(0, place.stat().st_size - LAST_WORDS))
        words = file.read().decode("utf-8", "replace").splitlines()[-SHOWN:]
    return Gathered("log", "The server's last words", tuple(words))


EVIDENCE: Mapping[str, Gather] = {
    "promotions": promotions, "alerts": alerts, "server": server, "decisions": decisions, "changes": changes,
    "segments": segments, "inputs": inputs, "refusals": refusals, "skew": skew, "outcomes": judged, "disk": disk,
    "log": log,
}  # fmt: skip


def gather(scene: Scene, names: Sequence[str]) -> list[Gathered]:
    """Each question's answer; what fails says why, and the others are asked all the same."""
    found = []
    for name in names:
        try:
            found.append(EVIDENCE[name](scene))
        except (HoldfastError, OSError, NotJson, ValueError) as error:
            found.append(Gathered(name, name, lacking=f"{type(error).__name__}: {error}"))
    return found
