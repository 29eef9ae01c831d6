"""`holdfast rollback`: the champion before, again."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.promote import Who
from holdfast.cli.render import Json, answer


def rollback(
    why: Annotated[str, typer.Option(help="The reason, kept in the history.")] = "",
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Go back to the champion before this one: recorded at once, followed without a restart."""
    from holdfast.project.promote import rollback as journey

    done = journey(opened(), why=why, who=who)
    answer(done.as_dict(), done.lines(), as_json=as_json)
