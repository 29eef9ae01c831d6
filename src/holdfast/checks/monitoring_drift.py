"""GATE801: when other people ask than those it learned from, somebody is told; when the same ask, nobody is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from holdfast.checks.check import MONITORING, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.receiver import watched
from holdfast.checks.requests import Requests
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError
from holdfast.project.traffic import Client
from holdfast.project.watch import FEWEST_SCORES, score_drift

ROWS = 1_000
SEED = 20_261_122
DRIFTED = 0.02
"""The share of training rows with the highest scores: they alone ask, once drift is injected."""
STEP = "holdfast watch --once, with the settings of [alerts]"


def ask(subject: Subject, limits: Limits) -> Answer:
    rehearsal = subject.rehearsal
    settings = rehearsal.project.settings
    rows = max(min(ROWS, settings.serving_max_rows), FEWEST_SCORES)
    usual, drifted = _who_asks(subject, rows)
    address = rehearsal.server.address
    _send(rehearsal.server.port, usual, "usual", rows)
    quiet = watched(rehearsal.project, address)
    _send(rehearsal.server.port, drifted, "drifted", settings.alerts_answers)
    told = watched(rehearsal.project, address, quiet.seen)
    alert = told.of("drift")
    evidence = {
        "rows": rows,
        "psi_as_in_training": _round(quiet.seen.psi),
        "psi_drifted": _round(told.seen.psi),
        "psi_of_test_rows": _round(score_drift(subject.bundle, subject.test_probability)),
        "limit": settings.alerts_score_psi,
        "alert": alert,
        "seconds_to_arrive": round(told.seconds, 3),
        "lost": told.lost,
    }
    if quiet.of("drift") is not None:
        why = f"drift is alerted of where the training's own rows ask (PSI {quiet.seen.psi:.2f})"
        mend = "see whether the server's features are those of training: holdfast doctor, holdfast parity"
        return failed(why, mend, **evidence)
    if alert is None:
        why = f"only the {DRIFTED:.0%} with the highest scores asked (PSI {evidence['psi_drifted']}), and no alert came"
        return failed(why, f"lower alerts.score_psi; {STEP}", **evidence)
    why = (
        f"the training's own rows leave it silent (PSI {quiet.seen.psi:.3f}); when only the {DRIFTED:.0%} with "
        f"the highest scores asked (PSI {told.seen.psi:.2f}), the alert arrived in {1_000 * told.seconds:.0f} ms"
    )
    return passed(why, **evidence)


def _who_asks(subject: Subject, rows: int) -> tuple[Requests, Requests]:
    """Requests as the training rows would make them, and as those of them with the highest scores would."""
    part, scores = subject.split.train, subject.train_probability
    names = np.asarray(subject.rows.ids)[part.index]
    some = np.random.default_rng(SEED).permutation(len(names))[:rows]
    highest = np.argsort(-scores, kind="stable")[: max(int(len(names) * DRIFTED), 1)]
    few = np.random.default_rng(SEED).permutation(highest)[:rows]
    return (
        subject.rehearsal.requests_of([str(name) for name in names[some]]),
        subject.rehearsal.requests_of([str(name) for name in names[few]]),
    )


def _send(port: int, requests: Requests, name: str, count: int) -> None:
    rows = [requests.rows[at % len(requests.rows)] for at in range(count)]
    with Client(port) as client:
        for start in range(0, count, 500):
            body: dict[str, Any] = json.loads(requests.many(name, rows[start : start + 500]))
            status, reply = client.post("/predict/batch", body)
            if status != 200 or reply["refused"]:
                raise HoldfastError(f"the server refuses rows it learned from: {json.dumps(reply)[:600]}")


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


CHECK = Check("GATE801", MONITORING, "A drift is told", ask)
