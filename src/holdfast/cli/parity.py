"""`holdfast parity`: history through the server's own writer, or live answers, compared with batch."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, progress


def parity(
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many events, in order of arrival.", min=1)
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Compare recorded answers instead of history.")] = False,
    sample: Annotated[int, typer.Option(help="With --live: the newest so many answers.", min=1)] = 1_000,
    as_json: Json = False,
) -> None:
    """Feed history record by record to an empty state and compare every feature with batch; exit 1 on a difference."""
    from holdfast.project.monitor import keep_parity
    from holdfast.project.parity import parity as journey
    from holdfast.project.replay import live_parity

    if live:
        with progress("comparing", as_json=as_json):
            project = opened()
            found = live_parity(project, sample=sample)
            keep_parity(project, found)
        answer(found.as_dict(), [str(found)], as_json=as_json)
        raise typer.Exit(0 if found.ok else 1)
    with progress("comparing", as_json=as_json) as tick:
        report = journey(opened(), limit=limit, progress=tick)
    answer(report.as_dict(), [str(report)], as_json=as_json)
    raise typer.Exit(0 if report.ok else 1)
