"""The journey of `holdfast alerts`: what is open, what was, who answers for it, and what each door did."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.monitoring.alerting import Alert
from holdfast.project.alerts.message import iso
from holdfast.project.alerts.outbox import FILE, FOLDER, Outbox
from holdfast.project.people import signer
from holdfast.project.project import Project


@dataclass(frozen=True)
class Shown:
    """An alert as people see it."""

    alert: Alert
    acknowledged: dict[str, str] | None
    sent: list[dict[str, Any]]

    @property
    def state(self) -> str:
        return "resolved" if self.alert.resolved is not None else "acknowledged" if self.acknowledged else "open"

    @property
    def arrived(self) -> str:
        """What became of the newest word about it, door by door."""
        doors = self.sent[-1]["doors"] if self.sent else {}
        return ", ".join(f"{name} {item['fate']}" for name, item in doors.items())

    def as_dict(self) -> dict[str, Any]:
        alert, lead = self.alert, self.alert.lead
        return {
            "alert": alert.id, "state": self.state, "severity": alert.severity, "cause": alert.cause,
            "version": alert.version, "features": list(alert.features), "what": lead.why, "first_step": lead.mend,
            "opened": iso(alert.opened), "resolved": None if alert.resolved is None else iso(alert.resolved),
            "acknowledged": self.acknowledged, "evidence": dict(lead.evidence),
            "findings": [
                {"code": part.code, "cause": part.cause, "feature": part.feature, "severity": part.severity,
                 "why": part.why, "first": iso(part.first), "last": iso(part.last)}
                for part in alert.parts
            ],
            "sent": self.sent,
        }  # fmt: skip


def alerts(project: Project, *, past: int = 0) -> list[Shown]:
    """Open alerts, the oldest first, and the newest `past` that are over. Needs no watch to run."""
    outbox = _outbox(project)
    return [] if outbox is None else list(_shown(outbox, past))


def acknowledge(project: Project, alert: str, *, because: str, who: str | None = None) -> Shown:
    """Somebody answers for an alert: by the key in HOLDFAST_KEY, else by the name told, else the machine's user.

    It goes on as before: more severe and resolved are still told. Raises HoldfastError without a reason, or an alert.
    """
    if not because.strip():
        raise HoldfastError("why is it acknowledged?", where="alerts", mend='--because "a supplier changed its units"')
    outbox = _outbox(project)
    if outbox is None:
        raise HoldfastError(f"there is no alert {alert!r}", where="alerts", mend="holdfast watch finds them")
    name = outbox.acknowledge(alert, signer(project, who), because.strip(), time.time_ns() // 1_000)
    return next(item for item in _shown(outbox, 1 << 30) if item.alert.id == name)


def _outbox(project: Project) -> Outbox | None:
    folder = project.home / FOLDER
    return Outbox(folder) if (folder / FILE).exists() else None


def _shown(outbox: Outbox, past: int) -> Iterator[Shown]:
    for entry in outbox.listed(past=past):
        said = entry["acknowledged"]
        told = None if said is None else {"who": said[0], "why": said[1], "at": iso(said[2])}
        sent = [{**item, "at": iso(int(item["at"] * 1e6))} for item in entry["sent"]]
        yield Shown(entry["alert"], told, sent)
