"""A flame graph of the server at work: 64 clients, every answer on disk, sampled from outside by py-spy.

Width is the share of samples in which a thread was running (waiting for the disk is not); frames under a third of a
percent are left out. py-spy is not among our requirements (`pip install py-spy`), and the system must let it look into
another process.

    python -m benchmarks.flame [--seconds 15] [--clients 64] [--history 100000] [--out docs/flame.svg]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import chain
from pathlib import Path

from benchmarks.clients import Loaded, load
from benchmarks.contenders import HOLDFAST
from benchmarks.serve import ROOT, bodies
from benchmarks.servers import free_port, running
from benchmarks.side_by_side import project

WIDTH, HEIGHT, LETTER = 1_200, 17, 6.4
SMALLEST = 1 / 300
FONT = 'font-family="monospace" font-size="11"'
COLOURS = (
    ("holdfast/ledger", "#e8a33d"),
    ("holdfast/features", "#7fb069"),
    ("holdfast/contract", "#5fa8d3"),
    ("holdfast/bundle", "#b388c9"),
    ("holdfast/", "#e07a5f"),
    ("", "#c9c5bd"),
)
"""By where a frame's code lies, the first that fits."""
GROUND = ("Thread._bootstrap", "_run_module_as_main")
PLACES = re.compile(r"^.*?(?:site-packages|/src|lib/python3\.\d+)/")


@dataclass
class Frame:
    """A call, and what it called, by samples."""

    name: str
    samples: int = 0
    calls: dict[str, Frame] = field(default_factory=dict)


def sample(seconds: float, clients: int, history: int) -> str:
    """Stacks of a server under load, one `frame;frame;… count` a line."""
    spy = shutil.which("py-spy")
    if spy is None:
        raise SystemExit("py-spy is not installed: pip install py-spy")
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
        place = Path(folder)
        project(place, history)
        port = free_port()
        command, more = HOLDFAST.start(HOLDFAST.python(), place, port)
        first = next(bodies(81))
        with running(command, port, "/predict", first, core=cores[0], folder=place, more=more) as server:
            made = bodies(82)
            asked = chain([next(made) for _ in range(int(seconds * 6_000))], made)
            seen: list[Loaded] = []

            def drive() -> None:
                asking = {"clients": clients, "seconds": seconds + 2, "core": cores[-1]}
                seen.append(load(port, "/predict", asked, **asking))  # type: ignore[arg-type]

            driving = threading.Thread(target=drive)
            driving.start()
            out = place / "stacks"
            # Stopped for a look, a waiting thread would pass for a running one.
            how = ["--format", "raw", "--function", "--threads", "--rate", "250", "--nonblocking"]
            what = ["--output", str(out), "--pid", str(server.pid), "--duration", str(int(seconds))]
            done = subprocess.run([spy, "record", *how, *what], check=False, capture_output=True, text=True)
            driving.join()
        if done.returncode:
            raise SystemExit(f"py-spy: {done.stderr.strip()[-500:]}")
        print(f"{seen[0].rate:,.0f} answers/s while sampled, {len(seen[0].failed)} failed")
        return out.read_text()


def tree(stacks: str) -> Frame:
    """All stacks as one tree, without those that changed while they were read: they do not begin where threads do.

    Threads are named without their numbers, files without where they are installed.
    """
    root = Frame("all")
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        names = [_shown(name) for name in stack.split(";")]
        if not names[1:] or not names[1].startswith(GROUND):
            continue
        at = root
        at.samples += int(count)
        for name in names:
            at = at.calls.setdefault(name, Frame(name))
            at.samples += int(count)
    return root


def _shown(name: str) -> str:
    thread = re.match(r"thread \(\w+\)(?:: (.*))?$", name)
    if thread:
        return f"thread {thread[1] or ''}".strip()
    function, _, place = name.partition(" (")
    place = re.sub(r":\d+\)$", ")", PLACES.sub("", place))
    return f"{function} ({place}" if place else function


def svg(root: Frame, title: str) -> str:
    """The tree, drawn from the ground up. No script: it is a picture, and hovering names a frame."""
    deepest = max((depth for *_, depth in _boxes(root)), default=0)
    height = (deepest + 3) * HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
        '<rect width="100%" height="100%" fill="#fdfcf9"/>',
        f'<text x="8" y="14" font-size="13">{escape(title)}</text>',
    ]
    for frame, left, width, depth in _boxes(root):
        y, wide = height - (depth + 1) * HEIGHT, max(width - 0.4, 0.2)
        colour = next(colour for start, colour in COLOURS if f"({start}" in frame.name or not start)
        told = f"{frame.name}: {frame.samples / root.samples:.1%}"
        room = int((width - 4) / LETTER)
        text = frame.name if len(frame.name) <= room else frame.name[: room - 1] + "…"
        label = f'<text x="{left + 2:.1f}" y="{y + 12}">{escape(text)}</text>' if room >= 4 else ""
        box = f'<rect x="{left:.1f}" y="{y}" width="{wide:.1f}" height="{HEIGHT - 1}" fill="{colour}"/>'
        lines.append(f"<g><title>{escape(told)}</title>{box}{label}</g>")
    return "\n".join([*lines, "</svg>", ""])


def _boxes(root: Frame) -> Iterator[tuple[Frame, float, float, int]]:
    """Each frame that is wide enough: where it begins, its width, its depth."""
    waiting = [(root, 0.0, 0)]
    while waiting:
        frame, left, depth = waiting.pop()
        width = WIDTH * frame.samples / root.samples
        if width < WIDTH * SMALLEST:
            continue
        yield frame, left, width, depth
        for name in sorted(frame.calls):
            waiting.append((frame.calls[name], left, depth + 1))
            left += WIDTH * frame.calls[name].samples / root.samples


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seconds", type=float, default=15.0)
    words.add_argument("--clients", type=int, default=64)
    words.add_argument("--history", type=int, default=100_000)
    words.add_argument("--out", type=Path, default=ROOT / "docs" / "flame.svg")
    told = words.parse_args()
    root = tree(sample(told.seconds, told.clients, told.history))
    title = f"POST /predict, {told.clients} clients, {told.history:,} events in state: {root.samples:,} samples"
    told.out.write_text(svg(root, title))
    print(f"{told.out}: {told.out.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
