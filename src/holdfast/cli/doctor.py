"""`holdfast doctor`: why research and production disagree."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from holdfast.cli.place import folder
from holdfast.cli.render import Json, answer, progress

KEY = "HOLDFAST_DOCTOR_KEY"


def doctor(
    research: Annotated[
        str, typer.Option(help="A bundle's folder or hash, a version, a project's folder, or exported files.")
    ],
    production: Annotated[
        str, typer.Option(help="A server's URL, a project's folder, a bundle, or a folder of exported files.")
    ],
    as_json: Json = False,
) -> None:
    """Find why research and production disagree; exit 0 when nothing is found, 1 when something is.

    A server that asks for a key gets those in HOLDFAST_DOCTOR_KEY: one of a viewer, and after a space one of a scorer.
    """
    from holdfast.doctor.journey import doctor as journey

    with progress("comparing", as_json=as_json) as tick:
        done = journey(research, production, folder(), key=os.environ.get(KEY, ""), phase=tick.phase)
    answer(done.as_dict(), done.lines(), as_json=as_json)
    raise typer.Exit(0 if done.ok else 1)
