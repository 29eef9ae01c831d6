"""``python -m holdfast.serving.beside ROLE HOME …``: a process beside a worker, which gives way to it from the start.

Its priority is lowered before anything of weight is imported: to load a model takes a second or two of a processor, and
answers must not be late for that.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module


def give_way(role: str) -> None:
    """Who conducts keeps a tenth of a processor that the answers want, so that a bad canary is halted however busy the
    server is; who counts the thirtieth that it needs. Who scores shadows runs when nobody else there wants to.
    """
    if role in ("conducting", "profiling"):
        os.nice(10 if role == "conducting" else 15)
        return
    os.nice(19)
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):  # a container may forbid it; the lowest priority is then what there is
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main() -> None:
    role = sys.argv[1]
    give_way(role)
    import_module(f"holdfast.serving.{role}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
