"""`holdfast state`: the projection that answers window reads."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns, progress

app = typer.Typer(help="The state that live features are read from.", no_args_is_help=True)


@app.command()
def show(as_json: Json = False) -> None:
    """Show what the state keeps, for which contracts, and how far it has read the ledger."""
    from holdfast.project.state import shown

    found = shown(opened())
    names = ("series", "structure", "source", "entity", "value", "ready")
    rows = [[entry[name] for name in names] for entry in found["series"]]
    first = f"applied up to record {found['applied_seq']:,} of {found['last_seq']:,}; {found['bytes']:,} bytes"
    answer(found, [first, columns("", names, rows)], as_json=as_json)


@app.command()
def rebuild(
    pin: Annotated[bool, typer.Option(help="Take the history as it is configured now, not as it was pinned.")] = False,
    as_json: Json = False,
) -> None:
    """Build the state again from history and ledger; the old one is kept until the new one is whole."""
    from holdfast.project.state import rebuilt

    with progress("rebuilding state", as_json=as_json) as tick:
        done = rebuilt(opened(), again=pin, progress=tick)
    answer(done.as_dict(), done.lines(), as_json=as_json)
