"""`holdfast watch`: look at a running server, and tell people when something is wrong."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer


def watch(
    address: Annotated[
        str, typer.Argument(help="The server's address; by default this project's own, on this machine.")
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Look once; exit 1 when somebody had to be alerted.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=1.0)] = 30.0,
    as_json: Json = False,
) -> None:
    """Alert of outages, errors, refusals and drift of the score, to the log and to alerts.webhook.

    Where the server wants keys, HOLDFAST_KEY is one that may read metrics. What lasts is told once, not at each look.
    """
    from holdfast.project.alerts import doors, tell
    from holdfast.project.watch import Seen, look

    project = opened()
    settings = project.settings
    place = address.rstrip("/") or f"http://{settings.serving_host}:{settings.serving_port}"
    through = doors(settings)
    before: Seen | None = None
    known: frozenset[str] = frozenset()
    while True:
        found = look(project, place, before, key=os.environ.get("HOLDFAST_KEY", ""))
        lost = tell([item for item in found.alerts if item.rule not in known], through)
        if once or as_json or found.alerts:
            answer(found.as_dict() | {"lost": lost}, [*found.lines(), *lost], as_json=as_json)
        if once:
            raise typer.Exit(1 if found.alerts or lost else 0)
        known = frozenset(item.rule for item in found.alerts) - {item.partition(" ")[0] for item in lost}
        before = found.seen if found.seen.answers else before
        time.sleep(every)
