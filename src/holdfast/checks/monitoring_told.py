"""GATE804: alerts leave the machine: there is an address that they are sent to."""

from __future__ import annotations

from urllib.parse import urlsplit

from holdfast.checks.check import MONITORING, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.project.alerts import doors


def ask(subject: Subject, limits: Limits) -> Answer:
    settings = subject.place.settings
    names = [door.name for door in doors(settings)]
    if not settings.alerts_webhook:
        return failed("alerts go to the log only", "set alerts.webhook to where people are told", doors=names)
    # An address may hold a secret; its host says enough.
    host = urlsplit(settings.alerts_webhook).hostname or ""
    return passed(f"alerts go to {host}", doors=names, host=host)


CHECK = Check("GATE804", MONITORING, "Alerts leave the machine", ask, "advised")
