"""`holdfast check`: ask the gate's questions of a version."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns


def check(
    version: Annotated[str, typer.Argument(help="Version number or alias.")],
    as_json: Json = False,
) -> None:
    """Ask every question of the gate; exit 0 passed, 1 not, 3 when a required check crashed."""
    from holdfast.checks.journey import check as journey

    verdict = journey(opened(), version)
    rows = [(item.check.code, item.check.title, item.status, item.answer.why) for item in verdict.asked]
    answer(verdict.as_dict(), [columns("", ("code", "asks", "status", "why"), rows)], as_json=as_json)
    raise typer.Exit(verdict.exit_code)
