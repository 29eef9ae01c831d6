"""`holdfast serve`: answer over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.cli.place import opened


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: the setting serving.host).")] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port to listen on; 0 takes a free one and says which.",
            min=0,
            max=65_535,
            envvar="SAGEMAKER_BIND_TO_PORT",  # SageMaker tells a container so
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that answer (default: the setting serving.workers).", min=1, max=64)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say where it listens as one JSON line.")] = False,
) -> None:
    """Serve the champion: every answer is on disk before it leaves. Ends in order on SIGTERM or Ctrl-C."""
    from holdfast.project.serve import serve as journey

    journey(opened(), host=host, port=port, workers=workers, as_json=as_json)
