"""`holdfast parity`: history through the server's own writer, compared with batch."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, progress


def parity(
    limit: Annotated[int | None, typer.Option(help="Only the first so many events, in order of arrival.")] = None,
    as_json: Json = False,
) -> None:
    """Feed history record by record to an empty state and compare every feature with batch; exit 1 on a difference."""
    from holdfast.project.parity import parity as journey

    with progress("comparing", as_json=as_json) as tick:
        report = journey(opened(), limit=limit, progress=tick)
    answer(report.as_dict(), [str(report)], as_json=as_json)
    raise typer.Exit(0 if report.ok else 1)
