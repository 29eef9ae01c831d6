"""A process that accepts records under load until it is killed: each acknowledged id goes to standard output.

Run as ``python -m tests.ledger.victim FOLDER FIRST LAST [--no-sync] [--one-by-one]``; each id is told by one write.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.ledger.payments import contract, decision, outcome

from holdfast.features.plan import plan
from holdfast.features.state.state import State
from holdfast.ledger.files import Files
from holdfast.ledger.group import GroupCommitter
from holdfast.ledger.log import Log
from holdfast.ledger.writer import LedgerWriter


def main(folder: Path, first: int, last: int, *, sync: bool, window: int) -> None:
    state = State.open(folder / "state")
    state.register(plan(contract).series)
    committer = GroupCommitter(LedgerWriter(Log(folder / "ledger", files=Files(sync=sync)), state))
    os.write(1, b"ready\n")
    waiting = []
    for number in range(first, last):
        waiting.append((number, committer.submit(decision(number))))
        if number % 3 == 0 and window > 1:
            committer.submit(outcome(number))
        if len(waiting) >= window:
            number, future = waiting.pop(0)
            future.result()
            os.write(1, f"p{number}\n".encode())
    for number, future in waiting:
        future.result()
        os.write(1, f"p{number}\n".encode())
    committer.close()


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        int(sys.argv[2]),
        int(sys.argv[3]),
        sync="--no-sync" not in sys.argv,
        window=1 if "--one-by-one" in sys.argv else 16,
    )
