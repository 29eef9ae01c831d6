"""The score card: every fault is put in, gate, doctor and three other tools are asked, and the table is printed.

    python -m benchmarks.scorecard [--seeds 20] [--docs docs/faults.md] [--json FILE] [--only ID …] [--no-peers]

Exit code 1 when fewer than 95 in 100 are named rightly, or a clean run is not left in peace.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.scorecard.beside import peers
from benchmarks.scorecard.card import as_dict, ok
from benchmarks.scorecard.fault import Card
from benchmarks.scorecard.page import Peers, page, totals
from benchmarks.scorecard.run import Place, bases_of, every_clean, every_fault, say
from benchmarks.scorecard.table import BASES, BY_ID


def main(words: Sequence[str] | None = None) -> int:
    told = _told(words)
    chosen = [name for name in BY_ID if not told.only or any(name.startswith(item) for item in told.only)]
    if not chosen:
        say(f"there is no fault {' '.join(told.only)}; ids are those of docs/faults.md")
        return 2
    if told.docs and told.only:
        say("--docs writes the whole page: it is not for a part (--only)")
        return 2
    home = Path(tempfile.mkdtemp(prefix="scorecard-"))
    place = Place(told.work or home / "tables", home / "rooms")
    parts: dict[str, float] = {}
    try:
        with _timed(parts, "clean runs"):
            place.prepare()
            clean, twins = every_clean(place, bases_of(chosen) if told.only else BASES, told.seeds, told.jobs, say)
        with _timed(parts, "faults"):
            faults = every_fault(place, chosen, twins, told.jobs, say)
        beside: Peers = {}
        if told.peers:
            with _timed(parts, "other tools"):
                beside = peers(place.tables)
        card = Card(tuple(faults), tuple(clean), parts)
        text = page(card, beside)
        print(text if not told.only else text[text.index("## What came of it") :])
        if told.docs:
            told.docs.write_text(text, encoding="utf-8")
        if told.json:
            told.json.write_text(json.dumps(as_dict(card), indent=1), encoding="utf-8")
        print(totals(card, beside))
        return 0 if ok(card) else 1
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _told(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scorecard", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20, help="clean runs of each base")
    parser.add_argument("--docs", type=Path, help="write the page here")
    parser.add_argument("--json", type=Path, help="write everything that was seen here")
    parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="these faults, or all that begin so")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="ask no other tool")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--work", type=Path, help="keep the tables that the peers are shown here")
    return parser.parse_args(words)


@contextmanager
def _timed(parts: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    parts[name] = time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
