"""`holdfast check`: ask the gate's questions of a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer
from holdfast.errors import HoldfastError

Only = Annotated[
    list[str] | None, typer.Option(help="Ask this code or category alone; no verdict. May be given again.")
]


def check(
    version: Annotated[str, typer.Argument(help="Version number or alias.")],
    html: Annotated[Path | None, typer.Option(help="Write the verdict's page to this file, too.")] = None,
    only: Only = None,
    as_json: Json = False,
) -> None:
    """Ask every question of the gate and keep the verdict; exit 0 passed, 1 not, 3 when a required check crashed."""
    from holdfast.checks.journey import chosen, examined
    from holdfast.checks.report.terminal import lines, watching

    project = opened()
    if html is not None and (html.is_dir() or not html.parent.is_dir()):
        raise HoldfastError("the page cannot be written there", where=str(html), mend="name a file in a folder that is")
    with watching(len(chosen(only or ())), as_json=as_json) as tell:
        done = examined(project, version, only=only or (), progress=tell)
    if html is not None:
        html.write_text(done.page, encoding="utf-8")
    told = lines(done.told)
    if done.kept is not None:
        told += [f"verdict {done.kept.digest}", f"page    {html or done.kept.html}", *done.kept.notes]
    answer(done.as_dict(), told, as_json=as_json)
    raise typer.Exit(done.verdict.exit_code)
