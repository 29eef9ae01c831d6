"""GATE804: alerts leave the machine: there is an address that they are sent to."""

from __future__ import annotations

from holdfast.checks.check import MONITORING, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.project.alerts.ways import doors


def ask(subject: Subject, limits: Limits) -> Answer:
    place = subject.place
    names = [door.name for door in doors(place.settings, place.folder, place.name, lambda: ())]
    people = [name for name in names if name not in ("log", "prometheus")]
    if not people:
        mend = "set alerts.webhook, alerts.slack, alerts.pagerduty or alerts.mail_to: where people are told"
        return failed("alerts go to the log only", mend, doors=names)
    # An address may hold a secret: only what kind of door it is.
    return passed(f"alerts leave by {', '.join(people)}", doors=names)


CHECK = Check("GATE804", MONITORING, "Alerts leave the machine", ask, "advised")
