"""`holdfast retrain`: a challenger from what matured since the champion was trained."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Annotated, Any

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, progress
from holdfast.project.project import Project

Set = Annotated[list[str] | None, typer.Option("--set", help="A training setting for this run, as key=value.")]


def retrain(
    because: Annotated[str, typer.Option(help="Why, in a few words; it is written down.")] = "",
    canary: Annotated[
        bool, typer.Option("--canary", help="Plan a canary; it begins once the version is approved.")
    ] = False,
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Train on what matured, pass the gate beside the champion, become challenger; exit 1 where it did not."""
    from holdfast.checks.journey import chosen, examined
    from holdfast.project.retrain import retrain as journey

    pages: list[str] = []

    def examine(project: Project, version: str) -> Mapping[str, Any]:
        asked = count(1)
        found = examined(project, version, progress=lambda _: tick(next(asked), len(chosen(()))))
        if found.kept is not None:
            pages.append(f"page    {found.kept.html}")
        return found.told

    with progress("training anew", as_json=as_json) as tick:
        done = journey(
            opened(), examine=examine, why=because, canary={} if canary else None, changes=settings or (),
            progress=tick, phase=tick.phase,
        )  # fmt: skip
    answer(done.as_dict(), [*done.lines(), *pages], as_json=as_json)
    raise typer.Exit(0 if done.ok else 1)
