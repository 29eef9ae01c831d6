"""For Prometheus: a gauge for each open alert, in a file that the node exporter's textfile collector reads.

`holdfast watch` is not the server, so its page is a file and not the server's /metrics.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from holdfast.errors import HoldfastError
from holdfast.monitoring.alerting import Alert
from holdfast.project.alerts.message import Message


class PrometheusDoor:
    """The file always shows what is open now, whatever was sent and how often."""

    name = "prometheus"

    def __init__(self, file: Path, project: str, opened: Callable[[], Iterable[Alert]]) -> None:
        self._file, self._project, self._opened = file, project, opened

    def send(self, message: Message) -> None:
        self.write()

    def write(self) -> None:
        """The page anew; the collector sees the old one or the new one."""
        new = self._file.with_name(f".{self._file.name}.new")
        try:
            new.write_text(page(self._project, self._opened(), time.time()), encoding="utf-8")
            os.replace(new, self._file)
        except OSError as error:
            raise HoldfastError(f"the textfile was not written: {error.strerror}", where="alerts.textfile") from None


def page(project: str, alerts: Iterable[Alert], now: float) -> str:
    """The page, in the text format."""
    lines = [
        "# HELP holdfast_alert Open alerts: always 1.",
        "# TYPE holdfast_alert gauge",
    ]
    for alert in alerts:
        labels = {
            "project": project, "alert": alert.id, "cause": alert.cause, "severity": alert.severity,
            "version": alert.version,
        }  # fmt: skip
        told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
        lines.append(f"holdfast_alert{{{told}}} 1")
    lines += [
        "# HELP holdfast_alerts_written_timestamp_seconds When this page was written, in Unix time.",
        "# TYPE holdfast_alerts_written_timestamp_seconds gauge",
        f'holdfast_alerts_written_timestamp_seconds{{project="{_escaped(project)}"}} {now:.3f}',
    ]
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
