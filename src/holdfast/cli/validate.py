"""`holdfast validate`: a batch against the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns, progress


def validate(
    source: Annotated[Path | None, typer.Argument(help=".parquet or .csv (default: the configured history).")] = None,
    events: Annotated[str | None, typer.Option(help="Which source it holds (default: the deciding one).")] = None,
    features: Annotated[bool, typer.Option(help="Check the built features against their thresholds, too.")] = True,
    as_json: Json = False,
) -> None:
    """Hold a batch against every rule of the contract; exit 1 when one is broken."""
    from holdfast.project.validate import validate as journey

    with progress("validating", as_json=as_json):
        report = journey(opened(), source, events=events, features=features)
    names = ("finding", "status", "rows", "why", "mend")
    answer(report.as_dict(), [columns("", names, report.table()), *report.lines()], as_json=as_json)
    raise typer.Exit(0 if report.ok else 1)
