"""`holdfast replay`: compute answers again, and compare bits."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, progress


def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Prediction or event ids.")] = None,
    sample: Annotated[int | None, typer.Option(help="Replay this many decisions chosen at random.", min=1)] = None,
    since: Annotated[str | None, typer.Option(help="Replay every decision since this time (ISO 8601).")] = None,
    as_json: Json = False,
) -> None:
    """Compute recorded decisions again, from their features and from the records; exit 1 when a bit differs."""
    from holdfast.project.replay import replay as journey

    with progress("replaying", as_json=as_json):
        report = journey(opened(), ids=tuple(ids or ()), sample=sample, since=since)
    answer(report.as_dict(), [str(report)], as_json=as_json)
    raise typer.Exit(0 if report.ok else 1)
