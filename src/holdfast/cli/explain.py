"""`holdfast explain`: why a prediction came out as it did."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns


def explain(
    name: Annotated[str, typer.Argument(help="Prediction id, or event id.")],
    top: Annotated[int, typer.Option(help="How many reasons to show; 0 shows all.", min=0)] = 10,
    as_json: Json = False,
) -> None:
    """Show the exact contribution of each feature to one recorded decision, the largest first."""
    from holdfast.project.explain import explain as journey

    found = journey(opened(), name)
    shown = found.reasons[: top or None]
    names = ["feature", "value", "contribution"]
    rows: list[tuple[object, ...]] = [(reason.feature, reason.value, reason.contribution) for reason in shown]
    if any(reason.description for reason in shown):
        names.append("meaning")
        rows = [(*row, reason.description) for row, reason in zip(rows, shown, strict=True)]
    table = columns("", names, rows)
    answer(found.as_dict(), [*found.lines(), table], as_json=as_json)
