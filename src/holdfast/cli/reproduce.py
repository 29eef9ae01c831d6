"""`holdfast reproduce`: train a version again and compare."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, progress


def reproduce(
    version: Annotated[str, typer.Argument(help="Version or alias.")],
    threads: Annotated[int | None, typer.Option(help="Threads to train with this time.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Train a version again from what was recorded; exit 1 when the model's hash differs."""
    from holdfast.project.reproduce import reproduce as journey

    with progress("training again", as_json=as_json):
        done = journey(opened(), version, threads=threads)
    answer(done.as_dict(), done.lines(), as_json=as_json)
    raise typer.Exit(0 if done.ok else 1)
