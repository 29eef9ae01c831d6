"""`make fire`: every experiment, one after the other, and a table of what was seen.

`python -m fire [NAME …]` runs only those named; `--short` as the tests do; `--seed N` another seed; `--json FILE` the
figures for a machine. Exit code 1 when a claim did not hold or a control did not fail.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from fire import (
    agree,
    artifacts,
    backups,
    bodies,
    clocks,
    drain,
    full,
    io_errors,
    kill,
    overload,
    power,
    registry_away,
    schema,
    services,
    slow,
    swaps,
)
from fire.experiment import Plan, Result, Run

EXPERIMENTS: dict[str, tuple[str, Run]] = {
    "X1": ("kill -9 under load, two workers", kill.run),
    "X2": ("power loss, simulated", power.run),
    "X3": ("input/output errors", io_errors.run),
    "X4": ("full disk", full.run),
    "X5": ("registry away", registry_away.run),
    "X6": ("PostgreSQL killed, stopped, slow", services.run),
    "X7": ("promotions between contracts under load", swaps.run),
    "X8": ("bundles tampered with", artifacts.run),
    "X9": ("clocks, order, keys", clocks.run),
    "X10": ("bodies that break servers", bodies.run),
    "X11": ("slow clients", slow.run),
    "X12": ("schemathesis", schema.run),
    "X15": ("overload", overload.run),
    "X16": ("SIGTERM under load", drain.run),
    "X19": ("backup and restore under load, two workers", backups.run),
    "parity": ("parity over HTTP, two workers", agree.run),
}


def perform(name: str, short: bool, seed: int) -> Result:
    """Run one experiment in a folder of its own. One that fails to run did not hold."""
    _, run = EXPERIMENTS[name]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"holdfast-fire-{name}-") as folder:
        try:
            found = run(Plan(Path(folder), short, seed))
        except Exception as error:
            found = Result({}, held=False, control="not reached", control_failed=False, wrong=[repr(error)])
    found.seconds = time.monotonic() - began
    return found


def table(results: dict[str, Result]) -> str:
    """What was seen, as Markdown."""
    lines = ["| | experiment | figures | control | verdict | s |", "| --- | --- | --- | --- | --- | --- |"]
    for name, found in results.items():
        told = "; ".join(f"{what} {value}" for what, value in found.figures.items())
        verdict = "skipped" if found.skipped else "held" if found.ok else "DID NOT HOLD"
        cells = (name, EXPERIMENTS[name][0], found.skipped or told, found.control, verdict, f"{found.seconds:.0f}")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="fire", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seed", type=int, default=Plan(Path()).seed)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(words)
    unknown = [name for name in told.names if name not in EXPERIMENTS]
    if unknown:
        print(f"there is no {', '.join(unknown)}; one of: {', '.join(EXPERIMENTS)}")
        return 2
    results: dict[str, Result] = {}
    began = time.monotonic()
    for name in told.names or EXPERIMENTS:
        print(f"== {name}: {EXPERIMENTS[name][0]} (seed {told.seed})", flush=True)
        results[name] = found = perform(name, told.short, told.seed)
        print(f"   {found}\n   {found.seconds:.0f} s", flush=True)
    print(f"\n{table(results)}\n\n{(time.monotonic() - began) / 60:.1f} minutes in all, seed {told.seed}")
    if told.json is not None:
        told.json.write_text(json.dumps({name: found.as_dict() for name, found in results.items()}, indent=1))
    bad = [name for name, found in results.items() if not found.ok and not found.skipped]
    if bad:
        print(f"did not hold: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
