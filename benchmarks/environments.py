"""An environment for each peer: they do not resolve together with us, nor with each other.

Each is made from its hash-locked `requirements.txt` (in `peers/NAME/`, `scorecard/peers/NAME/` or
`watching/peers/NAME/`) into `.venv-NAME/`, and made again when that changed.

    python -m benchmarks.environments [NAME …]      make them
    python -m benchmarks.environments --lock        lock their requirements again (needs uv)
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / "peers"
JUDGES = HERE / "scorecard" / "peers"
WATCHERS = HERE / "watching" / "peers"
STAMP = ".installed-from"


class NotInstalled(Exception):  # noqa: N818 — a peer that is left out, not a fault
    """The environment could not be made, and why."""


def environment(name: str) -> Path:
    """The Python of a peer's environment, made first when it is not there. Raises NotInstalled."""
    requirements = folder(name) / "requirements.txt"
    place = HERE.parent / f".venv-{name}"
    python, stamp = place / "bin" / "python", place / STAMP
    wanted = requirements.read_text()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"making {place.name}/", file=sys.stderr, flush=True)
    uv = shutil.which("uv")
    if uv:
        steps = [[uv, "venv", "-q", "--clear", "--python", sys.executable, str(place)]]
        installer = [uv, "pip", "install", "-q", "--python", str(python)]
    else:
        venv.create(place, clear=True, with_pip=True)
        steps = []
        installer = [str(python), "-m", "pip", "install", "-q"]
    for step in [*steps, [*installer, "--require-hashes", "-r", str(requirements)]]:
        done = subprocess.run(step, check=False, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(place, ignore_errors=True)
            raise NotInstalled((done.stderr.strip().splitlines() or ["the installer failed"])[-1])
    stamp.write_text(wanted)
    return python


def lock(name: str) -> None:
    """Hashes for every platform, and no address of a package index."""
    words = [
        "--quiet",
        "--universal",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-header",
        "--python-version",
        "3.11",
    ]
    # From within, so that the comments name no path.
    command = ["uv", "pip", "compile", *words, "requirements.in", "-o", "requirements.txt"]
    subprocess.run(command, check=True, cwd=folder(name))


def names() -> list[str]:
    return sorted(path.parent.name for place in (PEERS, JUDGES, WATCHERS) for path in place.glob("*/requirements.in"))


def folder(name: str) -> Path:
    """Where a peer's requirements are, and what runs in its environment."""
    return next((place / name for place in (JUDGES, WATCHERS) if (place / name).is_dir()), PEERS / name)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    words.add_argument("--lock", action="store_true")
    told = words.parse_args()
    missing = 0
    for name in told.names or names():
        if told.lock:
            lock(name)
            continue
        try:
            print(f"{name}: {environment(name)}")
        except NotInstalled as error:
            print(f"{name}: could not be installed: {error}")
            missing += 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
