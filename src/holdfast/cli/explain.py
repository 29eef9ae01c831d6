"""`holdfast explain`: why a prediction came out as it did."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns


def explain(
    name: Annotated[str, typer.Argument(help="Prediction id, or event id.")],
    top: Annotated[int, typer.Option(help="How many reasons to show; 0 shows all.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the exact contribution of each feature to one recorded decision, the largest first."""
    from holdfast.project.explain import explain as journey

    found = journey(opened(), name)
    shown = found.reasons[: top or None]
    rows = [(reason.feature, reason.value, reason.contribution, reason.description) for reason in shown]
    table = columns("", ("feature", "value", "contribution", "meaning"), rows)
    answer(found.as_dict(), [*found.lines(), table], as_json=as_json)
