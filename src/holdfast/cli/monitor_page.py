"""What monitoring found over time, as one HTML page that needs nothing beside itself, in the verdict's style.

What is wrong and what to do come first, then what follows from it, days, earlier looks and all other watches. Every
time is UTC and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from holdfast.checks.report.evidence import tables
from holdfast.checks.report.style import POLICY, STYLE, SYMBOLS, sign
from holdfast.checks.report.words import html, when
from holdfast.cli.monitor_plots import bars, count, index, rise, share
from holdfast.contract.model import SECOND
from holdfast.monitoring.catalog import WATCHES
from holdfast.monitoring.finding import SEVERITIES
from holdfast.monitoring.limits import Limits
from holdfast.project.incidents.playbooks import guess
from holdfast.project.monitor import Report
from holdfast.project.monitor_history import Day

Told = Mapping[str, Any]

SIGNS = {"crashed": "crashed", "ok": "passed", "critical": "failed", "high": "failed", "warning": "failed",
         "info": "advice"}  # fmt: skip
COLOURS = {"warning": "waived"}
WORDS = {"crashed": "Crashed", "ok": "Well", "too_few": "Too few", "not_applicable": "Not applicable"}
TITLES = {watch.code: watch.title for watch in WATCHES}
MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND
BEHIND = HOUR
"""A page whose traffic ended longer ago than this says so."""
MOST_FEATURES = 60
MOST_LOOKS = 100


def page(report: Report, days: Sequence[Day], past: Sequence[Told], *, written: int | None = None) -> str:
    """`past` are the looks that were kept, oldest first; `written` is the clock (µs UTC), where it matters."""
    told = report.as_dict()
    past = [look for look in past if _micros(look["at"]) <= report.now]
    alerts = sorted(
        (item for item in told["findings"] if item["status"] == "alert"),
        key=lambda item: -SEVERITIES.index(item["severity"]),
    )
    crashed = [item for item in told["findings"] if item["status"] == "crashed"]
    state, words = _state(report, alerts, crashed)
    parts = [
        *_head(report, told, state, words, written),
        *_wrong(report, told["findings"], alerts, crashed, past),
        *_next(report, alerts, crashed),
        *_volume(report, days),
        *_drift(told["findings"], days),
        *_looks(past),
        *_rest(told["findings"]),
        (
            "<footer>Each code has a page in docs/monitor. All times are UTC. Nothing on this page is fetched from "
            "anywhere.</footer>"
        ),
    ]
    return (
        f'<!doctype html><html lang=en><head><meta charset=utf-8><meta http-equiv="Content-Security-Policy" '
        f'content="{html(POLICY)}"><meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{html(f'{report.project}, version {report.version}: {words}')}</title><style>{STYLE}</style></head>"
        f"<body>{SYMBOLS}<main>{''.join(parts)}</main></body></html>\n"
    )


def _state(report: Report, alerts: Sequence[Told], crashed: Sequence[Told]) -> tuple[str, str]:
    """(class, headline). Where nobody asked, silence says nothing."""
    number = f"{len(alerts)} alert{'s' if len(alerts) > 1 else ''}"
    if crashed:
        return "crashed", "Not all is known: a watch crashed" + (f"; and {number}" if alerts else "")
    if alerts:
        worst = alerts[0]["severity"]
        return "failed", f"{number}, {worst}" if len(alerts) == 1 else f"{number}, the worst {worst}"
    if not report.predictions:
        return "unasked", "Nobody asked, so nothing is known"
    return "passed", "Nothing to alert anybody of"


def _head(report: Report, told: Told, state: str, words: str, written: int | None) -> list[str]:
    late = ""
    if written is not None and written - report.now > BEHIND:
        late = (
            f"<p class=lead><b>This page was written {html(_span(written - report.now))} later</b>, at "
            f"{html(when(written))}; of what came in between it says nothing.</p>"
        )
    until = f"in the 24 hours up to <span class=s>{html(when(report.now))}</span>"
    watches = {name: len({x["code"] for x in told["findings"] if x["status"] == name}) for name in WORDS}
    lead = (
        f"{report.predictions:,} predictions {until}. {watches['ok']} watches are well, {watches['too_few']} had too "
        f"few rows to say anything, {watches['not_applicable']} did not apply."
        if report.predictions
        else f"No predictions {until}. A watch that is called well below saw nothing wrong, because it saw nothing."
    )
    return [
        "<header><p class=over>Live traffic</p>",
        f"<h1><bdi>{html(report.project)}</bdi>, version {html(report.version)}</h1>",
        f"<p class='verdict {state}'>{sign(state)} {html(words)}</p><p class=lead>{lead}</p>{late}</header>",
    ]


def _wrong(
    report: Report, findings: Sequence[Told], alerts: Sequence[Told], crashed: Sequence[Told], past: Sequence[Told]
) -> list[str]:
    if not alerts and not crashed:
        return []
    explained = [item for item in findings if item["status"] == "explained"]
    roots = {_root(item) for item in alerts}
    articles = [
        _finding(item, _first_told(item, report.version, past), [x for x in explained if _by(x) == _root(item)])
        for item in (*crashed, *alerts)
    ]
    rest = [item for item in explained if _by(item) not in roots]
    return ["<section><h2>What is wrong</h2>", *articles, _following(rest), "</section>"]


def _finding(item: Told, first: str, following: Sequence[Told]) -> str:
    kind = "crashed" if item["status"] == "crashed" else item["severity"]
    name = _name(item)
    seen = ""
    if item["since"]:
        among = f"{item['predictions']:,} decisions" if item["predictions"] else "what came"
        seen = f"Seen in {among} since {_time(item['since'])}. "
    seen += f"First told {_time(first)}." if first else ""
    evidence = {key: value for key, value in item["evidence"].items() if key != "explained_by"}
    shown = f"<details><summary>Evidence</summary>{tables(evidence)}</details>" if evidence else ""
    return (
        f"<article class=check id='{html(item['code'])}'><div>{_word(kind)}</div><div><div class=told>"
        f"<h3><bdi>{html(name[:1].upper() + name[1:])}</bdi> <small>{html(item['code'])}</small></h3>"
        f"<p><bdi>{html(item['why'])}</bdi></p>"
        f"<p class=mend><b>First step:</b> <bdi>{html(item['mend'])}</bdi></p>"
        f"{f'<p class=question>{seen}</p>' if seen else ''}</div>{_following(following)}{shown}</div></article>"
    )


def _following(items: Sequence[Told]) -> str:
    """Consequences, folded: whoever mends the cause need not read them."""
    if not items:
        return ""
    rows = [(html(item["code"]), f"<bdi>{html(item['why'])}</bdi>") for item in items]
    number = "1 other finding follows" if len(items) == 1 else f"{len(items)} other findings follow"
    return f"<details><summary>{number} from it</summary>{_table(rows, ('watch', 'seen'))}</details>"


def _next(report: Report, alerts: Sequence[Told], crashed: Sequence[Told]) -> list[str]:
    if not alerts and not crashed and report.predictions:
        return []
    steps = []
    if alerts:
        playbook = guess(item["cause"] for item in alerts)
        name = f" {playbook.name}" if playbook else ""
        steps += [
            (
                "Is somebody on it? <code>holdfast alerts</code> shows what <code>holdfast watch</code> told, and to "
                f"whom. Nobody? <code>holdfast incident open{html(name)} --because &quot;…&quot;</code> gathers the "
                "evidence and offers what can be done at once, rolling back among it."
            ),
            "Take the first step above.",
            "Look again: <code>holdfast monitor</code>. What is over is not told any more.",
        ]
    if crashed:
        steps.append("A watch that crashed sees nothing, and nothing it would have said is known. Report it.")
    if not report.predictions:
        steps.append(
            "No prediction was answered in these 24 hours. Is the server up (<code>holdfast serve</code>), and do "
            "requests reach it?"
        )
    return ["<h2>What to do next</h2><ol>", *(f"<li>{step}</li>" for step in steps), "</ol>"]


def _volume(report: Report, days: Sequence[Day]) -> list[str]:
    days = _since_first(days)
    if not days:
        return ["<h2>Day by day</h2><p>No day with predictions yet.</p>"]
    positive = [day.positive / day.predictions if day.predictions else None for day in days]
    return [
        (
            f"<h2>Day by day</h2><p class=more>The last {len(days)} days, each ending at "
            f"{html(when(report.now)[11:])}. Dashed: the middle of the days before.</p><div class=plots>"
        ),
        bars(days, [day.predictions for day in days], "Predictions", count),
        bars(days, positive, "Decided positively", share),
        "</div>",
    ]


def _drift(findings: Sequence[Told], days: Sequence[Day]) -> list[str]:
    days = _since_first(days)
    names = list(dict.fromkeys(name for day in days for name in day.psi))
    least = Limits().least_predictions
    if not names:
        return (
            [f"<h2>Distance from training</h2><p>No day had {least} predictions or more, so none is drawn.</p>"]
            if days
            else []
        )
    values = {name: [day.psi.get(name) for day in days] for name in names}
    names.sort(key=lambda name: -rise(values[name]))
    told = {item["feature"] for item in findings if item["status"] in ("alert", "explained")} | {"score"}
    top = max(0.25, *(value for found in values.values() for value in found if value is not None))
    drawn = {name: bars(days, values[name], name, index, top) for name in names[:MOST_FEATURES]}
    first = "".join(plot for name, plot in drawn.items() if name in told)
    others = [plot for name, plot in drawn.items() if name not in told]
    more = f"<p class=more>{len(names) - len(drawn)} more rose less.</p>" if len(names) > len(drawn) else ""
    return [
        (
            "<h2>Distance from training, day by day</h2><p class=more>Population stability index of each day against "
            "the same hours of training, less what chance makes of it on average; the features that rose most come "
            f"first, all on one scale. A day with fewer than {least} predictions has no bar. A feature that differs as "
            "much on every day is no news; what alerts is beyond chance and beyond what days differ by.</p>"
        ),
        f"<div class=plots>{first}</div>" if first else "",
        f"<details><summary>{len(others)} other features</summary><div class=plots>{''.join(others)}</div>{more}"
        "</details>"
        if others
        else "",
    ]


def _since_first(days: Sequence[Day]) -> Sequence[Day]:
    """From the first day on that has predictions."""
    first = next((at for at, day in enumerate(days) if day.predictions), len(days))
    return days[first:]


def _looks(past: Sequence[Told]) -> list[str]:
    rows: list[tuple[str, str, str]] = []
    for look in past:
        alerts = [item for item in look["findings"] if item["status"] != "explained"]
        words = "; ".join(_name(item) + f" ({item['code']}, {item['severity']})" for item in alerts)
        row = (_time(look["at"]), html(look["version"]), f"<bdi>{html(words or 'nothing')}</bdi>")
        if not rows or rows[-1][1:] != row[1:]:
            rows.append(row)
    table = _table(rows[-MOST_LOOKS:][::-1], ("from", "version", "alerts"))
    return [f"<h2>What was told before</h2>{table}"] if rows else []


def _rest(findings: Sequence[Told]) -> list[str]:
    told = [item for item in findings if item["status"] not in ("alert", "explained", "crashed")]
    silent = [_row(item) for item in told if item["status"] != "ok"]
    well = [_row(item) for item in told if item["status"] == "ok"]
    head = ("", "what was found, and what is watched")
    parts = ["<h2>All other watches</h2>"] if told else []
    if silent:
        parts.append(
            f"<p class=more>These can say nothing yet, which is not the same as well.</p>{_table(silent, head)}"
        )
    if well:
        parts.append(f"<details><summary>{len(well)} are well</summary>{_table(well, head)}</details>")
    return parts


def _row(item: Told) -> tuple[str, str]:
    title = TITLES.get(item["code"], str(item["cause"]))
    if item["why"] == title:
        return _word(item["status"]), f"{html(title)} <small>{html(item['code'])}</small>"
    asks = html(f"watches that {title[:1].lower()}{title[1:]}, {item['code']}")
    return _word(item["status"]), f"<bdi>{html(item['why'])}</bdi> <small>{asks}</small>"


def _first_told(item: Told, version: str, past: Sequence[Told]) -> str:
    """Since when the looks that were kept have told it without a break; empty where none has."""
    first = ""
    for look in reversed(past):
        same = [x for x in look["findings"] if x["status"] == "alert" and _key(x) == _key(item)]
        if look["version"] != version or not same:
            break
        first = str(look["at"])
    return first


def _name(item: Told) -> str:
    return str(item["cause"]).replace("_", " ") + (f": {item['feature']}" if item["feature"] else "")


def _key(item: Told) -> tuple[str, str, str]:
    return (item["code"], item["cause"], item["feature"])


def _root(item: Told) -> str:
    """As consequences name it."""
    return f"{item['code']} {item['cause']}{' of ' + item['feature'] if item['feature'] else ''}"


def _by(item: Told) -> str:
    return str(item["evidence"].get("explained_by", ""))


def _micros(at: object) -> int:
    """µs UTC of an instant in ISO 8601; 0 for what is none."""
    try:
        return round(datetime.fromisoformat(str(at)).timestamp() * 1e6)
    except ValueError:
        return 0


def _time(at: object) -> str:
    found = _micros(at)
    return html(when(found) if found else at)


def _span(micros: int) -> str:
    hours = micros // HOUR
    return f"{micros // MINUTE} minutes" if hours < 2 else f"{hours} hours" if hours < 48 else f"{hours // 24} days"


def _table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    top = "".join(f"<th scope=col>{name}</th>" for name in head)
    lines = "".join(
        f"<tr><th scope=row>{row[0]}</th>" + "".join(f"<td>{x}</td>" for x in row[1:]) + "</tr>" for row in rows
    )
    return f"<div class=scroll><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>"


def _word(kind: str) -> str:
    """A status, or the severity of an alert, with its sign."""
    symbol = SIGNS.get(kind, "not_applicable")
    return (
        f"<span class='s {COLOURS.get(kind, symbol)}'>{sign(symbol)} {html(WORDS.get(kind, kind.capitalize()))}</span>"
    )
