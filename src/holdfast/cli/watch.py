"""`holdfast watch`: look at a running server, again and again, and tell people when something is wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.cli.place import opened
from holdfast.cli.render import Json, answer
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.project.watching import Round, Watching

PATIENCE = 4.0
"""Seconds that --once waits for its alerts to arrive; what did not stays in the outbox."""


def watch(
    address: Annotated[
        str, typer.Argument(help="The server's address; by default this project's own, on this machine.")
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Look once; exit 1 when somebody had to be alerted.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks at the server.", min=1.0)] = 30.0,
    as_json: Json = False,
) -> None:
    """Watch the server, its traffic and its answers; alert to the log and wherever [alerts] says.

    One process for one project: it may be killed and started again. Where the server wants keys, HOLDFAST_KEY is one
    that may read metrics. `holdfast alerts` shows what is open.
    """
    from holdfast.project.alerts.prometheus import PrometheusDoor
    from holdfast.project.alerts.sending import Sending
    from holdfast.project.alerts.ways import doors
    from holdfast.project.duties import duties
    from holdfast.project.watching import Watching, alone

    project = opened()
    settings = project.settings
    place = address.rstrip("/") or f"http://{settings.serving_host}:{settings.serving_port}"
    key = os.environ.get("HOLDFAST_KEY", "")
    began = time.time()
    with alone(project) as outbox:
        ways = doors(settings, project.folder, project.name, outbox.open)
        with Sending(outbox, ways) as sending:
            beats = [door.write for door in ways if isinstance(door, PrometheusDoor)]
            made = Watching(project, outbox, sending, duties(settings, every), address=place, key=key)
            if not once:
                _follow(made, beats, as_json=as_json)
                return
            rounds: list[Round] = [made.round(duty) for duty in made.duties if duty.quick]
            sending.settle(PATIENCE)
            _beat(beats)
        lost = outbox.waiting(sending.names, began)
        found = [item for done in rounds for item in done.found.by_version.values()]
        bad = any(item.status == "alert" for items in found for item in items)
        told = {name: value for done in rounds for name, value in done.found.told.items()}
        lines = [line for done in rounds for line in done.found.lines]
        sent = [item.text for done in rounds for item in done.messages]
        answer({**told, "sent": sent, "lost": lost}, [*lines, *lost], as_json=as_json)
        raise typer.Exit(1 if bad or lost else 0)


def _beat(beats: Sequence[Callable[[], None]]) -> None:
    """Say that the watch is alive, where somebody looks at that."""
    for beat in beats:
        with contextlib.suppress(HoldfastError):  # the door says so when it has something to send
            beat()


def _follow(made: Watching, beats: Sequence[Callable[[], None]], *, as_json: bool) -> None:
    """Until somebody ends it."""
    ended = threading.Event()
    one = threading.Lock()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())

    def told(done: Round) -> None:
        with one:
            _beat(beats)
            if as_json or done.messages:
                document = {**done.found.told, "duty": done.duty, "sent": [item.as_dict() for item in done.messages]}
                answer(document, [item.text for item in done.messages], as_json=as_json)

    made.follow(ended, told)
