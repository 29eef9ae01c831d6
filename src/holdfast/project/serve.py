"""Serving: the live champion over HTTP, by one worker or several, with the registry watched from afar."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast.errors import HoldfastError
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.serving.line import Line, Ready

SECOND = 1_000_000
MOST_WORKERS = 64


def serve(
    project: Project,
    *,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    as_json: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises HoldfastError when nothing was promoted yet or the port is taken."""
    from holdfast.project.history import ensure_state
    from holdfast.serving import run, tally
    from holdfast.serving.supervise import supervise

    settings = project.settings
    count = settings.serving_workers if workers is None else workers
    if not 1 <= count <= MOST_WORKERS:
        raise HoldfastError(f"{count} workers cannot be started", mend=f"from 1 to {MOST_WORKERS}; one for each core")

    def announce(address: str, ready: Ready) -> None:
        if as_json:
            told = {"address": address, "name": ready.name, "version": ready.version, "workers": count}
            said = json.dumps(told)
        else:
            said = f"{ready.name} version {ready.version} answers at {address} (documents at {address}/docs)"
        print(said, flush=True)  # noqa: T201  # where it listens is this command's answer
        if ready.trouble:
            print(ready.trouble, file=sys.stderr, flush=True)  # noqa: T201  # it serves, but not what was promoted

    built = ensure_state(project)
    if built is not None:
        print(f"built {built.series} series of state", file=sys.stderr, flush=True)  # noqa: T201  # it took a while
    place, number = host or settings.serving_host, settings.serving_port if port is None else port
    if count == 1:
        run.serve(project.home, host=place, port=number, **parts(project), announce=announce)
        return
    with run.listen(place, number) as bound:
        tally.begin(project.home)
        address = run.address_of(bound)
        command = [sys.executable, "-m", "holdfast.project.worker", str(project.folder.resolve())]
        drain = settings.serving_drain_seconds
        supervise(bound, command, workers=count, drain=drain, announce=lambda ready: announce(address, ready))


def work(project: Project, line: Line) -> None:
    """Serve as one of several workers; the settings are read again, the address is inherited."""
    from holdfast.serving.run import work

    work(project.home, line, **parts(project))


def parts(project: Project) -> dict[str, Any]:
    """What a worker is made of, from the settings."""
    from holdfast.serving.door import Patience
    from holdfast.serving.wire import Limits

    settings = project.settings

    def probe() -> Mapping[str, object]:
        from holdfast.registry.probe import probe as look

        return look(project.registry_uri, settings.name)

    limits = Limits(
        body=settings.serving_max_body_bytes,
        bulk_body=settings.serving_max_bulk_bytes,
        rows=settings.serving_max_rows,
        backdate=settings.serving_backdate_seconds * SECOND,
        skew=settings.serving_skew_seconds * SECOND,
    )
    patience = Patience(
        head=settings.serving_head_seconds,
        body=settings.serving_body_seconds,
        reply=settings.serving_reply_seconds,
        idle=settings.serving_idle_seconds,
        connections=settings.serving_max_connections,
        waiting=settings.serving_max_waiting,
        queue=settings.serving_max_waiting_milliseconds / 1_000,
        drain=settings.serving_drain_seconds,
    )
    return {"limits": limits, "patience": patience, "probe": probe}
