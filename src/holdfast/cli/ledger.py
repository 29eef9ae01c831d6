"""`holdfast ledger`: the record of everything."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns

app = typer.Typer(help="Everything that was asked, answered, learned and decided, in one order.", no_args_is_help=True)


@app.command()
def show(
    last: Annotated[int, typer.Option(help="How many records.", min=1)] = 20,
    kind: Annotated[str | None, typer.Option(help="Only these: event, decision, refusal, outcome, promotion.")] = None,
    as_json: Json = False,
) -> None:
    """Show the newest records, personal fields masked."""
    from holdfast.project.ledger import shown

    found = shown(opened(), last=last, kind=kind)
    names = ("seq", "received", "kind", "what")
    rows = [[entry[name] for name in names] for entry in found]
    answer({"records": found}, [columns("", names, rows)], as_json=as_json)


@app.command()
def seal(as_json: Json = False) -> None:
    """Write each whole day of the ledger as Parquet, for analysis."""
    from holdfast.project.ledger import sealed

    found = sealed(opened())
    answer({"sealed": found}, [*found, f"{len(found)} files written"], as_json=as_json)
