"""The pages of `docs/` that are made from the code: commands, settings, and the contract's words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from holdfast.cli.main import app
from holdfast.project.settings import table
from holdfast.settings import Setting, settings_of

MADE = "<!-- Made from the code by `make docs`; edit the code. -->\n\n"
COMMANDS = """\
`holdfast [-C FOLDER] COMMAND`. Every command takes `--json` and then prints one JSON document. Exit codes: 0 fine, 1
the verdict is no, 2 something you can mend, 3 a fault of ours or of the machine.
"""
SETTINGS = """\
A project's `holdfast.toml` says what is not at its default; the environment wins over it. A dot is a table:
`serving.port` is `port` under `[serving]`. Values in the environment are written as in TOML; text needs no quotes.
"""
TRAINING = """\
What `holdfast train` does; `--set key=value` overrides one for a single run. [training.md](training.md) explains them.
"""
CHECKS = """\
The limits of `holdfast check`. Shares lie between 0 and 1.
"""


MONITOR = """\
The limits of `holdfast monitor`. Shares lie between 0 and 1; [docs/monitor](monitor/README.md) says what is watched.
"""


def commands_page() -> str:
    """Every command with its arguments and options."""
    parts = [MADE + "# Commands\n", COMMANDS]
    for name, command in walk(get_command(app), "holdfast"):
        words = [name, *(_placeholder(item) for item in command.params if item.param_type_name == "argument")]
        parts.append(f"## `{' '.join(words)}`\n\n{(command.help or '').strip()}\n")
        rows = [_row(item) for item in command.params if item.name not in ("help",)]
        if rows:
            parts.append("| | default | |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def settings_page() -> str:
    """Every setting with its variable, default and help line; training's own keys and the gate's limits after them."""
    from holdfast.checks.limits import Limits as OfTheGate
    from holdfast.monitoring.limits import Limits as OfMonitoring
    from holdfast.training.settings import TrainingSettings

    parts = [MADE + "# Settings\n", SETTINGS, "| setting | variable | default | |\n| --- | --- | --- | --- |"]
    parts += [f"| `{row.name}` | `{row.variable}` | {_shown(row.default)} | {row.help} |" for row in table()]
    parts += ["\n## `[training]`\n", TRAINING, "| setting | default |\n| --- | --- |"]
    plain = TrainingSettings().as_dict()
    parts += [f"| `training.{name}` | {_shown(value)} |" for name, value in plain.items()]
    parts += ["\n## `[checks]`\n", CHECKS, "| setting | default | | default is from |\n| --- | --- | --- | --- |"]
    parts += [_limit("checks", item) for item in settings_of(OfTheGate)]
    parts += ["\n## `[monitor]`\n", MONITOR, "| setting | default | | default is from |\n| --- | --- | --- | --- |"]
    parts += [_limit("monitor", item) for item in settings_of(OfMonitoring)]
    return "\n".join(parts) + "\n"


def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(full name, command) of every command that does something, groups opened."""
    for word, item in getattr(command, "commands", {}).items():
        if hasattr(item, "commands"):
            yield from walk(item, f"{name} {word}")
        else:
            yield f"{name} {word}", item


def _placeholder(item: Any) -> str:
    name = str(item.name).upper()
    name += "..." if item.nargs == -1 else ""
    return name if item.required else f"[{name}]"


def _row(item: Any) -> str:
    names = f"`{str(item.name).upper()}`"
    if item.param_type_name == "option":
        names = ", ".join(f"`{word}`" for word in (*item.opts, *item.secondary_opts))
    return f"| {names} | {'' if item.required else _shown(item.default)} | {item.help or ''} |"


def _limit(under: str, item: Setting) -> str:
    return f"| `{under}.{item.name}` | {_shown(item.default)} | {item.help} | {item.source} |"


def _shown(value: object) -> str:
    if value in (None, "", (), []) or value == {}:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def pages() -> dict[str, str]:
    """File name in `docs/` and text of each page."""
    from holdfast.checks.report import schema
    from holdfast.contract.reference import page
    from holdfast.monitoring import schema as monitored

    return {
        "commands.md": commands_page(),
        "settings.md": settings_page(),
        "contract.md": page(),
        "gate/verdict.schema.json": schema.page(),
        "monitor/monitor.schema.json": monitored.page(),
    }


def filled(text: str) -> str:
    """A page with its tables made anew: each stands between a comment that names it and ``<!-- end -->``."""
    for name, table_of in TABLES.items():
        head, found, rest = text.partition(f"<!-- {name}: made from the code by `make docs` -->\n")
        if found:
            text = head + found + table_of() + "<!-- end -->" + rest.partition("<!-- end -->")[2]
    return text


def _metrics() -> str:
    from holdfast.serving.metrics import FAMILIES

    rows = [
        f"| `{item.name}` | {item.kind} | {', '.join(f'`{label}`' for label in item.labels)} | {item.about} |\n"
        for item in FAMILIES
    ]
    return "".join(["| metric | kind | labels | |\n| --- | --- | --- | --- |\n", *rows])


def _fallbacks() -> str:
    from holdfast.serving.metrics import FALLBACKS

    rows = [f'| `holdfast_fallbacks_total{{kind="{kind}"}}` | {about} |\n' for kind, about in FALLBACKS.items()]
    return "".join(["| | |\n| --- | --- |\n", *rows])


def _fields() -> str:
    from holdfast.serving.logs import FIELDS

    return "".join(["| field | |\n| --- | --- |\n", *(f"| `{name}` | {about} |\n" for name, about in FIELDS.items())])


def _checks() -> str:
    from holdfast.checks.catalog import CHECKS
    from holdfast.checks.check import CATEGORIES

    lines = ["| code | asks | |\n| --- | --- | --- |\n"]
    for category in CATEGORIES:
        lines.append(f"| **{category.key}** | **{category.name}** | |\n")
        lines += [
            f"| [{item.code}]({item.code}.md) | {item.title} | {item.severity} |\n"
            for item in CHECKS
            if item.category == category
        ]
    return "".join(lines)


def _watches() -> str:
    from holdfast.monitoring.catalog import WATCHES

    lines = ["| code | watches that | pillar |\n| --- | --- | --- |\n"]
    lines += [f"| [{item.code}]({item.code}.md) | {item.title} | {item.pillar} |\n" for item in WATCHES]
    return "".join(lines)


TABLES = {"metrics": _metrics, "fallbacks": _fallbacks, "fields": _fields, "checks": _checks, "watches": _watches}
FILLED = ("observing.md", "gate/README.md", "monitor/README.md")
"""Pages written by hand that hold such tables."""


def main(folder: Path) -> None:
    for name in FILLED:
        page = folder / name
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        typer.echo(str(folder / name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
