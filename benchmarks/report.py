"""What was measured of each contender, and how it is told: in Markdown, also put into a page between its marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.clients import Loaded
from benchmarks.contenders import CONSTANT, FLOOR, HOLDFAST, UNKEPT, Contender


@dataclass
class Seen:
    """What was measured of one contender: one item a round; by number of clients where that matters."""

    cold: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    mapped: list[float] = field(default_factory=list)
    rates: dict[int, list[float]] = field(default_factory=dict)
    p50: dict[int, list[float]] = field(default_factory=dict)
    p99: dict[int, list[float]] = field(default_factory=dict)
    processor_us: dict[int, list[float]] = field(default_factory=dict)
    answered: int = 0
    failed: int = 0
    first_failure: str = ""
    missing: str = ""
    """Why it is not in the table."""

    def add(self, clients: int, loaded: Loaded, processor: float) -> None:
        self.rates.setdefault(clients, []).append(loaded.rate)
        self.p50.setdefault(clients, []).append(loaded.milliseconds(0.5))
        self.p99.setdefault(clients, []).append(loaded.milliseconds(0.99))
        self.processor_us.setdefault(clients, []).append(1e6 * processor / max(len(loaded.waits), 1))
        self.answered += len(loaded.waits)
        self.failed += len(loaded.failed)
        if loaded.failed and not self.first_failure:
            self.first_failure = loaded.failed[0].decode(errors="replace")[:500]

    def rate(self, clients: int) -> float:
        return median(self.rates[clients])


def report(contenders: Sequence[Contender], found: dict[str, Seen], clients: Sequence[int]) -> list[str]:
    """Tables and lines: all contenders, ours divided by others, and who is missing or failed."""
    shown = [item for item in contenders if not found[item.name].missing]
    told = [_table(shown, found, clients), *_ratios(shown, found, clients)]
    for item in contenders:
        seen = found[item.name]
        if seen.missing:
            told.append(f"Not measured: {item.name} {seen.missing}")
        if seen.first_failure:
            told.append(f"First failure of {item.name}: {seen.first_failure}")
    return told


def _table(contenders: Sequence[Contender], found: dict[str, Seen], clients: Sequence[int]) -> str:
    asked = [part for number in clients for part in (f"{number} clients: a second", "p50, p99 ms")]
    head = ["", *asked, f"processor µs, {clients[-1]} clients", "memory MB", "cold s", "failed", "leaves out"]
    lines = [head, ["---"] * len(head)]
    for item in contenders:
        seen = found[item.name]
        cells = [f"**{item.name}**" if item is HOLDFAST else item.name]
        for number in clients:
            cells += [f"{seen.rate(number):,.0f}", f"{_short(seen.p50[number])}, {_short(seen.p99[number])}"]
        mapped = median(seen.mapped)
        cells += [
            f"{median(seen.processor_us[clients[-1]]):,.0f}",
            f"{median(seen.memory):,.0f}" + (f" + {mapped:,.0f} of state" if mapped >= 1 else ""),
            f"{median(seen.cold):.1f}",
            f"{seen.failed:,}",
            item.leaves_out,
        ]
        lines.append(cells)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _short(milliseconds: list[float]) -> str:
    value = median(milliseconds)
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def ratios(contenders: Sequence[Contender], found: dict[str, Seen], clients: int) -> dict[str, float]:
    """Our answers a second divided by those of others: floor, constant, FastAPI, ourselves without the ledger, and the
    fastest peer (under its name).
    """
    rates = {item.name: found[item.name].rate(clients) for item in contenders if not found[item.name].missing}
    ours = rates.get(HOLDFAST.name)
    if ours is None:
        return {}
    beside = [item.name for item in (FLOOR, CONSTANT, UNKEPT) if item.name in rates]
    beside += [name for name in ("FastAPI",) if name in rates]
    peers = [item.name for item in contenders if item.peer and item.name in rates]
    if peers:
        beside.append(max(peers, key=rates.__getitem__))
    return {name: ours / rates[name] for name in beside if rates[name]}


def _ratios(contenders: Sequence[Contender], found: dict[str, Seen], clients: Sequence[int]) -> list[str]:
    told = []
    for number in clients:
        parts = [f"{share:.2f} × {name}" for name, share in ratios(contenders, found, number).items()]
        if parts:
            told.append(f"Holdfast at {number}: " + " · ".join(parts))
    return ["\\\n".join(told)] if told else []


def write_into(page: Path, section: str, text: str) -> None:
    """Put the text between ``<!-- section -->`` and ``<!-- /section -->``; whatever stood there goes."""
    whole = page.read_text()
    start, end = f"<!-- {section} -->\n", f"<!-- /{section} -->"
    before, opened, rest = whole.partition(start)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise SystemExit(f"{page} has no place for {section}: {start.strip()} … {end}")
    page.write_text(f"{before}{start}\n{text}\n\n{end}{after}")
