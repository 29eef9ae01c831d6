"""`holdfast backup` and `holdfast restore`: the whole project away, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer


def backup(
    to: Annotated[Path, typer.Argument(help="A new folder for the backup.")],
    as_json: Json = False,
) -> None:
    """Copy ledger, state, bundles, keys, settings, history and a local registry; hash every file. A server may run."""
    from holdfast.project.backup import backup as journey

    done = journey(opened(), to)
    answer(done.as_dict(), done.lines(), as_json=as_json)


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder of a backup.")],
    into: Annotated[Path, typer.Argument(help="A new folder for the project.")],
    as_json: Json = False,
) -> None:
    """Restore a backup into a new folder, open it and compare: records, state, bundles, versions, champion, answers."""
    from holdfast.project.restore import restore as journey

    done = journey(source, into)
    answer(done.as_dict(), done.lines(), as_json=as_json)
