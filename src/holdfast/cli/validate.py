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
    places: Annotated[int, typer.Option(min=1, help="How many places to tell of each broken rule.")] = 10,
    expectations: Annotated[
        Path | None, typer.Option(help="Write the contract as a Great Expectations suite, its result and a page of it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold a batch against every rule of the contract; exit 1 when one is broken."""
    from holdfast.project.validate import batch_of
    from holdfast.project.validate import validate as journey

    project = opened()
    with progress("validating", as_json=as_json):
        report = journey(project, source, events=events, features=features, places=places)
    document, lines = report.as_dict(), report.lines()
    if expectations is not None:
        from holdfast.checks.expectations import written

        name, path = batch_of(project, source, events=events)
        with progress("Great Expectations", as_json=as_json):
            told = document["expectations"] = written(project.contract.source(name), path, expectations)
        held = f"{told['successful_expectations']} of {told['evaluated_expectations']} expectations hold"
        lines.append(f"{expectations}: {held}: suite.json, result.json, report.md")
    names = ("finding", "status", "held", "rows", "why", "mend")
    answer(document, [columns("", names, report.table()), *lines], as_json=as_json)
    raise typer.Exit(0 if report.ok else 1)
