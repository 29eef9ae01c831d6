"""`holdfast contract`: check, show, compare and freeze what a model may know."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer

app = typer.Typer(help="What a model may know, and when.", no_args_is_help=True)

Which = Annotated[str | None, typer.Argument(help="A contract file, a frozen .json, or a registered version.")]


@app.command()
def check(as_json: Json = False) -> None:
    """Read the contract and tell every fault in it at once, with its line."""
    from holdfast.project.contracts import checked

    found = checked(opened())
    answer(found.as_dict(), found.lines(), as_json=as_json)


@app.command()
def show(which: Which = None, as_json: Json = False) -> None:
    """Show the frozen contract as YAML (or, with --json, as the JSON that every engine reads)."""
    from holdfast.project.contracts import named, yaml_text

    contract = named(opened(), which)
    text = "" if as_json else yaml_text(contract)
    answer(contract.as_json(), [text.rstrip()], as_json=as_json)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="A contract file, a frozen .json, or a registered version.")],
    after: Which = None,
    as_json: Json = False,
) -> None:
    """Tell what changed between two contracts; exit 1 when anything did."""
    from holdfast.project.contracts import compared

    found = compared(opened(), before, after)
    answer(found.as_dict(), found.lines(), as_json=as_json)
    raise typer.Exit(1 if found.changes else 0)


@app.command()
def freeze(
    out: Annotated[Path, typer.Option(help="Where to write the frozen JSON.")] = Path("contract.json"),
    as_json: Json = False,
) -> None:
    """Write the frozen contract as canonical JSON."""
    from holdfast.project.contracts import frozen

    found = frozen(opened(), out)
    answer(found, [f"{found['contract']} in {found['path']}"], as_json=as_json)
