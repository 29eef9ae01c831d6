"""The process that conducts the experiments: ``python -m holdfast.serving.beside conducting HOME PROMOTER``.

Reads the ledger, and hands the records that follow to the worker that started it. PROMOTER is a JSON list: the command
to which a variant's promotion is given, or an empty list where promotion is done by hand.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO

from holdfast.bundle.load import load
from holdfast.contract.model import Contract
from holdfast.features.state.state import State
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Experiment
from holdfast.serving.aside import write_frame
from holdfast.serving.logs import begin_as_told
from holdfast.traffic.conduct import Next
from holdfast.traffic.conductor import Conductor

log = logging.getLogger("holdfast.conducting")

LOOK = 0.25
AGAIN = 60.0
"""Seconds before a promotion that was refused is tried again."""


def run(home: Path, out: IO[bytes], promoter: Sequence[str], sleep: Callable[[float], None] = time.sleep) -> None:
    """Look, decide, hand over; for ever."""
    state = State.open(home / "state", readonly=True)
    conductor = Conductor(LedgerReader(home / "ledger"), contracts(home))
    later: list[tuple[float, Experiment]] = []
    while True:
        conductor.read(state.applied_seq)
        for latest, following in conductor.next(time.time_ns() // 1_000):
            if following.record is not None:
                log.warning("%s %s: %s", latest.name, following.record.action, following.why or following.record.why)
                write_frame(out, [following.record])
            elif promoter and not promoted(promoter, latest, following):
                later.append((time.monotonic() + AGAIN, latest))
        for due, latest in list(later):
            if time.monotonic() >= due:
                later.remove((due, latest))
                conductor.again(latest)
        sleep(LOOK)


def promoted(promoter: Sequence[str], latest: Experiment, following: Next) -> bool:
    """Ask for the promotion of a variant; whether it was done."""
    command = [*promoter, latest.name, "--variant", following.promote, "--why", following.why]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        log.error("%s of %s was not promoted: %s", following.promote, latest.name, done.stdout[-2_000:])
    return done.returncode == 0


def contracts(home: Path) -> Callable[[str], Contract]:
    """Contracts by the hash of their verified bundle."""

    @lru_cache(maxsize=16)
    def contract_of(bundle: str) -> Contract:
        return load(home / "bundles" / bundle, expect=bundle).contract

    return contract_of


def end_with_parent() -> None:
    """The worker keeps our standard input open; when that ends, the worker has."""

    def watch() -> None:
        while os.read(0, 1_024):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main(words: Sequence[str]) -> None:
    begin_as_told()
    end_with_parent()
    run(Path(words[0]), sys.stdout.buffer, json.loads(words[1]))
