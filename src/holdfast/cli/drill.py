"""`holdfast drill`: put an incident into a copy of the project, and see what catches it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.drills.run import Ran


def drill(
    names: Annotated[list[str] | None, typer.Argument(help="Drills by id or name; see docs/drills.md.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every incident of the list.")] = False,
    project_template: Annotated[
        list[str] | None, typer.Option(help="On a fresh project of this template instead; may be given again.")
    ] = None,
    docs: Annotated[Path | None, typer.Option(help="Write the table between the marks of this page.")] = None,
    as_json: Json = False,
) -> None:
    """Rehearse incidents in a copy of this project; exit 0 when each is caught in time, named, and nothing else is."""
    from holdfast.drills.journey import drill as here
    from holdfast.drills.journey import drill_template
    from holdfast.drills.report import as_dict, line, lines, ok, table, write

    if bool(names) == every:
        raise HoldfastError("which drill?", mend="name some, or --all; `docs/drills.md` lists them")

    def say(what: str) -> None:
        print(what, file=sys.stderr, flush=True)  # noqa: T201  # progress, beside the answer

    chosen = [f"--project-template {template}" for template in project_template or ()]
    typed = " ".join(["holdfast drill", *(names or ["--all"]), *chosen])
    began = time.perf_counter()
    ran: list[Ran] = []

    def tell(one: Ran) -> None:
        ran.append(one)
        say(line(one))
        if docs is not None:  # as far as it has come: the others follow
            write(docs, table(ran, time.perf_counter() - began, typed))

    for template in project_template or ("",):
        if template:
            drill_template(template, names or (), say=say, tell=tell)
        else:
            here(opened(), names or (), say=say, tell=tell)
    seconds = time.perf_counter() - began
    answer(as_dict(ran, seconds), lines(ran, seconds), as_json=as_json)
    raise typer.Exit(0 if ok(ran) else 1)
