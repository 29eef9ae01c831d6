"""`holdfast init`: start a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.render import Json, answer


def init(
    name: Annotated[str, typer.Argument(help="The project's name, and the folder's unless --at says otherwise.")],
    template: Annotated[str, typer.Option(help="fraud, cards or credit.")] = "cards",
    at: Annotated[Path | None, typer.Option(help="Folder to make.")] = None,
    rows: Annotated[int | None, typer.Option(help="About how many rows of history to simulate.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulation.")] = None,
    data: Annotated[bool, typer.Option(help="Simulate a history, too.")] = True,
    as_json: Json = False,
) -> None:
    """Start a project from a template, with a simulated history to begin with."""
    from holdfast.project.start import start

    started = start(name, template, at or Path(name), rows=rows, seed=seed, data=data)
    lines = [f"{started.folder}/"]
    lines += [f"  {path}" for path in started.files]
    if started.data:
        lines.append(started.data)
    lines += ["", "next:", f"  cd {started.folder}", "  holdfast contract check", "  holdfast train"]
    answer(started.as_dict(), lines, as_json=as_json)
