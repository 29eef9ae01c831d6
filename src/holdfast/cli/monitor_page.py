"""What monitoring found over time, as one HTML page that needs nothing beside itself, in the verdict's style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.checks.report.style import POLICY, STYLE, SYMBOLS, sign
from holdfast.checks.report.words import html
from holdfast.project.monitor import Report
from holdfast.project.monitor_history import Day

SIGNS = {"alert": "failed", "explained": "advice", "crashed": "crashed", "ok": "passed"}
WORDS = {"alert": "Alert", "explained": "Follows", "crashed": "Crashed", "ok": "Well", "too_few": "Too few",
         "not_applicable": "Not applicable"}  # fmt: skip
FOOT = (
    "Each code has a page in docs/monitor. The distance is the population stability index of a day against the same "
    "hours of training, less what chance makes of it on average."
)
MOST_FEATURES = 60
MOST_LOOKS = 100


def page(report: Report, days: Sequence[Day], past: Sequence[Mapping[str, Any]]) -> str:
    """`past` are the looks that were kept, oldest first."""
    told = report.as_dict()
    state = "crashed" if report.crashed else "failed" if report.alerts else "passed"
    words = {"passed": "Nothing to alert anybody of", "failed": f"{len(report.alerts)} to look at",
             "crashed": "Not known: a watch crashed"}[state]  # fmt: skip
    title = f"{report.project}, version {report.version}: {words}"
    parts = [
        "<header><p class=over>Live traffic</p>",
        f"<h1><bdi>{html(report.project)}</bdi>, version {html(report.version)}</h1>",
        f"<p class='verdict {state}'>{sign(state)} {html(words)}</p>",
        f"<p class=lead>{report.predictions:,} predictions in the day before {html(told['at'].replace('T', ' '))}.</p>",
        "</header>",
        *(_finding(item) for item in told["findings"] if item["status"] in ("alert", "crashed")),
        _following(told["findings"]),
        _volume(days),
        _drift(days),
        _looks(past),
        _rest(told["findings"]),
        f"<footer>{FOOT}</footer>",
    ]
    return (
        f'<!doctype html><html lang=en><head><meta charset=utf-8><meta http-equiv="Content-Security-Policy" '
        f'content="{html(POLICY)}"><meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{html(title)}</title><style>{STYLE}</style></head><body>{SYMBOLS}<main>{''.join(parts)}</main></body>"
        "</html>\n"
    )


def _finding(item: Mapping[str, Any]) -> str:
    since = f", since {item['since'].replace('T', ' ')}" if item["since"] else ""
    return (
        f"<article class=check id='{html(item['code'])}'><div>{_word(item['status'])}</div><div class=told>"
        f"<h3>{html(item['cause'].replace('_', ' ').capitalize())} "
        f"<small>{html(item['code'])}, {html(item['severity'])}"
        f"{html(since)}</small></h3><p><bdi>{html(item['why'])}</bdi></p>"
        f"<p class=mend><b>First step:</b> <bdi>{html(item['mend'])}</bdi></p></div></article>"
    )


def _following(findings: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (html(item["code"]), f"<bdi>{html(item['why'])}</bdi>", html(item["evidence"].get("explained_by", "")))
        for item in findings
        if item["status"] == "explained"
    ]
    return f"<h2>What follows from it</h2>{_table(rows, ('watch', 'seen', 'explained by'))}" if rows else ""


def _volume(days: Sequence[Day]) -> str:
    if not any(day.predictions for day in days):
        return ""
    bars = _bars([day.predictions for day in days], "Predictions a day")
    share = _bars([day.positive / max(1, day.predictions) for day in days], "Share decided positively")
    return f"<h2>Days</h2><div class=plots>{bars}{share}</div>"


def _drift(days: Sequence[Day]) -> str:
    names = {name: max(day.psi.get(name, 0.0) for day in days) for day in days for name in day.psi}
    if not names:
        return ""
    shown = sorted(names, key=lambda name: -names[name])[:MOST_FEATURES]
    most = max(0.25, *names.values())
    plots = "".join(_bars([day.psi.get(name, 0.0) for day in days], name, most) for name in shown)
    more = f"<p class=more>{len(names) - len(shown)} more moved less.</p>" if len(names) > len(shown) else ""
    return f"<h2>Distance from training, by day</h2><div class=plots>{plots}</div>{more}"


def _bars(values: Sequence[float], title: str, most: float | None = None) -> str:
    """One bar for each day, oldest first; the newest value is told."""
    top = most or max(values) or 1.0
    width = 320 / max(1, len(values))
    drawn = "".join(
        f'<rect class=bar x="{20 + at * width:.1f}" y="{74 - 64 * min(1.0, value / top):.1f}" '
        f'width="{width * 0.8:.1f}" height="{64 * min(1.0, value / top):.1f}"/>'
        for at, value in enumerate(values)
    )
    last = f"{values[-1]:,.0f}" if top > 10 else f"{values[-1]:.3f}"
    return (
        f'<figure><svg viewBox="0 0 360 80" role=img aria-label="{html(title)}">{drawn}'
        f'<line class=grid x1="20" x2="340" y1="74" y2="74"/></svg>'
        f"<figcaption><bdi>{html(title)}</bdi>: {last} on the last day</figcaption></figure>"
    )


def _looks(past: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for look in list(past)[-MOST_LOOKS:][::-1]:
        alerts = [item for item in look["findings"] if item["status"] != "explained"]
        words = "; ".join(f"{item['code']} {item['cause']} {item['feature']}".strip() for item in alerts)
        rows.append(
            (html(str(look["at"]).replace("T", " ")), html(look["version"]), f"<bdi>{html(words or 'quiet')}</bdi>")
        )
    return f"<h2>What was told</h2>{_table(rows, ('from', 'version', 'alerts'))}" if rows else ""


def _rest(findings: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (html(item["code"]), _word(item["status"]), f"<bdi>{html(item['why'])}</bdi>")
        for item in findings
        if item["status"] not in ("alert", "explained", "crashed")
    ]
    return f"<h2>All other watches</h2>{_table(rows, ('watch', '', 'found'))}"


def _table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    top = "".join(f"<th scope=col>{name}</th>" for name in head)
    lines = "".join(
        f"<tr><th scope=row>{row[0]}</th>" + "".join(f"<td>{x}</td>" for x in row[1:]) + "</tr>" for row in rows
    )
    return f"<div class=scroll><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>"


def _word(status: str) -> str:
    known = SIGNS.get(status, "not_applicable")
    return f"<span class='s {known}'>{sign(known)} {html(WORDS.get(status, status))}</span>"
