"""The `holdfast` command: its sub-commands in the order of the journey, and its exit codes.

0 fine, 1 the verdict is no, 2 misuse (an input someone can mend), 3 a fault of ours or of the machine.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from holdfast.cli import (
    alerts,
    approve,
    backup,
    check,
    contract,
    demo,
    doctor,
    drill,
    experiment,
    explain,
    features,
    incident,
    init,
    key,
    ledger,
    monitor,
    outcomes,
    parity,
    promote,
    replay,
    reproduce,
    retrain,
    rollback,
    score,
    serve,
    state,
    train,
    validate,
    versions,
    watch,
)
from holdfast.cli.place import choose
from holdfast.cli.render import failure
from holdfast.errors import HoldfastError

MISUSE, FAULT = 2, 3
USAGE: type[Exception] = typer.BadParameter.__bases__[0]
"""What a wrong word on the command line raises, wherever typer keeps it."""

app = typer.Typer(
    name="holdfast",
    help="From one contract to a prediction that can be replayed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
GROUPS = (
    ("contract", contract.app),
    ("features", features.app),
    ("state", state.app),
    ("experiment", experiment.app),
    ("incident", incident.app),
    ("ledger", ledger.app),
    ("key", key.app),
)
COMMANDS = (
    init.init,
    validate.validate,
    parity.parity,
    train.train,
    reproduce.reproduce,
    versions.versions,
    check.check,
    doctor.doctor,
    drill.drill,
    approve.approve,
    approve.waive,
    promote.promote,
    rollback.rollback,
    retrain.retrain,
    serve.serve,
    monitor.monitor,
    watch.watch,
    alerts.alerts,
    score.score,
    outcomes.outcomes,
    explain.explain,
    replay.replay,
    backup.backup,
    backup.restore,
    demo.demo,
)
for _command in COMMANDS:
    app.command()(_command)
for _name, _group in GROUPS:
    app.add_typer(_group, name=_name)


def _say_version(asked: bool) -> None:
    if asked:
        from holdfast import __version__

        typer.echo(f"holdfast {__version__}")
        raise typer.Exit


@app.callback()
def _everywhere(
    project: Annotated[
        Path | None, typer.Option("-C", "--project", help="The project's folder, instead of the one you stand in.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Say which Holdfast this is.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    choose(project)


def main() -> None:
    """The entry point: never a traceback for what someone can mend, always one for a bug."""
    as_json = "--json" in sys.argv
    try:
        code = app(standalone_mode=not as_json)  # with --json a wrong word, too, is told below
        sys.exit(code if isinstance(code, int) else 0)
    except HoldfastError as error:
        failure(error, as_json=as_json)
        sys.exit(MISUSE)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; a second complaint at exit would go nowhere
        sys.exit(0)
    except USAGE as wrong:
        failure(_misuse(wrong), as_json=as_json)
        sys.exit(MISUSE)
    except Exception as fault:  # noqa: BLE001  # the last door: whatever comes here is a fault
        traceback.print_exc()
        failure(_fault(fault), as_json=as_json)
        sys.exit(FAULT)


def _misuse(wrong: Any) -> HoldfastError:
    path = wrong.ctx.command_path if wrong.ctx else "holdfast"
    return HoldfastError(wrong.format_message(), where=path, mend=f"{path} --help")


def _fault(fault: Exception) -> HoldfastError:
    return HoldfastError(
        f"{type(fault).__name__}: {fault}",
        where="holdfast",
        mend="" if isinstance(fault, OSError) else "this is a bug in Holdfast: please report it with the lines above",
    )


if __name__ == "__main__":
    main()
