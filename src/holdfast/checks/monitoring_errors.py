"""GATE803: when decisions cannot be written down, none is answered, somebody is told, and it mends itself."""

from __future__ import annotations

import json
import resource
import time
from itertools import islice
from pathlib import Path
from typing import Any

from holdfast.checks.check import MONITORING, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.processes import family
from holdfast.checks.receiver import said, watched
from holdfast.checks.subject import Subject
from holdfast.project.server import Server
from holdfast.project.traffic import Client

ASKED = 20
DUTY = "server"


def ask(subject: Subject, limits: Limits) -> Answer:
    rehearsal = subject.rehearsal
    server, project = rehearsal.server, rehearsal.project
    bodies = list(islice(rehearsal.requests.endless("error"), 3 * ASKED))
    _send(server, bodies[:ASKED])
    before = watched(project, DUTY, server.address)
    full = time.perf_counter()
    may_grow(server, 0)
    try:
        during = _send(server, bodies[ASKED : 2 * ASKED])
        told = watched(project, DUTY, server.address, before)
    finally:
        may_grow(server, resource.RLIM_INFINITY)
    mended = _send(server, bodies[2 * ASKED :])
    after = watched(project, DUTY, server.address, told)
    found = {rule: told.of(rule) for rule in ("ledger", "errors")}
    seconds = told.at - full if told.arrived else 0.0
    evidence: dict[str, Any] = {
        "statuses_while_the_disk_was_full": counted(during),
        "statuses_afterwards": counted(mended),
        "alerts_named": [said(item) for item in found.values()],
        "predictions": len(during),
        "seconds_to_arrive": round(seconds, 3),
        "alerts": [without(project.folder, item) for item in found.values() if item],
        "alerts_before": [without(project.folder, item["what"]) for item in before.arrived],
        "alerts_afterwards": [without(project.folder, item["what"]) for item in after.arrived],
        "lost": without(project.folder, told.lost),
    }
    wrong = [f"no alert of the {rule} came" for rule, item in found.items() if item is None]
    if 200 in during:
        wrong.append(f"{during.count(200)} decisions were answered that are not on the disk")
    if set(mended) != {200}:
        wrong.append("it did not answer again when there was room")
    false = [rule for rule in found if before.of(rule) or after.of(rule)]
    wrong += [f"an alert of the {rule} came without a reason" for rule in false]
    if wrong:
        mend = "holdfast watch --once, with the settings of [alerts]; read the server's log"
        return failed("the disk was full: " + "; ".join(wrong), mend, **evidence)
    why = (
        f"the disk was full: {len(during)} of {len(during)} requests were answered with an error, and the alerts of "
        f"ledger and errors arrived after {1_000 * seconds:.0f} ms; with room again it answered"
    )
    return passed(why, **evidence)


def may_grow(server: Server, size: int) -> None:
    """Let the server's processes write files up to so many bytes: none is a disk that is full."""
    for pid in family(server.pid):
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        soft = size if most == resource.RLIM_INFINITY or 0 <= size < most else most
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, most))


def without(folder: Path, told: Any) -> Any:
    """What was told, its paths from the project's folder on: the rest is another on every machine, and of no use."""
    if isinstance(told, str):
        for place in {str(folder), str(folder.resolve())}:
            told = told.replace(f"{place}/", "").replace(place, ".")
        return told
    if isinstance(told, dict):
        return {name: without(folder, value) for name, value in told.items()}
    return [without(folder, item) for item in told] if isinstance(told, list | tuple) else told


def counted(statuses: list[int]) -> dict[str, int]:
    return {str(status): statuses.count(status) for status in sorted(set(statuses))}


def _send(server: Server, bodies: list[bytes]) -> list[int]:
    with Client(server.port) as client:
        return [client.post("/predict", json.loads(body))[0] for body in bodies]


CHECK = Check("GATE803", MONITORING, "An error is told", ask)
