"""GATE802: when the server dies, somebody is told; when it is back, nobody is."""

from __future__ import annotations

import time

from holdfast.checks.check import MONITORING, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.receiver import said, watched
from holdfast.checks.subject import Subject

DUTY = "server"


def ask(subject: Subject, limits: Limits) -> Answer:
    rehearsal = subject.rehearsal
    server, project = rehearsal.server, rehearsal.project
    before = watched(project, DUTY, server.address)
    died = time.perf_counter()
    server.kill()
    told = watched(project, DUTY, server.address, before)
    began = time.perf_counter()
    server.start()
    again = time.perf_counter() - began
    after = watched(project, DUTY, server.address, before)
    alert = told.of("outage")
    false = [item["what"] for item in (*before.arrived, *after.arrived) if item["rule"] == "outage"]
    seconds = 0.0 if alert is None else told.at - died
    evidence = {
        **said(alert),
        "predictions": 0,
        "seconds_to_arrive": round(seconds, 3),
        "seconds_to_answer_again": round(again, 3),
        "alert": alert,
        "alerts_while_it_ran": false,
        "lost": told.lost,
    }
    if false:
        return failed(f"an outage is alerted of while it answers: {false[0]}", "holdfast watch --once", **evidence)
    if alert is None:
        why = "the server was killed (kill -9), and no alert came" + (f": {told.lost[0]}" if told.lost else "")
        return failed(why, "holdfast watch --once, with the settings of [alerts]", **evidence)
    why = (
        f"the server was killed (kill -9), and the alert arrived after {1_000 * seconds:.0f} ms; "
        f"started again, it answered after {again:.1f} s"
    )
    return passed(why, **evidence)


CHECK = Check("GATE802", MONITORING, "An outage is told", ask)
