"""The verdict as one HTML page that needs nothing beside itself: no script, no network, no font.

Every word that came from elsewhere passes `html`; should one get through, the page's own policy runs and loads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from holdfast.checks.check import CATEGORIES, Category
from holdfast.checks.limits import Limits
from holdfast.checks.report.compare import moved, turned
from holdfast.checks.report.evidence import tables
from holdfast.checks.report.known import pictures_of
from holdfast.checks.report.plain import plain
from holdfast.checks.report.style import POLICY, STYLE, SYMBOLS, sign
from holdfast.checks.report.words import (
    HEADLINES,
    WORDS,
    category_status,
    counts,
    html,
    number,
    of_category,
    outcome,
    sentence,
    shown_status,
    stopping,
    when,
    whose,
)
from holdfast.settings import settings_of

Told = Mapping[str, Any]
LONGEST_STOP = 280


def page(verdict: Told, *, digest: str = "", before: Told | None = None) -> str:
    """The page of a verdict's document; `before` is the verdict it is compared with."""
    title = f"{verdict['model']['name']}, version {verdict['version']}: {HEADLINES[outcome(verdict)]}"
    parts = chain(
        _head(verdict, digest), _glance(verdict), _stops(verdict), _differences(verdict, before),
        *(_category(item, verdict) for item in CATEGORIES), _again(verdict, digest),
    )  # fmt: skip
    return (
        f'<!doctype html><html lang=en><head><meta charset=utf-8><meta http-equiv="Content-Security-Policy" '
        f'content="{html(POLICY)}"><meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{html(title)}</title><style>{STYLE}</style></head><body>{SYMBOLS}<main>{''.join(parts)}</main></body></html>\n"
    )


def _head(verdict: Told, digest: str) -> list[str]:
    model, trained, status = verdict["model"], verdict["trained"], outcome(verdict)
    facts = [
        ("Examined", _time(verdict["at"])),
        ("Trained", f"{_time(trained['when'])} by {_name(trained['who'] or 'somebody not named')}"),
        ("Model", f"{_name(model['family'])}, <span class=hash>{html(model['model_hash'][:16])}</span>"),
        (
            "Data",
            f"{html(number(trained['data'].get('rows')))} rows, {_hash(str(trained['data'].get('content', ''))[:16])}",
        ),
        ("Bundle", _hash(verdict["bundle"])),
    ]
    if digest:
        facts.append(("This verdict, sha256", _hash(digest)))
    return [
        "<header><p class=over>Examined before deployment</p>",
        f"<h1>{_name(model['name'])}, version {html(verdict['version'])}</h1>",
        f"<p class='verdict {status}'>{sign(status)} {HEADLINES[status]}</p>",
        f"<p class=lead>{html(sentence(verdict))}</p>",
        "<dl class=facts>",
        *(f"<div><dt>{html(name)}</dt><dd>{value}</dd></div>" for name, value in facts),
        "</dl></header>",
    ]


def _glance(verdict: Told) -> list[str]:
    cards = []
    for item in CATEGORIES:
        status = category_status(verdict, item.key)
        told = counts(of_category(verdict, item.key))
        small = "<br>".join(f"{count} {WORDS[name]}" for name, count in told.items()) or "nothing was asked"
        name = html(_capital(item.name))
        cards.append(f"<li><a href='#{item.key}'><b>{name}</b>{_word(status)}<small>{small}</small></a></li>")
    return ["<h2>At a glance</h2><ul class=glance>", *cards, "</ul>"]


def _stops(verdict: Told) -> list[str]:
    stops = stopping(verdict)
    if not stops:
        return []
    lines = [
        f"<li>{_status(item)} <a href='#{html(item['code'])}'>{html(item['code'])} {html(item['title'])}</a>: "
        f"<bdi>{html(_short(item['why']))}</bdi>{_mend(item)}</li>"
        for item in stops
    ]
    return ["<h2>What stops it</h2><ul class=stops>", *lines, "</ul>"]


def _differences(verdict: Told, before: Told | None) -> list[str]:
    head = "<h2>Since the last verdict</h2>"
    if before is None:
        return [head, "<p>This is the first verdict kept here; there is none to compare with.</p>"]
    changes, figures = turned(verdict, before), moved(verdict, before)
    same = before["bundle"] == verdict["bundle"]
    what = "the last verdict of this version" if same else f"version {before['version']}"
    bundle = _hash(before["bundle"][:16])
    parts = [head, f"<p>Compared with {html(what)}, examined {_time(before['at'])}, bundle {bundle}.</p>"]
    if changes:
        rows = [(_link(item.code), html(item.title), _word(item.before), _word(item.now)) for item in changes]
        parts += ["<h4>Checks that turned</h4>", _table(rows, ("check", "asks", "before", "now"))]
    else:
        parts.append("<p>No check turned.</p>")
    if figures:
        lines = [
            (
                f"{_link(item.code)} <bdi>{html(item.figure.replace('_', ' '))}</bdi>"
                + ("<br><small>beyond the interval it had</small>" if item.beyond else ""),
                html(number(item.before)),
                html(number(item.now)),
            )
            for item in figures
        ]
        shown = _table(lines, ("figure", "before", "now"), numbers=(1, 2))
        parts.append(f"<details><summary>{len(figures)} figures that moved most</summary>{shown}</details>")
    return parts


def _category(category: Category, verdict: Told) -> list[str]:
    items, status = of_category(verdict, category.key), category_status(verdict, category.key)
    head = f"<section id='{category.key}'><h2>{html(_capital(category.name))} <small>{_word(status)}</small></h2>"
    if not items:
        return [head, "<p>Nothing was asked in this category.</p></section>"]
    return [head, *(_check(item, verdict) for item in items), "</section>"]


def _check(item: Told, verdict: Told) -> str:
    drawn, telling = pictures_of(item, verdict)
    plots = f"<div class=plots>{''.join(drawn)}</div>" if drawn else ""
    # A picture says why a check failed, or what a figure means; the others can be looked up.
    outside, inside = (plots, "") if telling or item["status"] == "failed" else ("", plots)
    seconds = f"{item['seconds']:.1f} s" if item["seconds"] >= 0.05 else "at once"
    advised = ", advised" if item["severity"] == "advised" else ""
    folded = f"<details><summary>Evidence</summary>{inside}{tables(item['evidence'])}</details>"
    question = item.get("question", "")
    asked = f"<p class=question>{html(question)}</p>" if question and question != item["title"] else ""
    return (
        f"<article class=check id='{html(item['code'])}'><div>{_status(item)}</div><div><div class=told>"
        f"<h3>{html(item['title'])} <small>{html(item['code'])}{advised}, {seconds}</small></h3>"
        f"{asked}<p><bdi>{html(item['why'])}</bdi></p>{_mend(item)}{_waiver(item)}</div>"
        f"{outside}{folded if item['evidence'] else ''}</div></article>"
    )


def _mend(item: Told) -> str:
    if not item["mend"] or item["status"] == "passed":
        return ""
    return f"<p class=mend><b>To mend it:</b> <bdi>{html(item['mend'])}</bdi></p>"


def _waiver(item: Told) -> str:
    waiver = item["waiver"]
    if waiver is None:
        return ""
    return (
        f"<p class=waiver><b class=waived>Waived</b>{html(whose(waiver))} by {_name(waiver['who'])} "
        f"until {html(when(waiver['until']))}: "
        f"<bdi>{html(waiver['why'])}</bdi></p>"
    )


def _again(verdict: Told, digest: str) -> list[str]:
    trained, made, limits = verdict["trained"], verdict["made_with"], verdict["limits"]
    code = trained["code"]
    commit = (
        f"{code['commit'][:12]}{', with changes not committed' if code.get('changed') else ''}"
        if code
        else "not recorded"
    )
    rows = [
        ("Ask again", f"<code>{html(made['command'])}</code>"),
        ("Train again", f"<code>holdfast reproduce {html(verdict['version'])}</code>"),
        ("Data", _hash(str(trained["data"].get("content", "not recorded")))),
        ("Contract", _hash(verdict["model"]["contract"])),
        ("Model", _hash(verdict["model"]["model_hash"])),
        ("Code", html(commit)),
        ("Seed", html(number(trained["seed"]))),
        ("Trained with", _with(trained)),
        ("Examined with", _with(made)),
    ]
    if digest:
        rows.append(("This file", f"<code>sha256sum {html(digest)}.json</code> answers its own name"))
    told = {item.name: (plain(item.default), item.help) for item in settings_of(Limits)}
    own = {name: value for name, value in limits.items() if name in told and value != told[name][0]}
    foot = (
        "Only what passed, or was waived by name, counts as a pass; what crashed, did not apply or was not asked does "
        f"not. Each code has a page in docs/gate. Made by Holdfast {html(made['holdfast'])}."
    )
    return [
        f"<h2>How to make it again</h2>{_table([(html(name), value) for name, value in rows])}",
        *_limits(own, told),
        f"<details><summary>All {len(limits)} limits</summary>",
        _table([(_limit(name, told), html(number(value))) for name, value in limits.items()]),
        "</details>",
        f"<footer>{foot}</footer>",
    ]


def _limits(own: Told, told: Mapping[str, tuple[Any, str]]) -> list[str]:
    """Those that the project set itself: whoever reads the verdict should know where it was made easier or harder."""
    head = "<h2>Limits</h2>"
    if not own:
        return [head, "<p>Every limit is at its default.</p>"]
    rows = [(_limit(name, told), html(number(value)), html(number(told[name][0]))) for name, value in own.items()]
    return [
        head,
        "<p>This project judges otherwise than the defaults in:</p>",
        _table(rows, ("limit", "here", "default")),
    ]


def _limit(name: str, told: Mapping[str, tuple[Any, str]]) -> str:
    words = told[name][1] if name in told else ""
    return f"{html(name)}<br><small>{html(words)}</small>"


def _with(what: Told) -> str:
    libraries = ", ".join(f"{html(name)} {html(version)}" for name, version in what["libraries"].items())
    return f"Holdfast {html(what['holdfast'])}, Python {html(what['python'])} on {html(what['platform'])}; {libraries}"


def _table(rows: Sequence[Sequence[str]], head: Sequence[str] = (), numbers: Sequence[int] = ()) -> str:
    """Cells are HTML; those at `numbers` stand to the right."""
    top = "<thead><tr>" + "".join(f"<th scope=col>{name}</th>" for name in head) + "</tr></thead>" if head else ""
    lines = "".join(
        f"<tr><th scope=row>{row[0]}</th>"
        + "".join(f"<td{' class=n' if at in numbers else ''}>{cell}</td>" for at, cell in enumerate(row) if at)
        + "</tr>"
        for row in rows
    )
    return f"<div class=scroll><table>{top}<tbody>{lines}</tbody></table></div>"


def _link(code: str) -> str:
    return f"<a href='#{html(code)}'>{html(code)}</a>"


def _status(item: Told) -> str:
    return _word(shown_status(item))


def _word(status: str | None) -> str:
    if status is None:
        return "not asked"
    known = html(status)
    return f"<span class='s {known}'>{sign(status)} {html(_capital(WORDS.get(status, status)))}</span>"


def _short(text: str) -> str:
    """The whole of it stands at its check."""
    return text if len(text) <= LONGEST_STOP else text[:LONGEST_STOP].rpartition(" ")[0] + " …"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _name(text: object) -> str:
    """A name from the data, kept apart from the direction of what is around it."""
    return f"<bdi>{html(text)}</bdi>"


def _hash(text: object) -> str:
    return f"<span class=hash>{html(text)}</span>"


def _time(iso: object) -> str:
    return html(str(iso).replace("T", " ").replace("+00:00", " UTC"))
