"""`holdfast promote`: make a version live."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, progress

Who = Annotated[str | None, typer.Option(help="Who decides this (default: the user of this machine).")]


def promote(
    version: Annotated[str, typer.Argument(help="Version to promote.")],
    alias: Annotated[str, typer.Option(help="champion is what the server answers with; challenger, or your own.")] = (
        "champion"
    ),
    why: Annotated[str, typer.Option(help="The reason, kept in the history.")] = "",
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Build the state a version needs, then record its promotion; a running server follows within two seconds."""
    from holdfast.project.promote import promote as journey

    with progress("building state", as_json=as_json) as tick:
        done = journey(opened(), version, alias=alias, why=why, who=who, progress=tick)
    answer(done.as_dict(), done.lines(), as_json=as_json)
