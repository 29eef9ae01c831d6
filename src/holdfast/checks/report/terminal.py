"""The verdict on a terminal: one table by category, and while it is made, which check is asked and for how long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from holdfast.checks.check import CATEGORIES
from holdfast.checks.report.words import (
    HEADLINES,
    SIGNS,
    WORDS,
    category_status,
    counts,
    of_category,
    outcome,
    sentence,
    shown_status,
    visible,
    when,
    whose,
)  # fmt: skip

if TYPE_CHECKING:
    from holdfast.checks.check import Check

STYLES = {
    "passed": "green",
    "failed": "bold red",
    "crashed": "bold magenta",
    "not_applicable": "yellow",
    "waived": "yellow",
    "advice": "blue",
    "unasked": "yellow",
}


def lines(verdict: Mapping[str, Any]) -> list[Any]:
    """What to print: the table, then the verdict in words."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    table.add_column("s", justify="right", no_wrap=True)
    partial = verdict["partial"]
    for category in CATEGORIES:
        items = of_category(verdict, category.key)
        if not items and partial:
            continue
        status = category_status(verdict, category.key)
        told = ", ".join(f"{number} {WORDS[name]}" for name, number in counts(items).items()) or "nothing was asked"
        table.add_row(
            Text(SIGNS[status], STYLES[status]), Text(category.key, "bold"),
            Text.assemble((category.name, "bold"), (f"  {told}", "dim")), "",
        )  # fmt: skip
        for item in items:
            table.add_row(*_row(item))
        table.add_section()
    end = outcome(verdict)
    head = Text.assemble((f"{SIGNS[end]} {HEADLINES[end]}. ", STYLES[end]), visible(sentence(verdict)))
    return [table, head]


def _row(item: Mapping[str, Any]) -> tuple[Any, ...]:
    from rich.text import Text

    status = shown_status(item)
    told = Text.assemble(visible(item["title"]), ": ", (WORDS.get(status, status), STYLES.get(status, "")), "\n")
    told.append(visible(item["why"]), "dim" if status == "passed" else "")
    if item["mend"] and status != "passed":
        told.append(f"\nmend: {visible(item['mend'])}", "green")
    waiver = item["waiver"]
    if waiver is not None:
        by = f"waived{whose(waiver)} by {visible(waiver['who'])} until {when(waiver['until'])}"
        told.append(f"\n{by}: {visible(waiver['why'])}", "yellow")
    return Text(SIGNS.get(status, "?"), STYLES.get(status, "")), item["code"], told, f"{item['seconds']:.1f}"


@contextmanager
def watching(number: int, *, as_json: bool = False) -> Iterator[Callable[[Check], None]]:
    """Tells which check is asked, on standard error: a live line on a terminal, one line each in a pipe, or nothing."""
    if as_json:
        yield lambda _: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (
            SpinnerColumn(), MofNCompleteColumn(), BarColumn(bar_width=16), TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False), _seconds(),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task("reading the rows", total=number, began=time.monotonic())
            asked = -1

            def tell(check: Check) -> None:
                nonlocal asked
                asked += 1
                words = f"{check.code} {check.title}"
                shown.update(task, completed=asked, description=words, began=time.monotonic())

            yield tell
    else:
        began = time.monotonic()

        def say(words: str) -> None:
            print(f"{time.monotonic() - began:6.1f} s  {words}", file=sys.stderr, flush=True)  # noqa: T201

        say("reading the rows")

        yield lambda check: say(f"{check.code} {check.title}")


def _seconds() -> Any:
    """How long the present check has taken."""
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Seconds(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text(f"{time.monotonic() - task.fields['began']:.1f} s", "cyan")

    return Seconds()
