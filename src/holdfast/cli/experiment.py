"""`holdfast experiment`: let versions share the answers, or run in the shadow, and see which is better."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.promote import Who
from holdfast.cli.render import Json, answer, progress

app = typer.Typer(help="Let versions share the answers, and see which is better.", no_args_is_help=True)

Why = Annotated[str, typer.Option(help="The reason, kept in the ledger.")]
Which = Annotated[str | None, typer.Argument(help="Name of the experiment (default: the one under way).")]


@app.command()
def start(
    kind: Annotated[str, typer.Argument(help="ab, canary, bandit, shadow or rule.")],
    versions: Annotated[list[str], typer.Argument(help="The challengers: version numbers or aliases.")],
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    entity: Annotated[
        list[str] | None, typer.Option(help="Field whose values keep their variant; may be repeated (default: the id).")
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option(help="Which events take part; of kind rule: one for each version.")
    ] = None,
    told: Annotated[
        list[str] | None, typer.Option("--set", help="Part of the plan, as key=value; may be repeated.")
    ] = None,
    auto: Annotated[bool, typer.Option("--auto", help="Promote the winner without being told.")] = False,
    why: Why = "",
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Begin an experiment beside the champion; a running server follows within a second."""
    from holdfast.project.experiment import parts
    from holdfast.project.experiment import start as journey

    plan = parts(told or ())
    if auto:
        plan["auto"] = True
    with progress("building state", as_json=as_json) as tick:
        done = journey(
            opened(), kind, versions, name=name, entity=entity or (), rules=rule or (), told=plan, why=why, who=who,
            progress=tick,
        )  # fmt: skip
    answer(done.as_dict(), done.lines(), as_json=as_json)


@app.command()
def status(name: Which = None, as_json: Json = False) -> None:
    """Counts of each variant, effect, interval and verdict on matured outcomes; looking often does no harm."""
    from holdfast.project.experiment_status import status as journey

    found = journey(opened(), name)
    answer(found.as_dict(), found.lines(), as_json=as_json)


@app.command()
def stop(name: Which = None, why: Why = "", who: Who = None, as_json: Json = False) -> None:
    """End an experiment: the champion answers alone again."""
    from holdfast.project.experiment import stop as journey

    done = journey(opened(), name, why=why, who=who)
    answer(done.as_dict(), done.lines(), as_json=as_json)


@app.command()
def promote(
    name: Which = None,
    variant: Annotated[str | None, typer.Option(help="Which challenger, when there are several.")] = None,
    why: Why = "",
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Make a challenger champion, through the same door as any promotion; that ends the experiment."""
    from holdfast.project.experiment import promote as journey

    with progress("building state", as_json=as_json) as tick:
        done = journey(opened(), name, variant=variant, why=why, who=who, progress=tick)
    answer(done.as_dict(), done.lines(), as_json=as_json)
