"""What other tools say of the same tables, and the rule by which one of them counts as having caught a fault.

Each runs in its own environment (`peers/NAME/`), is shown a pair of tables (what one trains on, the new batch) and
says what it raises. It has **caught** a fault when it raises something, a check of a column, that it raises on none of
the clean twins of the same base: the kindest rule that is honest, as whatever it says of clean data too tells nobody
anything. It has **named** it when such a column is one of those that were hit. A tool that stops with an error has
caught nothing by what it did not get to say; the error is kept and shown.

    python -m benchmarks.scorecard.beside WORK      what each of them caught, fault by fault
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from benchmarks.environments import JUDGES, NotInstalled, environment

PEERS = {"great_expectations": "Great Expectations", "evidently": "Evidently", "deepchecks": "Deepchecks"}
"""Their folders under `peers/`, and what they are called."""
SEEDS, TWINS = 1, 10
"""Of each fault so many seeds, and so many clean twins of each base, are shown to the peers. With fewer twins, more of
what a tool raises by chance counts as a catch."""


@dataclass(frozen=True)
class Pair:
    """One folder with two tables; `name` is that of the folder."""

    name: str
    id: str
    base: str
    clean: bool
    shown: bool
    """Whether the fault can be seen in the tables at all."""
    columns: frozenset[str]


@dataclass(frozen=True)
class Raised:
    check: str
    column: str | None
    why: str

    @property
    def what(self) -> tuple[str, str | None]:
        return self.check, self.column


@dataclass(frozen=True)
class Seen:
    """What a peer said of one pair."""

    raised: tuple[Raised, ...] = ()
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Found:
    """One fault, over the seeds that the peer was shown: none where no table shows it."""

    shown: int = 0
    caught: int = 0
    named: int = 0
    by: tuple[Raised, ...] = ()
    """What it raised of the fault and of no clean twin, the columns that were hit first."""
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """One peer's answers. `missing` says why there are none."""

    peer: str
    pairs: Mapping[str, Pair]
    seen: Mapping[str, Seen] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    missing: str = ""

    @cached_property
    def usual(self) -> dict[str, set[tuple[str, str | None]]]:
        """What it raises on clean twins, by base."""
        found: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
        for name in self.twins:
            found[self.pairs[name].base] |= {item.what for item in self.seen[name].raised}
        return found

    @cached_property
    def twins(self) -> tuple[str, ...]:
        """The clean pairs it was shown."""
        return tuple(name for name in self.seen if self.pairs[name].clean)

    @cached_property
    def loud(self) -> tuple[str, ...]:
        """The clean pairs on which it raised anything: its false alarms."""
        return tuple(name for name in self.twins if self.seen[name].raised)

    @cached_property
    def faults(self) -> dict[str, Found]:
        """What it made of every fault it was shown, by id."""
        shown: dict[str, list[str]] = defaultdict(list)
        for name in self.seen:
            if self.pairs[name].shown and not self.pairs[name].clean:
                shown[self.pairs[name].id].append(name)
        return {fault: self._found(names) for fault, names in sorted(shown.items())}

    def of(self, fault: str) -> Found:
        return self.faults.get(fault, Found())

    def fresh(self, name: str) -> tuple[Raised, ...]:
        """What it raised on this pair and on no clean twin of its base, the columns that were hit first."""
        pair = self.pairs[name]
        found = [item for item in self.seen[name].raised if item.what not in self.usual.get(pair.base, set())]
        return tuple(sorted(found, key=lambda item: item.column not in pair.columns))

    def _found(self, names: Iterable[str]) -> Found:
        names = tuple(names)
        fresh = [self.fresh(name) for name in names]
        hit = [found and found[0].column in self.pairs[name].columns for name, found in zip(names, fresh, strict=True)]
        errors = tuple(self.seen[name].error for name in names if self.seen[name].error)
        by = max(fresh, key=len, default=())
        return Found(len(names), sum(map(bool, fresh)), sum(map(bool, hit)), by, errors)


def pairs(work: Path) -> dict[str, Pair]:
    """Every pair in a folder, by its name."""
    found = {}
    for file in sorted(work.glob("*/about.json")):
        told = json.loads(file.read_text())
        found[file.parent.name] = Pair(
            file.parent.name, told["id"], told["base"], told["clean"], told["in_the_data"], frozenset(told["columns"])
        )
    return found


def chosen(found: Iterable[Pair], seeds: int = SEEDS, twins: int = TWINS) -> list[str]:
    """The names of what is shown: of each fault the first seeds, of each base the first clean twins."""
    taken: dict[tuple[bool, str], int] = defaultdict(int)
    names = []
    for pair in sorted(found, key=_seed):
        group, most = ((True, pair.base), twins) if pair.clean else ((False, pair.id), seeds)
        if (pair.clean or pair.shown) and taken[group] < most:
            taken[group] += 1
            names.append(pair.name)
    return sorted(names)


def _seed(pair: Pair) -> tuple[int, str]:
    last = pair.name.rsplit("-", 1)[-1]
    return (int(last) if last.isdecimal() else 0), pair.name


def peers(work: Path, *, seeds: int = SEEDS, twins: int = TWINS) -> dict[str, Judged]:
    """Shows the pairs to each peer; one that cannot be installed or run says why in `missing`.

    Two processes at a time, each with every other pair of one peer.
    """
    found = pairs(work)
    names = chosen(found.values(), seeds, twins)
    with ThreadPoolExecutor(2) as pool:
        answers = {}
        for peer in PEERS:
            try:
                python = environment(peer)
            except NotInstalled as error:
                answers[peer] = [Judged(PEERS[peer], found, missing=f"could not be installed: {error}")]
                continue
            halves = [half for half in (names[::2], names[1::2]) if half]
            answers[peer] = list(pool.map(lambda half: ask(peer, python, work, found, half), halves))  # noqa: B023
        return {PEERS[peer]: together(PEERS[peer], found, parts) for peer, parts in answers.items()}


def together(peer: str, found: Mapping[str, Pair], parts: Iterable[Judged]) -> Judged:
    """A peer's answers from several processes; without one of them there is no judging it."""
    whole = Judged(peer, found)
    for part in parts:
        if part.missing:
            return part
        seen = {**whole.seen, **part.seen}
        whole = replace(whole, seen=seen, versions=part.versions, seconds=round(whole.seconds + part.seconds, 1))
    return whole


def ask(peer: str, python: Path, work: Path, found: Mapping[str, Pair], names: list[str]) -> Judged:
    """One process of one peer, with these pairs."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out.json"
        command = [str(item) for item in (python, JUDGES / peer / "judge.py", work.resolve(), out, *names)]
        # The judges' own folder, not ours: one of their dependencies is called `benchmarks` too.
        told = {**os.environ, "PYTHONPATH": str(JUDGES), "MPLBACKEND": "Agg"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=told, cwd=place)
        if done.returncode or not out.exists():
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            return Judged(PEERS[peer], found, missing=f"ended with {done.returncode}: {last}")
        return read(PEERS[peer], found, json.loads(out.read_text()))


def read(peer: str, found: Mapping[str, Pair], told: dict) -> Judged:  # type: ignore[type-arg]  # its own JSON
    """What a judge wrote."""
    seen = {
        name: Seen(tuple(Raised(**raised) for raised in item["raised"]), item["seconds"], item["error"] or "")
        for name, item in told["judged"].items()
    }
    return Judged(peer, found, seen, told["versions"], told["seconds"])


def main(words: list[str]) -> int:
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    for peer, judged in peers(Path(words[0])).items():
        print(f"\n{peer} {dict(judged.versions)}, {judged.seconds} s {judged.missing}")
        print(f"something raised on {len(judged.loud)} of {len(judged.twins)} clean twins")
        for fault, found in judged.faults.items():
            state = "named" if found.named else "caught" if found.caught else "nothing"
            by = "; ".join(f"{item.check} {item.column or ''}" for item in found.by[:3])
            print(f"  {fault}: {state} {by} {' | '.join(found.errors)[:200]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
