"""The process that counts what was answered: ``python -m holdfast.serving.beside profiling HOME KEEP``.

It reads decisions and refusals from the ledger, of all workers alike, so the way of a request is not touched and
nothing is lost with a process. What is in no ledger the workers write down themselves (`profiles`).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import lmdb

from holdfast.errors import HoldfastError
from holdfast.features.state.state import State
from holdfast.monitoring.counting import Projection
from holdfast.monitoring.store import Keep
from holdfast.serving.conducting import end_with_parent
from holdfast.serving.logs import begin_as_told

log = logging.getLogger("holdfast.profiling")

LOOK = 1.0
"""Seconds between two looks at the ledger; each counts what came since."""


def run(home: Path, keep: Keep, sleep: Callable[[float], None] = time.sleep) -> None:
    """Count what was answered; for ever."""
    state = State.open(home / "state", readonly=True)
    projection = Projection(home, keep=keep)
    trouble = ""
    while True:
        try:
            projection.catch_up(state.applied_seq)
            trouble = ""
        except (HoldfastError, lmdb.Error, OSError) as error:
            # A full disk, say. What was not written is counted again.
            if str(error) != trouble:
                trouble = str(error)
                log.error("what was answered cannot be counted now: %s", trouble)
        sleep(LOOK)


def main(words: Sequence[str]) -> None:
    begin_as_told()
    end_with_parent()
    minutes, hours, days = json.loads(words[1])
    run(Path(words[0]), Keep(minutes, hours, days))
