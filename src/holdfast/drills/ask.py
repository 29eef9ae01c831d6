"""Whom a person would have: the server's own replies, `holdfast watch`, parity, doctor, gate, and what refuses to load.

Each sees the copy and its server, as it would see the project: traffic, ledger, files. None knows of the drill.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from holdfast.drills.command import command
from holdfast.drills.drill import Ask, Caught
from holdfast.drills.stage import MINUTE, Stage

WITHOUT = ("refusals",)
"""What the look from outside leaves to the monitor, as the duties of `holdfast watch` do."""
SERVICE = ("WATCH502", "WATCH503", "WATCH504")
REFUSED = (
    ("platform", "this platform computes otherwise"),
    ("extra", "a file the manifest does not name"),
    ("changed", "the content differs from what was packed"),
    ("size", " bytes, "),
)
"""What a server that does not start says of the bundle, and the word for it."""


def _replies(stage: Stage) -> Iterator[Caught]:
    """Refusals, each kind once, when it first came."""
    seen = set[str]()
    for reply in sorted(stage.replies, key=lambda item: item.at):
        if reply.status == 200:
            continue
        problems = reply.told.get("detail", {}).get("problems", []) if reply.status < 500 else []
        told = [(str(item["code"]), f"{item['field']}: {item['what']}") for item in problems]
        for code, what in told or [(f"status_{reply.status}", json.dumps(reply.told)[:200])]:
            if code not in seen:
                seen.add(code)
                yield Caught("reply", code, what, reply.at, stage.minutes(reply.at))


class _Watching:
    """`holdfast watch`, looking from outside now and then."""

    def __init__(self) -> None:
        self._before: dict[str, Any] = {}

    def __call__(self, stage: Stage) -> Iterator[Caught]:
        from holdfast.project.watch import look

        found = look(stage.project, stage.address, self._before.get(stage.address))
        self._before[stage.address] = found.seen
        sent = len(stage.replies)
        for item in found.findings:
            if item.status == "alert" and item.cause not in WITHOUT:
                yield Caught("watch", item.cause, item.why, sent, stage.minutes(sent))


def _parity(stage: Stage) -> Iterator[Caught]:
    """The newest answers computed again by the batch path; the first that does not come out says since when."""
    from holdfast.project.monitor import keep_parity
    from holdfast.project.replay import live_parity

    if stage.server is None:
        return
    found = live_parity(stage.project, sample=1_000)
    keep_parity(stage.project, found)
    if found.ok:
        return
    sent = len(stage.replies)
    levels = {item.level: item for item in found.replayed.differences}
    for level, item in sorted(levels.items()):
        word = {"A": "answer", "B": "feature"}.get(level, level)
        yield Caught("parity", word, str(item)[:300], min(sent, 1_000), stage.minutes(min(sent, 1_000)))


def _load(stage: Stage) -> Iterator[Caught]:
    """`holdfast serve`, which does not start on what is not whole: what it says then."""
    if not stage.refusal:
        return
    sent = len(stage.replies)
    error = command(stage.folder, "serve", "--port", "0", environment=stage.environment).get("error", {})
    told = "; ".join(f"{item['field']} {item['what']}" for item in error.get("problems", ()))
    what = f"{error.get('what', stage.refusal)} {error.get('mend', '')} {told}".strip()
    words = [word for word, said in REFUSED if said in what] or ["refused"]
    yield Caught("load", words[0], what[-300:], sent, stage.minutes(sent))


def gate(*codes: str) -> Ask:
    """`holdfast check` of the newest version, with these checks."""

    name = " ".join(("gate", *codes))

    def look(stage: Stage) -> Iterator[Caught]:
        only = [word for code in codes for word in ("--only", code)]
        told = command(stage.folder, "check", stage.asked_about, *only)
        if "error" in told:
            yield Caught(name, "refused", str(told["error"])[:300])
        for item in told.get("verdict", told).get("checks", []):
            if item["status"] == "failed":
                yield Caught(name, item["code"], item["why"])

    return Ask(name, look)


def _doctor(stage: Stage) -> Iterator[Caught]:
    """Research against production: exported files where the incident is in them, else the project against itself."""
    ours, theirs = stage.sides or (stage.folder, stage.folder)
    told = command(stage.folder, "doctor", "--research", str(ours), "--production", str(theirs))
    if "error" in told:
        yield Caught("doctor", "refused", str(told["error"])[:300])
    sent = len(stage.replies)
    for item in told.get("findings", []):
        yield Caught("doctor", item["code"], item["says"][:300], sent, stage.minutes(sent))


def _door(stage: Stage) -> Iterator[Caught]:
    """`holdfast promote`, which lets nothing through that nobody answers for."""
    told = command(stage.folder, "promote", stage.asked_about, "--why", "it is wanted today")
    for item in told.get("error", {}).get("problems", []):
        yield Caught("door", item["code"], f"{item['field']}: {item['what']}")


def _restored(stage: Stage) -> Iterator[Caught]:
    """`holdfast restore` of the backup made of the copy."""
    told = command(stage.folder, "restore", str(stage.aside / "backup"), str(stage.aside / "restored"))
    error = told.get("error")
    if error:
        problems = error.get("problems") or [{"code": "altered", "what": error["what"]}]
        for item in problems:
            yield Caught("restore", item["code"], str(item["what"]))


def _monitor(stage: Stage) -> Iterator[Caught]:
    """`holdfast monitor --at`, as if it had been asked at each of these moments of event time."""
    from holdfast.project.monitor import Monitor

    if not stage.replies:
        return
    seen = set[tuple[str, str, str]]()
    with Monitor(stage.project) as watching:
        for sent in stage.looks:
            report = watching.look(stage.moment(sent) // MINUTE * MINUTE + MINUTE)
            for item in report.findings:
                key = item.code, item.cause, item.feature
                if item.status in ("alert", "crashed") and key not in seen:
                    seen.add(key)
                    why = f"{item.code} {item.feature}: {item.why}"
                    # What parity found is kept without event time: it was asked once, of the newest thousand.
                    at = min(len(stage.replies), 1_000) if item.cause == "skew" else sent
                    yield Caught("monitor", item.cause, why[:300], at, stage.minutes(at))


class _Service:
    """`holdfast monitor` of now, which is where the recorded traffic has got to: how it was answered is in no event."""

    def __call__(self, stage: Stage) -> Iterator[Caught]:
        from holdfast.project.monitor import Monitor

        sent = len(stage.replies)
        with Monitor(stage.project) as watching:
            report = watching.look()
        for item in report.findings:
            if item.status == "alert" and item.code in SERVICE:
                yield Caught("service", item.cause, f"{item.code} {item.why}"[:300], sent, stage.minutes(sent))


replies = Ask("reply", _replies)
service = Ask("service", _Service(), live=True)
watch = Ask("watch", _Watching(), live=True)
monitor = Ask("monitor", _monitor)
parity = Ask("parity", _parity)
load = Ask("load", _load)
doctor = Ask("doctor", _doctor)
door = Ask("door", _door)
restored = Ask("restore", _restored)
