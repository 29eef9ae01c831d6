"""How an answer, an error and progress look: on a terminal, in a pipe, or as JSON."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Answer as one JSON document.")]
"""The option every command has."""


_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?%?")
PIPE_WIDTH = 160
"""Columns of a table where there is no terminal to ask."""


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def answer(document: Mapping[str, Any], lines: Iterable[Any], *, as_json: bool) -> None:
    """Print the document as JSON, or the lines (text or Rich tables) for a person."""
    if as_json:
        print(json.dumps(document, indent=2, ensure_ascii=False, default=str))  # noqa: T201  # the answer itself
        return
    screen = console()
    for line in lines:
        screen.print(line, markup=False)


def columns(title: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Any:
    """A table; numbers to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    listed = [[_cell(value) for value in row] for row in rows]
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for at, name in enumerate(names):
        cells = [row[at] for row in listed if row[at] not in ("", "-")]
        numeric = bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(cell) for cell in row))  # text as it is: [brackets] are no markup
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


class Progress(Protocol):
    """Called with what is done and what there is in all (None: not known); told in words what is done now."""

    def __call__(self, done: int, total: int | None) -> None: ...

    def phase(self, words: str) -> None: ...


@contextmanager
def progress(label: str, *, as_json: bool = False) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere plain lines on standard error; nothing with --json."""
    if as_json:
        yield _Silence()
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        parts = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bars(*parts, console=Console(stderr=True), transient=True) as bars:
            yield _Bar(bars, bars.add_task(label, total=None))
    else:
        yield _Lines(label)


class _Silence:
    def __call__(self, done: int, total: int | None) -> None:
        return None

    def phase(self, words: str) -> None:
        return None


class _Bar:
    def __init__(self, bars: Any, task: Any) -> None:
        self._bars = bars
        self._task = task

    def __call__(self, done: int, total: int | None) -> None:
        self._bars.update(self._task, completed=done, total=total)

    def phase(self, words: str) -> None:
        self._bars.update(self._task, description=words)


class _Lines:
    """One line for each phase, and one each five seconds in between."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._last = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        if time.monotonic() - self._last >= 5:
            self._last = time.monotonic()
            share = f" of {total:,}" if total else ""
            print(f"{self._label}: {done:,}{share}", file=sys.stderr, flush=True)  # noqa: T201  # progress in a pipe

    def phase(self, words: str) -> None:
        self._label = words
        print(words, file=sys.stderr, flush=True)  # noqa: T201  # the same
