"""An incident that was closed, as one HTML page that needs nothing beside itself: no script, no network, no font."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from holdfast.checks.report.style import POLICY, STYLE, SYMBOLS, sign
from holdfast.checks.report.words import html

Told = Mapping[str, Any]
_CODE = re.compile("`([^`]*)`")


def page(told: Told) -> str:
    """The page of a post-mortem's document (`holdfast.project.incidents.postmortem`)."""
    title = f"Incident {told['incident']}: {told['playbook']}"
    parts = [*_head(told, title), *_figures(told), *_causes(told), *_timeline(told), *_evidence(told), *_next(told)]
    return (
        f'<!doctype html><html lang=en><head><meta charset=utf-8><meta http-equiv="Content-Security-Policy" '
        f'content="{html(POLICY)}"><meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{html(title)}</title><style>{STYLE}</style></head><body>{SYMBOLS}<main>{''.join(parts)}</main></body></html>\n"
    )


def _head(told: Told, title: str) -> list[str]:
    over = all(item["gone"] for item in told["figures"] if item["verdict"] != "never rose")
    status, word = ("passed", "It is over") if over else ("failed", "Closed, and not shown to be over")
    facts = [
        ("Model", told["model"]), ("Severity", told["severity"]), ("Began", told["since"]),
        ("First alert", told["alerted"]), ("Opened", f"{told['opened']} by {told['who']}"),
        ("Closed", told["closed"] or "not yet"),
        *((f"{name.capitalize()} after", _took(took)) for name, took in told["seconds"].items()),
    ]  # fmt: skip
    shouts = [f"<p class='verdict crashed'>{sign('crashed')} {html(shout)}</p>" for shout in told["broken_glass"]]
    return [
        "<header><p class=over>After an incident</p>",
        f"<h1>{html(title)}</h1>",
        f"<p class='verdict {status}'>{sign(status)} {word}</p>",
        *shouts,
        f"<p class=lead>{html(told['because'])} ({html(told['symptom'])})</p><dl class=facts>",
        *(f"<div><dt>{html(name)}</dt><dd>{html(str(value))}</dd></div>" for name, value in facts),
        "</dl></header>",
    ]


def _took(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:,.0f} s"


def _figures(told: Told) -> list[str]:
    rows = [
        [item["what"], *(_number(item[part]["value"]) for part in ("before", "during", "after")), item["verdict"]]
        for item in told["figures"]
    ]
    return ["<h2>How bad it was</h2>", _table(("Figure", "Before", "During", "After", ""), rows)]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _causes(told: Told) -> list[str]:
    facts = (("Cause", told["cause"]), ("Remedy", told["remedy"]), ("Closed with", told["resolution"]))
    items = "".join(f"<li><b>{name}</b>: <bdi>{html(str(value))}</bdi></li>" for name, value in facts)
    return [f"<h2>Cause and remedy</h2><ul class=stops>{items}</ul>"]


def _timeline(told: Told) -> list[str]:
    rows = [[row["when"], row["who"], row["did"], row["what"]] for row in told["timeline"]]
    return ["<h2>Timeline</h2>", _table(("When", "Who", "", "What"), rows)]


def _evidence(told: Told) -> list[str]:
    parts = ["<h2>Evidence</h2>"]
    for item in told["evidence"]:
        lines = [*item["lines"], *([f"not gathered: {item['lacking']}"] if item["lacking"] else [])]
        told_lines = "".join(f"<li><bdi>{html(str(line))}</bdi></li>" for line in lines)
        parts.append(f"<details open><summary>{html(item['title'])}</summary><ol>{told_lines}</ol></details>")
    return parts


def _next(told: Told) -> list[str]:
    words = (_CODE.sub(r"<code>\1</code>", html(item)) for item in (*told["open_questions"], *told["follow_up"]))
    items = "".join(f"<li>{item}</li>" for item in words)
    drill = f"<p>Its drill lies at <code>{html(told['drill'])}</code>.</p>"
    return [f"<h2>So that it is caught next time</h2>{drill}<ul class=stops>{items}</ul>"]


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{html(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td><bdi>{html(str(cell))}</bdi></td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
