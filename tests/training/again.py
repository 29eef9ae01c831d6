"""Run as a program: train again from bundles, on the same rows in another order; print what came out.

usage: again.py THREADS BUNDLE...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.training.tables import contract, table

from holdfast.bundle.load import load
from holdfast.training.train import reproduce


def main() -> None:
    threads, *folders = sys.argv[1:]
    given, answers = table(1_200).shuffled(int(threads)), {}
    for folder in folders:
        done = reproduce(load(Path(folder)).manifest, contract(), given, threads=int(threads))
        answers[Path(folder).name] = [done.equal, done.model_hash]
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
