"""What a worker tells the garbage collector."""

from __future__ import annotations

import subprocess
import sys


def test_what_is_loaded_is_not_walked_over_again() -> None:
    asked = (
        "import gc; from holdfast.serving import heap; kept = [[] for _ in range(5_000)];"
        " before = gc.get_freeze_count();"
        " heap.settle(); print(before, gc.get_freeze_count() - before > 5_000, len(gc.get_objects()) < 5_000)"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["0", "True", "True"]
