"""`make bench`: every measurement, one after the other, each beside its peer or the bare floor in the same run.

`python -m benchmarks [NAME …]` runs only those named: batch, feast, state, scoring, serve, profiling,
side_by_side.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.environments import NotInstalled, environment

ROOT = Path(__file__).parents[1]
ROWS, CARDS, READS = 1_000_000, 10_000, 2_000


def script(name: str, *words: str) -> int:
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *words], check=False, cwd=ROOT).returncode


def feast() -> int:
    """Feast in an environment of its own: it does not resolve together with what we stand on."""
    try:
        python = environment("feast")
    except NotInstalled as error:
        print(f"Feast is not measured: it could not be installed: {error}")
        return 1
    sizes = [str(item) for item in (ROWS, CARDS, READS)]
    done = subprocess.run(
        [str(python), "-W", "ignore", str(ROOT / "benchmarks" / "feast_peer.py"), *sizes],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        print(done.stderr[-2_000:])
        return 1
    found = json.loads(done.stdout.strip().splitlines()[-1])
    print(
        f"Feast, {found['historical_rows']:,} rows × 10 finished features joined: {found['historical_s']} s, "
        f"peak {found['peak_mb']} MB (it computes no window)\n"
        f"Feast, ten features of one entity online (SQLite): p50 {found['online_us_p50']} µs, "
        f"p99 {found['online_us_p99']} µs"
    )
    return 0


PARTS: dict[str, tuple[str, Callable[[], int]]] = {
    "batch": ("Windows over history", lambda: script("batch_windows", "--rows", str(ROWS), "--cards", str(CARDS))),
    "feast": ("Feast's point-in-time join and online read", feast),
    "state": ("Windows online, and the ledger", lambda: script("state")),
    "scoring": ("One row through a model", lambda: script("scoring")),
    "serve": ("Where the time of a request goes", lambda: script("serve", "--stages-only")),
    "profiling": ("What counting costs the answers", lambda: script("profiling")),
    "side_by_side": ("A request, beside other servers", lambda: script("side_by_side")),
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"there is no {', '.join(unknown)}; one of: {', '.join(PARTS)}")
        return 2
    failed = []
    for name in names or PARTS:
        title, run = PARTS[name]
        print(f"\n== {title} ==\n", flush=True)
        if run():
            failed.append(name)
    if failed:
        print(f"\nnot measured: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
