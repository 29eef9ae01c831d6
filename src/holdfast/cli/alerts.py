"""`holdfast alerts`: what the watch found, and who answers for it."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns


def alerts(
    acknowledge: Annotated[
        str | None, typer.Option("--acknowledge", help="Answer for the alert whose id begins so.")
    ] = None,
    because: Annotated[str, typer.Option(help="The reason, kept with it.")] = "",
    who: Annotated[str | None, typer.Option("--as", help="Your name, where no key in HOLDFAST_KEY says it.")] = None,
    past: Annotated[int, typer.Option(help="How many that are over to show too.", min=0)] = 10,
    as_json: Json = False,
) -> None:
    """Show open alerts and the newest that are over, or acknowledge one; exit 1 where one is open and nobody has it."""
    from holdfast.project.alerts import shown

    project = opened()
    if acknowledge is not None:
        said = shown.acknowledge(project, acknowledge, because=because, who=who)
        assert said.acknowledged is not None
        answer(said.as_dict(), [f"{said.alert.id}: {said.acknowledged['who']} answers for it"], as_json=as_json)
        return
    found = shown.alerts(project, past=past)
    names = ("alert", "state", "severity", "cause", "version", "since", "what", "first step", "sent")
    rows = [
        (item.alert.id, item.state, item.alert.severity, item.alert.cause, item.alert.version or "-",
         item.as_dict()["opened"][:16], item.alert.lead.why, item.alert.lead.mend, item.arrived)
        for item in found
    ]  # fmt: skip
    said_by = [
        f"{item.alert.id}: {item.acknowledged['who']}: {item.acknowledged['why']}"
        for item in found
        if item.acknowledged
    ]
    lines = [columns("", names, rows), *said_by] if rows else ["no alerts"]
    answer({"alerts": [item.as_dict() for item in found]}, lines, as_json=as_json)
    raise typer.Exit(1 if any(item.state == "open" for item in found) else 0)
