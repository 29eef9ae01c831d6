"""`holdfast train`: a model version from the contract and its history."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns, progress

Set = Annotated[list[str] | None, typer.Option("--set", help="A training setting for this run, as key=value.")]


def train(
    family: Annotated[str | None, typer.Option(help="Model family, instead of the setting training.family.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Leave this feature out; may be given again.")] = None,
    sweep: Annotated[str | None, typer.Option(help="grid or optuna: try many settings and compare them.")] = None,
    settings: Set = None,
    register: Annotated[bool, typer.Option(help="Register the result as a version.")] = True,
    as_json: Json = False,
) -> None:
    """Split, fit, calibrate, choose the threshold, evaluate beside a baseline, track and register."""
    from holdfast.project.train import train as journey

    with progress("training", as_json=as_json) as tick:
        done = journey(
            opened(), family=family, without=without or (), sweep=sweep, changes=settings or (), register=register,
            progress=tick, phase=tick.phase,
        )  # fmt: skip
    lines = [columns("", ("metric", "train", "test", "baseline"), done.metric_rows()), *done.lines()]
    if done.tried is not None:
        lines.insert(0, columns("tried, the best first", done.tried.columns(), done.tried.rows()))
    answer(done.as_dict(), lines, as_json=as_json)
