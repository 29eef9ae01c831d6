"""`holdfast features`: training data from history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, progress

app = typer.Typer(help="Training data from history.", no_args_is_help=True)


@app.command()
def build(
    out: Annotated[
        Path | None, typer.Option(help="Parquet file to write (default: the setting features.path).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay the contract over the whole history: one row for each event it decides on."""
    from holdfast.project.build import build

    with progress("building features", as_json=as_json) as tick:
        built = build(opened(), out=out, progress=tick)
    answer(built.as_dict(), built.lines(), as_json=as_json)
