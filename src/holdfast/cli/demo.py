"""`holdfast demo`: the whole journey on simulated card payments, proving each promise on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.render import Json, answer, columns


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for the demo's project; one made before is replaced.")] = Path(
        "demo"
    ),
    rows: Annotated[int, typer.Option(help="About how many payments of history to simulate.")] = 165_000,
    as_json: Json = False,
) -> None:
    """Run the whole journey in a fresh folder, without questions, and print what it proved; exit 1 on any failure."""
    from holdfast.checks.journey import examined
    from holdfast.project.demo import demo as journey

    report = journey(folder, examine=examined, rows=rows, say=(lambda line: None) if as_json else typer.echo)
    table = columns("what was proved", ("promise", "figure", "held"), report.rows())
    answer(report.as_dict(), [table, *report.lines()], as_json=as_json)
    raise typer.Exit(0 if report.ok else 1)
