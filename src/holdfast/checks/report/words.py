"""How a verdict is put into words, numbers and safe text: the same on a terminal and on the page."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from holdfast.checks.check import CATEGORIES

WORDS = {
    "passed": "passed",
    "failed": "failed",
    "crashed": "crashed",
    "not_applicable": "not applicable",
    "waived": "waived",
    "advice": "advice",
    "unasked": "not asked",
}
"""What each status is called. ``advice`` is an advised check that did not pass: it stops nobody."""

SIGNS = {
    "passed": "✓",
    "failed": "✗",
    "crashed": "!",
    "not_applicable": "–",
    "waived": "~",
    "advice": "i",
    "unasked": "?",
}
WORST = ("crashed", "failed", "not_applicable", "unasked", "waived", "advice", "passed")
"""Statuses, the one that matters most first."""


def shown_status(item: Mapping[str, Any]) -> str:
    """The status as it is shown: what is only advised and did not pass is advice."""
    status = str(item["status"])
    return "advice" if item["severity"] == "advised" and status not in ("passed", "waived", "crashed") else status


def counts(items: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Shown status → how many; only those there are, the worst first."""
    shown = [shown_status(item) for item in items]
    return {status: shown.count(status) for status in WORST if status in shown}


def of_category(verdict: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [item for item in verdict["checks"] if item["category"] == key]


def category_status(verdict: Mapping[str, Any], key: str) -> str:
    """The worst of its required checks; unasked where there is none."""
    required = [str(item["status"]) for item in of_category(verdict, key) if item["severity"] == "required"]
    return next((status for status in WORST if status in required), "unasked")


def stopping(verdict: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The checks because of which it may not pass."""
    return [
        item
        for item in verdict["checks"]
        if item["severity"] == "required" and item["status"] not in ("passed", "waived")
    ]


def outcome(verdict: Mapping[str, Any]) -> str:
    """``passed``, ``failed``, ``crashed`` (it is not known) or ``unasked`` (a part of the checks is no verdict)."""
    if verdict["partial"]:
        return "unasked"
    if any(item["status"] == "crashed" for item in stopping(verdict)):
        return "crashed"
    return "passed" if verdict["ok"] else "failed"


HEADLINES = {
    "passed": "Passed",
    "failed": "Not passed",
    "crashed": "Not known: a check crashed",
    "unasked": "No verdict: only a part was asked",
}


def sentence(verdict: Mapping[str, Any]) -> str:
    """The verdict in words: what came of it, and of what it is made."""
    checks, stops = verdict["checks"], stopping(verdict)
    waived = sum(item["status"] == "waived" for item in checks)
    asked = f"{len(checks)} {_plural('check', len(checks))} {'was' if len(checks) == 1 else 'were'} asked"
    if verdict["partial"]:
        stopped = f"{len(stops)} would stop it" if stops else "none of them would stop it"
        return f"{asked} ({listed(verdict['only'])}); {stopped}. A verdict needs all of them: leave --only away."
    names = {item.key: item.name for item in CATEGORIES}
    parts = []
    for status in ("crashed", "failed", "not_applicable"):
        codes = [item["code"] for item in stops if item["status"] == status]
        if codes:
            verb = {"crashed": "crashed", "failed": "failed", "not_applicable": "did not apply"}[status]
            parts.append(f"{len(codes)} required {_plural('check', len(codes))} {verb} ({listed(codes, 12)})")
    if verdict["unasked"]:
        parts.append("nothing required was asked about " + listed([names.get(key, key) for key in verdict["unasked"]]))
    if not parts:
        parts.append("every required one passed" + (" or was waived" if waived else ""))
    return f"{asked}: {'; '.join(parts)}." + (f" {waived} {'is' if waived == 1 else 'are'} waived." if waived else "")


def _plural(word: str, number: int) -> str:
    return word if number == 1 else word + "s"


def listed(items: Sequence[object], most: int = 20) -> str:
    """Items with commas; of a long list the beginning and how many more."""
    told = ", ".join(str(item) for item in items[:most])
    return told if len(items) <= most else f"{told} and {len(items) - most:,} more"


def visible(text: object) -> str:
    """Text in which nothing is hidden: characters that move the cursor, turn the direction of reading or cannot be
    seen become their escapes. Names come from anybody's data."""
    return "".join(
        char if char == "\n" or unicodedata.category(char) not in _UNSEEN else _escape(char) for char in str(text)
    )


_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) > 0xFF else f"\\x{ord(char):02x}"


def html(text: object) -> str:
    """Visible text, escaped for HTML, inside and outside of attributes."""
    return escape(visible(text), quote=True)


def named(key: str) -> str:
    """A key of the evidence as words."""
    return key.replace("_", " ")


def number(value: object, key: str = "") -> str:
    """A figure for a reader: thousands apart, shares in percent, four digits of a fraction."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if "share" in key and -1 <= value <= 1:
            return f"{value:.1%}" if abs(value) >= 0.1 or value == 0 else f"{value:.3%}"
        if value == 0 or 1e-4 <= abs(value) < 1e3:
            return f"{value:.4g}"
        return f"{value:,.0f}" if 1e3 <= abs(value) < 1e12 else f"{value:.3g}"
    return str(value)


def when(micros: int) -> str:
    """µs UTC as a day and a time."""
    return datetime.fromtimestamp(micros / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")


def whose(waiver: Mapping[str, Any]) -> str:
    """What a waiver is of, where that is more than this version."""
    return " where it does not apply, for every version of the contract," if waiver.get("standing") else ""
