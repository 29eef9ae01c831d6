"""`holdfast score`: a file in, a file out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, progress


def score(
    source: Annotated[Path, typer.Argument(help="Rows to score: .parquet or .csv.")],
    out: Annotated[Path, typer.Argument(help="Where the answers go: .parquet or .csv.")],
    model: Annotated[str, typer.Option(help="Version or alias.")] = "champion",
    how: Annotated[
        str,
        typer.Option(
            "--as",
            help="snapshot: as if all were asked now, in one request. history: each as of its own time, from history.",
        ),
    ] = "snapshot",
    chunk: Annotated[int, typer.Option(help="Rows at a time.")] = 10_000,
    drop: Annotated[bool, typer.Option(help="Leave refused rows out and count them, instead of stopping.")] = False,
    as_json: Json = False,
) -> None:
    """Score a file of any size, in chunks."""
    from holdfast.project.score import score as journey

    with progress("scoring", as_json=as_json) as tick:
        done = journey(opened(), source, out, model=model, how=how, chunk=chunk, drop=drop, progress=tick)
    answer(done.as_dict(), done.lines(), as_json=as_json)
