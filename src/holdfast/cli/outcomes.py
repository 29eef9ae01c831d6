"""`holdfast outcomes`: what became of the decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, progress


def outcomes(
    source: Annotated[Path, typer.Argument(help=".parquet or .csv with event_id or prediction_id, value, version.")],
    label: Annotated[str | None, typer.Option(help="Which label (default: the contract's).")] = None,
    as_json: Json = False,
) -> None:
    """Record outcomes from a file in the ledger; a running server sees them at once."""
    from holdfast.project.outcomes import outcomes as journey

    with progress("recording outcomes", as_json=as_json) as tick:
        done = journey(opened(), source, label=label, progress=tick)
    answer(done.as_dict(), done.lines(), as_json=as_json)
    raise typer.Exit(1 if done.refused else 0)
