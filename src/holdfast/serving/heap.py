"""What a worker tells Python's garbage collector once everything is loaded."""

from __future__ import annotations

import gc

YOUNG = 20_000
"""Objects made before the collector looks at the young ones; its default of 700 is one look for a few requests."""


def settle() -> None:
    """What is loaded stays: the collector need not walk over it again and again, least of all while clients wait."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
