"""GATE1002: the version is rolled back on a running server under traffic, and no request fails."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from holdfast.checks.check import RECOVERY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.rehearsal import Rehearsal, promotion
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError
from holdfast.project.bundles import history, opened
from holdfast.project.traffic import Client, Traffic

PATIENCE = 20.0
"""Seconds after which a version that does not answer is given up."""
MEND = "read the server's log; holdfast state rebuild, or promote the former version again to fetch its bundle"
CLIENTS, PAUSE, SETTLE = 2, 0.005, 0.5


def ask(subject: Subject, limits: Limits) -> Answer:
    rehearsal = subject.rehearsal
    server = rehearsal.server
    before = _answering(server.port)
    traffic = Traffic(server.port, _bodies(rehearsal), clients=CLIENTS, pause=PAUSE).start()
    try:
        time.sleep(SETTLE)
        back = _move(rehearsal, server.port, subject, back=True)
        time.sleep(SETTLE)
        forth = _move(rehearsal, server.port, subject, back=False)
        time.sleep(SETTLE)
    except HoldfastError as fault:
        return failed(f"the way back is closed: {fault.what}", MEND, former=rehearsal.former[0], fault=str(fault))
    finally:
        sent = traffic.stop()
    former = rehearsal.former[0]
    evidence = {
        "former": former,
        "former_is_another_version": rehearsal.has_former,
        "seconds_back": back,
        "seconds_forth": forth,
        "requests": len(sent.answered) + len(sent.failed),
        "failed": sent.failed[:5],
        "versions_that_answered": sorted(sent.versions) if sent.answered else [],
    }
    wrong = []
    if before != subject.version:
        wrong.append(f"version {before} answered from the beginning")
    for word, seconds in (("the former version", back), ("this version again", forth)):
        if seconds is None:
            wrong.append(f"{word} did not answer within {PATIENCE:g} s")
        elif seconds > limits.most_rollback_seconds:
            wrong.append(f"{word} answered after {seconds:.1f} s, {limits.most_rollback_seconds:g} s are allowed")
    if sent.failed:
        wrong.append(f"{len(sent.failed)} of {evidence['requests']} requests failed meanwhile")
    if wrong:
        return failed("; ".join(wrong), MEND, **evidence)
    to = f"version {former}" if rehearsal.has_former else "itself under another name, as no other version was live"
    why = (
        f"rolled back to {to} in {back:.2f} s and returned in {forth:.2f} s on a running server, "
        f"{evidence['requests']:,} requests meanwhile, none failed"
    )
    return passed(why, **evidence)


def _bodies(rehearsal: Rehearsal) -> Iterator[dict[str, Any]]:
    return (json.loads(body) for body in rehearsal.requests.endless("rollback"))


def _move(rehearsal: Rehearsal, port: int, subject: Subject, *, back: bool) -> float | None:
    """Decide as `holdfast rollback` does (or promote again), and wait until that version answers.

    Raises HoldfastError when there is nothing to go back to, or it is damaged.
    """
    project = rehearsal.project
    decided = history(project)
    if back:
        step = decided.before()
        if step is None:
            raise HoldfastError("the rehearsal's history names no version to go back to")
        version, bundle = step.version, opened(project, step.bundle)
    else:
        version, bundle = subject.version, subject.bundle
    live = decided.live()
    with project.writing() as (_, writer):
        began = time.perf_counter()
        writer.commit([promotion(version, bundle, previous=live.version if live else None, back=back)])
    while time.perf_counter() - began < PATIENCE:
        if _answering(port) == version:
            return round(time.perf_counter() - began, 3)
        time.sleep(0.02)
    return None


def _answering(port: int) -> str:
    with Client(port) as client:
        return str(client.get("/model-info")[1].get("version"))


CHECK = Check("GATE1002", RECOVERY, "It can be rolled back while it answers", ask)
