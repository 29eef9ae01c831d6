"""`holdfast approve`, `holdfast waive`: people who answer for a version."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns
from holdfast.errors import HoldfastError

Because = Annotated[str, typer.Option(help="The reason, kept in the history.")]
Version = Annotated[str, typer.Argument(help="Version number or alias.")]


def approve(
    version: Annotated[str | None, typer.Argument(help="Version number or alias.")] = None,
    because: Because = "",
    expires: Annotated[
        str | None, typer.Option(help="After how long it ends: 30d; else with bundle or verdict.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take an approval back.")] = False,
    glass: Annotated[
        bool, typer.Option("--break-glass", help="Emergency: two people within an hour let it pass unapproved, once.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Answer for a version as the gate found it; HOLDFAST_KEY proves who you are. Without a version: show who did."""
    from holdfast.project import gate

    project = opened()
    if version is None:
        rows = list(gate.spoken(project))
        names = ("when", "what", "version", "who", "why")
        answer({"said": rows}, [columns("", names, [[row[name] for name in names] for row in rows])], as_json=as_json)
        return
    if withdraw and glass:
        raise HoldfastError("one of --withdraw and --break-glass")
    if glass:
        said = gate.break_glass(project, version, because=because)
    elif withdraw:
        said = gate.withdraw(project, version, because=because)
    else:
        said = gate.approve(project, version, because=because, expires=expires)
    answer(said.as_dict(), said.lines(), as_json=as_json)


def waive(
    code: Annotated[str, typer.Argument(help="The check, as `holdfast check` names it: GATE101.")],
    version: Version,
    because: Because = "",
    expires: Annotated[str, typer.Option(help="For how long: 30d.")] = "30d",
    contract: Annotated[
        bool,
        typer.Option("--for-contract", help="For every version of its contract, as long as the check does not apply."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Let a version pass without one check, in your name and for a time; then ask `holdfast check` again."""
    from holdfast.project import gate

    said = gate.waive(opened(), code, version, because=because, expires=expires, contract=contract)
    answer(said.as_dict(), said.lines(), as_json=as_json)
