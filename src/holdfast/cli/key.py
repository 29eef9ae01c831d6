"""`holdfast key`: who may ask the server, and what for."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns

app = typer.Typer(
    help="API keys: from the first one on, the server answers only callers it knows.", no_args_is_help=True
)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will use it; several keys of one name are one caller.")],
    role: Annotated[list[str], typer.Option(help="scorer, viewer, approver, operator or admin; can be repeated.")],
    expires: Annotated[str | None, typer.Option(help="After how long it ends: 90d, 12h; without it, never.")] = None,
    rate: Annotated[
        float, typer.Option(help="Most requests a second in each worker; 0: as access.requests_per_second says.", min=0)
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Make a key. It is shown this once: only a digest of it is kept."""
    from holdfast.project.keys import create as journey

    made = journey(opened(), name, role, expires=expires, rate=rate)
    until = f"until {made['expires']}" if made["expires"] else "until it is revoked"
    lines = [made["key"], f"{name}, {' and '.join(made['roles'])}, {until}; it cannot be shown again"]
    answer(made, lines, as_json=as_json)


@app.command("list")
def show(as_json: Json = False) -> None:
    """Show every key there ever was: whose, what for, until when. Secrets are not kept."""
    from holdfast.project.keys import listed

    found = listed(opened())
    names = ("id", "name", "roles", "state", "created", "created_by", "expires", "revoked")
    rows = [[" ".join(entry[name]) if name == "roles" else entry[name] for name in names] for entry in found]
    answer({"keys": found}, [columns("", names, rows)], as_json=as_json)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The key's id, or a name to end all keys of that name.")],
    as_json: Json = False,
) -> None:
    """End a key; running servers refuse it within a second."""
    from holdfast.project.keys import revoke as journey

    ended = journey(opened(), key)
    lines = [f"{entry['id']} of {entry['name']} is revoked" for entry in ended] or ["it was revoked before"]
    answer({"revoked": ended}, lines, as_json=as_json)
