"""One request, side by side: Holdfast, what it costs to leave work out, and other model servers with the same model.

The server has one core, with all of its processes; the clients have another. Every contender is started, asked for a
while by each number of clients, and ended, in turn; then again, so that what else the machine does falls on all alike.
Figures are medians of the rounds. Then: 200 features, a batch of 1,000 rows over HTTP, and `score` beside the model.

    python -m benchmarks.side_by_side [--history 1000000] [--seconds 2] [--rounds 3] [--clients 1 16 64]
                                      [--only NAME …] [--table-only] [--quick] [--json FILE] [--docs PAGE]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, cycle
from pathlib import Path
from typing import Any

from benchmarks.clients import Loaded, load
from benchmarks.contenders import CONTENDERS, FLOOR, HOLDFAST, UNKEPT, Contender
from benchmarks.environments import NotInstalled
from benchmarks.report import Seen, report, write_into
from benchmarks.serve import ROOT, bodies, feature_rows, prepare
from benchmarks.servers import NoAnswer, Running, free_port, running

from benchmarks import bulk, wide
from holdfast.bundle.load import load as open_bundle
from holdfast.contract.model import Contract
from holdfast.features.state.state import State

CHECKED = 20
"""Rows whose answers are compared with the model's before a peer is measured."""
WARM = 0.3
"""Seconds of load before the first measurement of a server."""


@dataclass(frozen=True)
class Setting:
    """What all contenders of a table have in common. `folder` is a project with the model's file beside it."""

    folder: Path
    names: tuple[str, ...]
    rows: list[list[float | None]]
    """Ready-made features, as they are served; asked for again from the start when they are through."""
    expected: list[float]
    """The model's probabilities of the first rows."""
    clients: tuple[int, ...]
    seconds: float
    server_core: int
    client_core: int
    made: dict[Any, list[bytes]] = field(default_factory=dict)
    """Their requests, by who words them."""


def project(place: Path, history: int, contract: Contract | None = None) -> Contract:
    """A project with a champion and so many events in its state; the model's file and its features' names beside it."""
    home = place / ".holdfast"
    began = time.monotonic()
    contract = prepare(home, history, contract)
    (place / "holdfast.toml").write_text("")
    (bundle,) = (home / "bundles").iterdir()
    shutil.copy(bundle / "model.txt", place / "model.txt")
    (place / "features.json").write_text(json.dumps([item.name for item in contract.features]))
    size = sum(path.stat().st_blocks * 512 for path in home.rglob("*")) / 1e6
    took = time.monotonic() - began
    print(f"{described(contract)}, {history:,} events in state: {took:.0f} s, {size:,.0f} MB on disk", file=sys.stderr)
    return contract


def described(contract: Contract) -> str:
    return f"`{contract.name}`: {len(contract.features)} features, {len(contract.aggregates)} of them windows"


def setting(place: Path, contract: Contract, told: argparse.Namespace) -> Setting:
    state = State.open(place / ".holdfast" / "state")
    matrix = feature_rows(contract, state, told.rows)
    state.close()
    (bundle,) = (place / ".holdfast" / "bundles").iterdir()
    expected = open_bundle(bundle, expect=bundle.name).predict_matrix(matrix[:CHECKED])[1]
    rows = [[None if value != value else value for value in row] for row in matrix.tolist()]
    cores = sorted(os.sched_getaffinity(0))
    return Setting(
        place, tuple(item.name for item in contract.features), rows, expected.tolist(), tuple(told.clients),
        told.seconds, cores[0], cores[-1],
    )  # fmt: skip


def asked(contender: Contender, setting: Setting, seed: int, seconds: float) -> Iterator[bytes]:
    """Requests, made before they are needed: payments that nobody asked about before, or the rows in turn."""
    if contender.body is None:
        new = bodies(seed)
        return chain([next(new) for _ in range(int(seconds * 8_000))], new)
    made = setting.made.get(contender.body)
    if made is None:
        rows = (contender.body(setting.names, row) for row in setting.rows)
        made = setting.made[contender.body] = [json.dumps(row, separators=(",", ":")).encode() for row in rows]
    return cycle(made)


def measure(contender: Contender, setting: Setting, seen: Seen, number: int) -> None:
    """One round: start it, ask it by each number of clients, end it. Raises NotInstalled, NoAnswer."""
    python = contender.python()
    if number == 0 and contender.prepare is not None:
        command = contender.prepare(python, setting.folder)
        if command is not None:
            subprocess.run(command, check=True, cwd=setting.folder, capture_output=True)
    port = free_port()
    command, more = contender.start(python, setting.folder, port)
    first = next(asked(contender, setting, number, 0.001))
    path, core, folder = contender.path, setting.server_core, setting.folder
    with running(command, port, path, first, core=core, folder=folder, more=more) as server:
        seen.cold.append(server.cold)
        if contender.answer is not None and number == 0:
            _compare(contender, setting, port)
        ask_for(server, contender, setting, 16, WARM, 1_000 + number)
        for clients in setting.clients:
            before = server.processor()
            loaded = ask_for(server, contender, setting, clients, setting.seconds, 100 * number + clients)
            seen.add(clients, loaded, server.processor() - before)
        memory, mapped = server.memory(setting.folder)
        seen.memory.append(memory - mapped)
        seen.mapped.append(mapped)


def ask_for(server: Running, contender: Contender, setting: Setting, clients: int, seconds: float, seed: int) -> Loaded:
    made = asked(contender, setting, seed, seconds)
    return load(server.port, contender.path, made, clients=clients, seconds=seconds, core=setting.client_core)


def _compare(contender: Contender, setting: Setting, port: int) -> None:
    """Raises NoAnswer when it does not answer as the model does."""
    assert contender.answer is not None
    assert contender.body is not None
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for row, expected in zip(setting.rows, setting.expected, strict=False):
            body = json.dumps(contender.body(setting.names, row))
            connection.request("POST", contender.path, body, {"content-type": "application/json"})
            found = contender.answer(json.loads(connection.getresponse().read()))
            if abs(found - expected) > 1e-12:
                raise NoAnswer(f"answers {found!r} where the model says {expected!r}")


def table(contenders: Sequence[Contender], setting: Setting, rounds: int) -> dict[str, Seen]:
    """All contenders in turn, `rounds` times."""
    found = {item.name: Seen() for item in contenders}
    for number in range(rounds):
        for item in contenders:
            seen = found[item.name]
            if seen.missing:
                continue
            began = time.monotonic()
            try:
                measure(item, setting, seen, number)
            except NotInstalled as error:
                seen.missing = f"could not be installed: {error}"
            except (NoAnswer, OSError, subprocess.CalledProcessError) as error:
                seen.missing = f"did not answer: {error}"
            rate = seen.missing or ", ".join(f"{seen.rates[n][-1]:,.0f}/s" for n in setting.clients)
            took = time.monotonic() - began
            print(f"  round {number + 1} of {rounds}, {item.name}: {rate} ({took:.0f} s)", file=sys.stderr, flush=True)
    return found


def words() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--history", type=int, default=1_000_000, help="events in state")
    made.add_argument("--wide-history", type=int, default=200_000, help="the same for the contract of 200 features")
    made.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    made.add_argument("--rows", type=int, default=20_000, help="distinct rows of ready-made features")
    made.add_argument("--only", nargs="+", metavar="NAME", help="of: " + ", ".join(item.name for item in CONTENDERS))
    made.add_argument("--table-only", action="store_true", help="neither 200 features, nor batches, nor score")
    made.add_argument("--quick", action="store_true", help="whether it all works, in small; its figures say nothing")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write every figure of every round")
    made.add_argument("--docs", type=Path, metavar="PAGE", help="also put the tables between their marks in this page")
    return made


def main() -> int:
    told = words().parse_args()
    if told.quick:
        told.history, told.wide_history, told.seconds, told.rounds, told.rows = 3_000, 1_000, 0.4, 1, 1_000
    contenders = [item for item in CONTENDERS if told.only is None or item.name in told.only]
    kept: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:

        def side_by_side(what: str, history: int, among: Sequence[Contender], contract: Contract | None) -> Setting:
            place = Path(folder) / what
            place.mkdir()
            contract = project(place, history, contract)
            common = setting(place, contract, told)
            found = table(among, common, told.rounds)
            head = (
                f"{described(contract)}, {history:,} events in state, {told.rounds} rounds of {told.seconds:g} s each."
            )
            tell(what, "\n\n".join([head, *report(among, found, common.clients)]))
            kept[what] = {name: vars(seen) for name, seen in found.items()}
            return common

        def tell(section: str, text: str) -> None:
            print(f"\n{text}", flush=True)
            if told.docs:
                write_into(told.docs, section, text)

        common = side_by_side("cards", told.history, contenders, None)
        if not told.table_only:
            kept["bulk"] = bulk.measure(common.folder, common.server_core, common.client_core, quick=told.quick)
            tell("bulk", bulk.told(kept["bulk"]))
            side_by_side("wide", told.wide_history, (HOLDFAST, UNKEPT, FLOOR), wide.contract())
    if told.json:
        told.json.write_text(json.dumps(kept, indent=1, default=float))
    return 0


if __name__ == "__main__":
    sys.exit(main())
