"""One worker and two: answers a second by the number of clients, by turns.

Workers and clients share all cores there are, so with two cores the second worker has only what the clients leave.

    python -m benchmarks.workers [--rounds 2] [--seconds 3] [--clients 16 64] [--history 1000000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.serve import ROOT, ask, bodies, prepare
from benchmarks.servers import free_port, running

WORKERS = (1, 2)


def measure(folder: Path, told: argparse.Namespace) -> list[dict[str, Any]]:
    cores = sorted(os.sched_getaffinity(0))
    seen: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for number in range(told.rounds * len(WORKERS)):
        workers, port = WORKERS[number % len(WORKERS)], free_port()
        command: list[str | Path] = [sys.executable, "-m", "holdfast.cli.main", "-C", folder, "serve"]
        command += ["--port", str(port), "--workers", str(workers)]
        everywhere = ",".join(map(str, cores))
        with running(command, port, "/predict", next(bodies(number)), core=everywhere, folder=folder):
            ask(port, "/predict", max(told.clients), 1.0, cores[-1])
            for clients in told.clients:
                loaded = ask(port, "/predict", clients, told.seconds, cores[-1])
                if loaded.failed:
                    raise SystemExit(f"{len(loaded.failed)} requests failed, first: {loaded.failed[0]!r}")
                seen.setdefault((workers, clients), []).append((loaded.rate, loaded.milliseconds(0.99)))
    return [
        {
            "workers": workers,
            "clients": clients,
            "rates": [round(rate) for rate, _ in rows],
            "rate": round(median(rate for rate, _ in rows)),
            "p99_ms": round(median(slow for _, slow in rows), 1),
        }
        for (workers, clients), rows in seen.items()
    ]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=2)
    words.add_argument("--seconds", type=float, default=3.0)
    words.add_argument("--clients", type=int, nargs="+", default=[16, 64])
    words.add_argument("--history", type=int, default=1_000_000)
    words.add_argument("--json", action="store_true")
    told = words.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as place:
        folder = Path(place)
        prepare(folder / ".holdfast", told.history)
        (folder / "holdfast.toml").write_text("")
        rows = measure(folder, told)
    if told.json:
        print(json.dumps(rows))
        return
    alone = {row["clients"]: row["rate"] for row in rows if row["workers"] == 1}
    print("workers | clients | a second | p99 ms | beside one worker | rounds")
    for row in rows:
        share = row["rate"] / alone[row["clients"]]
        print(
            f"{row['workers']:7} | {row['clients']:7} | {row['rate']:8,} | {row['p99_ms']:6} | {share:17.2f} | "
            f"{', '.join(f'{rate:,}' for rate in row['rates'])}"
        )


if __name__ == "__main__":
    main()
