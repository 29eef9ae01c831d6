"""`holdfast incident`: gather, mitigate, verify, tell, close; every step a line that stays."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns
from holdfast.errors import HoldfastError

app = typer.Typer(help="Respond to an incident by its playbook; every step stays in the ledger.", no_args_is_help=True)

Because = Annotated[str, typer.Option(help="The reason, kept in the ledger.")]
Name = Annotated[int | None, typer.Argument(help="The incident's number (default: the one that is open).")]
Incident = Annotated[int | None, typer.Option("--incident", help="The incident's number (default: the one open).")]
Record = Annotated[int, typer.Argument(help="Number of the measure's record.")]
Address = Annotated[str, typer.Option(help="The server's address; by default this project's own, on this machine.")]


def _key() -> str:
    return os.environ.get("HOLDFAST_KEY", "")


def _say(done: Any, as_json: bool) -> None:
    answer(done.as_dict(), done.lines(), as_json=as_json)


@app.command("open")
def begin(
    playbook: Annotated[
        str | None, typer.Argument(help="The playbook; by default the one that open alerts point to.")
    ] = None,
    because: Because = "",
    since: Annotated[
        str | None, typer.Option(help="When it began (ISO 8601), where you know better than the alert.")
    ] = None,
    address: Address = "",
    as_json: Json = False,
) -> None:
    """Open an incident, gather what its playbook asks for, and offer what can be done at once."""
    from holdfast.project.incident import start

    place = address.rstrip("/")
    _say(start(opened(), playbook, because=because, since=since, address=place, key=_key()), as_json)


@app.command()
def show(
    name: Name = None,
    evidence: Annotated[str, typer.Option(help="One kind of evidence, gathered now.")] = "",
    gather: Annotated[bool, typer.Option("--gather", help="Gather all the playbook asks for again.")] = False,
    address: Address = "",
    as_json: Json = False,
) -> None:
    """Show an incident's timeline, what is to be found out, and what can be done."""
    from holdfast.project.incident import show as journey

    place = address.rstrip("/")
    _say(journey(opened(), name, part=evidence, gather=gather, address=place, key=_key()), as_json)


@app.command("list")
def listing(as_json: Json = False) -> None:
    """List every incident, the newest last; a broken glass stands out."""
    from holdfast.project.incident import listed

    found = listed(opened())
    names = ("incident", "playbook", "status", "because", "who", "opened", "seconds_to_mitigation")
    shouts = [f"!!! incident {item['incident']}: {shout} !!!" for item in found for shout in item["broken_glass"]]
    answer(
        {"incidents": found},
        [columns("", names, [[item[key] for key in names] for item in found]), *shouts],
        as_json=as_json,
    )


@app.command()
def acknowledge(name: Name = None, because: Because = "I am on it", as_json: Json = False) -> None:
    """Say that you are on it."""
    from holdfast.project.incident import acknowledge as journey

    _say(journey(opened(), name, because=because), as_json)


@app.command()
def note(
    what: Annotated[str, typer.Argument(help="What is to be written down; nothing personal.")],
    kind: Annotated[
        str, typer.Option("--as", help="note, diagnose (the cause), or remediate (what was mended).")
    ] = "note",
    incident: Incident = None,
    as_json: Json = False,
) -> None:
    """Write a line into the timeline."""
    from typing import cast

    from holdfast.project.incident import Note
    from holdfast.project.incident import note as journey

    _say(journey(opened(), incident, what, kind=cast(Note, kind)), as_json)


@app.command()
def mitigate(
    how: Annotated[str, typer.Argument(help="rollback, threshold, review, former-name, canary or restart.")],
    to: Annotated[str, typer.Option(help="threshold, review: a probability; canary: a version.")] = "",
    name: Annotated[list[str] | None, typer.Option(help="former-name: came=field; may be repeated.")] = None,
    expires: Annotated[str, typer.Option(help="threshold, review, former-name: how long it lasts, 7d at most.")] = "8h",
    because: Because = "",
    do: Annotated[bool, typer.Option("--do", help="Do it; without, only say what it would do.")] = False,
    as_json: Json = False,
) -> None:
    """Do something about the open incident at once; the cause is mended later."""
    from holdfast.project.incident import do as journey
    from holdfast.project.incidents.mitigate import Wish

    pairs = []
    for item in name or ():
        came, equals, meant = item.partition("=")
        if not equals or not came or not meant:
            raise HoldfastError(f"{item!r} names no field", mend="--name category=merchant_category")
        pairs.append((came, meant))
    wish = Wish(because, to, tuple(pairs), expires)
    _say(journey(opened(), None, how, wish, really=do, key=_key()), as_json)


@app.command()
def put(record: Record, because: Because = "", as_json: Json = False) -> None:
    """Put a measure into force that somebody else asked for, with an approver's key."""
    from holdfast.project.incident import put as journey

    _say(journey(opened(), record, because=because), as_json)


@app.command()
def lift(record: Record, because: Because = "", as_json: Json = False) -> None:
    """End a measure before its time."""
    from holdfast.project.incident import lift as journey

    _say(journey(opened(), record, because=because), as_json)


@app.command()
def verify(name: Name = None, address: Address = "", as_json: Json = False) -> None:
    """Measure again whether it is gone; exit 1 when that is not shown."""
    from holdfast.project.incident import verify as journey

    done = journey(opened(), name, address=address.rstrip("/"), key=_key())
    _say(done, as_json)
    raise typer.Exit(0 if done.ok else 1)


@app.command()
def tell(
    name: Name = None,
    to: Annotated[str, typer.Option(help="Whom you have told; written down with the text.")] = "",
    address: Address = "",
    as_json: Json = False,
) -> None:
    """Draft the message to stakeholders, from what is on record."""
    from holdfast.project.incident import tell as journey

    _say(journey(opened(), name, to=to, address=address.rstrip("/"), key=_key()), as_json)


@app.command()
def close(
    name: Name = None,
    because: Because = "",
    accepting: Annotated[str, typer.Option(help="Why it is closed although nothing shows that it is over.")] = "",
    address: Address = "",
    as_json: Json = False,
) -> None:
    """Close it; its page and its drill are left in the project."""
    from holdfast.checks.report.incident import page
    from holdfast.project.incident import close as journey

    done = journey(
        opened(), name, because=because, accepting=accepting, page=page, address=address.rstrip("/"), key=_key()
    )
    _say(done, as_json)
