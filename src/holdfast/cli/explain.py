"""`holdfast explain`: why a prediction came out as it did."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns


def explain(
    name: Annotated[str, typer.Argument(help="Prediction id, or event id.")],
    top: Annotated[int, typer.Option(help="How many contributions to show; 0 shows all.", min=0)] = 10,
    counterfactual: Annotated[
        bool, typer.Option("--counterfactual", help="Also what change of what a person can change would turn it.")
    ] = False,
    lime: Annotated[
        bool, typer.Option("--lime", help="Also a second opinion that asks the model from outside.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the second opinion.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Show the reasons of one recorded decision, and the exact contribution of each feature, the largest first."""
    from holdfast.project.explain import explain as journey

    found = journey(opened(), name, counterfactual=counterfactual, lime=lime, seed=seed)
    shown = found.shape["contributions"][: top or None]
    names = ["feature", "value", "contribution"]
    rows: list[tuple[object, ...]] = [(item["feature"], item["value"], item["contribution"]) for item in shown]
    if any(item["description"] for item in shown):
        names.append("meaning")
        rows = [(*row, item["description"]) for row, item in zip(rows, shown, strict=True)]
    table = columns("", names, rows)
    answer(found.as_dict(), [*found.lines(), table], as_json=as_json)
