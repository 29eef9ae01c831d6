"""`holdfast monitor`: look at a version's live traffic, and say what is wrong with it, why, and what to do first."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer
from holdfast.errors import HoldfastError

EVERY = 30.0
"""Seconds between two looks."""


def monitor(
    version: Annotated[str, typer.Argument(help="Version number or alias.")] = "champion",
    at: Annotated[str, typer.Option(help="Look as of this instant of event time (ISO 8601), instead of now.")] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Look again and again; tell what changes.")] = False,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Count again from the ledger, not what was counted while serving.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write what was found over time to this file, as a page.")] = None,
    evidently: Annotated[
        Path | None, typer.Option(help="Write Evidently's drift report of the last week to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at inputs, scores, decisions, outcomes and service; exit 1 when something alerts, 3 when a watch crashed."""
    from holdfast.contract.values import instant
    from holdfast.project.monitor import Monitor
    from holdfast.project.monitor_history import days, keep, past

    project = opened()
    for file in (html, evidently):
        if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
            raise HoldfastError("it cannot be written there", where=str(file), mend="name a file in a folder that is")
    if evidently is not None:
        from holdfast.project.monitor_evidently import ready

        ready(project)
    moment = instant(at) if at else None
    with Monitor(project, version, ledger=ledger) as watching:
        last: tuple[tuple[str, str, str], ...] | None = None
        while True:
            report = watching.look(moment)
            if moment is None:
                keep(project, report)
            if html is not None:
                from holdfast.cli.monitor_page import page

                told_days = days(watching.seen(report.now), report)
                text = page(report, told_days, past(project), written=time.time_ns() // 1_000)
                html.write_text(text, encoding="utf-8")
            told = tuple((item.code, item.cause, item.feature) for item in report.alerts)
            if evidently is not None and told != last:  # it takes ten seconds: not at every look
                from holdfast.project.monitor_evidently import write_report

                write_report(project, watching.bundle, report, evidently)
            if not follow or told != last:
                answer(report.as_dict(), report.lines(), as_json=as_json)
            if not follow:
                raise typer.Exit(3 if report.crashed else 1 if report.alerts else 0)
            last = told
            time.sleep(EVERY)
