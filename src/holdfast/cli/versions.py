"""`holdfast versions`: what is registered, and what was live when."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer, columns


def versions(
    history: Annotated[bool, typer.Option(help="Show promotions and rollbacks instead: who, when, why.")] = False,
    at: Annotated[str | None, typer.Option(help="Say which version was live at this time (ISO 8601).")] = None,
    as_json: Json = False,
) -> None:
    """List the registered versions with their aliases and figures."""
    from holdfast.project.versions import promotions, was_live
    from holdfast.project.versions import versions as journey

    if at is not None:
        live = was_live(opened(), at)
        answer(live, [live["sentence"]], as_json=as_json)
    elif history:
        steps = promotions(opened())
        names = ("when", "action", "alias", "version", "before", "who", "why")
        rows = [[step[name] for name in names] for step in steps]
        broken = [step for step in steps if step["passed"].startswith("BROKEN")]
        shouts = [f"{step['passed']}: version {step['version']} at {step['when']}: {step['why']}" for step in broken]
        answer({"history": steps}, [columns("", names, rows), *shouts], as_json=as_json)
    else:
        found = journey(opened())
        names = ("version", "aliases", "family", "contract", "bundle", "trained", "who")
        rows = [[entry[name] for name in names] for entry in found]
        answer({"versions": found}, [columns("", names, rows)], as_json=as_json)
