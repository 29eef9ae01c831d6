"""How an answer, an error and progress look: on a terminal, in a pipe, or as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Answer as one JSON document.")]
"""The option every command has."""

Tick = Callable[[int, int | None], None]
"""Told with what is done and what there is in all (None: not known)."""


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def answer(document: Mapping[str, Any], lines: Iterable[Any], *, as_json: bool) -> None:
    """Print the document as JSON, or the lines (text or Rich tables) for a person."""
    if as_json:
        print(json.dumps(document, indent=2, ensure_ascii=False, default=str))  # noqa: T201  # the answer itself
        return
    screen = console()
    for line in lines:
        screen.print(line)


def columns(title: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Any:
    """A table; numbers to the right."""
    from rich import box
    from rich.table import Table

    listed = [[_cell(value) for value in row] for row in rows]
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for at, name in enumerate(names):
        numeric = bool(listed) and all(row[at][:1].isdigit() or row[at] in ("", "-") for row in listed)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*row)
    return table


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return str(value)


def failure(error: HoldfastError, *, as_json: bool) -> None:
    """What is wrong, where, and how to mend it: the same three fields everywhere."""
    if as_json:
        document = {
            "error": {
                "what": error.what,
                "where": error.where,
                "mend": error.mend,
                "problems": [problem.as_dict() for problem in error.problems],
            }
        }
        print(json.dumps(document, indent=2, ensure_ascii=False))  # noqa: T201  # the answer itself
        return
    from rich.console import Console
    from rich.text import Text

    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    screen.print(Text.assemble(("error ", "bold red"), error.what))
    if error.where:
        screen.print(Text.assemble(("where ", "dim"), error.where))
    for problem in error.problems:
        screen.print(Text.assemble(("    - ", "dim"), str(problem)))
    if error.mend:
        screen.print(Text.assemble(("mend  ", "bold green"), error.mend))


@contextmanager
def progress(label: str, *, as_json: bool = False) -> Iterator[Tick]:
    """A bar on a terminal; elsewhere one line each five seconds on standard error; nothing with --json."""
    if as_json:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*parts, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        yield _lines(label)


def _lines(label: str) -> Tick:
    last = time.monotonic()

    def tick(done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= 5:
            last = time.monotonic()
            share = f" of {total:,}" if total else ""
            print(f"{label}: {done:,}{share}", file=sys.stderr, flush=True)  # noqa: T201  # progress in a pipe

    return tick
