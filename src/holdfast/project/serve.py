"""Serving: the live champion over HTTP, with the registry watched from afar."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.serving.live import Live

SECOND = 1_000_000


def serve(project: Project, *, host: str | None = None, port: int | None = None, as_json: bool = False) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises HoldfastError when nothing was promoted yet or the port is taken."""
    from holdfast.project.history import ensure_state
    from holdfast.serving.run import serve as run
    from holdfast.serving.wire import Limits

    settings = project.settings
    limits = Limits(
        body=settings.serving_max_body_bytes,
        bulk_body=settings.serving_max_bulk_bytes,
        rows=settings.serving_max_rows,
        backdate=settings.serving_backdate_seconds * SECOND,
        skew=settings.serving_skew_seconds * SECOND,
    )

    def announce(address: str, live: Live) -> None:
        champion = live.now.champion
        if as_json:
            said = json.dumps({"address": address, "name": champion.name, "version": champion.version})
        else:
            said = f"{champion.name} version {champion.version} answers at {address} (documents at {address}/docs)"
        print(said, flush=True)  # noqa: T201  # where it listens is this command's answer
        if live.trouble:
            print(live.trouble, file=sys.stderr, flush=True)  # noqa: T201  # it serves, but not what was promoted

    def probe() -> Mapping[str, object]:
        from holdfast.registry.probe import probe as look

        return look(project.registry_uri, project.settings.name)

    built = ensure_state(project)
    if built is not None:
        print(f"built {built.series} series of state", file=sys.stderr, flush=True)  # noqa: T201  # it took a while
    run(
        project.home,
        host=host or settings.serving_host,
        port=settings.serving_port if port is None else port,
        limits=limits,
        probe=probe,
        announce=announce,
    )
