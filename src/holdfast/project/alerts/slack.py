"""To a channel of Slack, through an incoming webhook: blocks, and a line for notifications.

Limits of Block Kit, as docs.slack.dev has them: a header 150 characters, a section 3,000, a field 2,000, ten fields.
"""

from __future__ import annotations

from typing import Any

from holdfast.project.alerts.door import address, post
from holdfast.project.alerts.message import Message

SETTING = "alerts.slack"
SIGNS = {"critical": ":red_circle:", "high": ":large_orange_circle:", "warning": ":large_yellow_circle:"}


class SlackDoor:
    """200 says that it has arrived. Slack knows no key: what is sent again shows twice, with the same id."""

    name = "slack"

    def __init__(self, told: str) -> None:
        self._address = address(told, SETTING)

    def send(self, message: Message) -> None:
        post(self._address, payload(message), SETTING)


def payload(message: Message) -> dict[str, Any]:
    """The body that the incoming webhook gets."""
    state = "resolved" if message.resolved else message.severity
    sign = ":white_check_mark:" if message.resolved else SIGNS.get(message.severity, ":information_source:")
    title = _cut(f"{message.project}: {message.rule}, {state}", 150)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title}},
        _section(f"{sign} {_escaped(message.what)}"),
    ]
    if not message.resolved:
        blocks.append(_section(f"*First step:* {_escaped(message.first_step)}"))
    named = {
        "Severity": message.severity, "Version": message.version, "Opened": message.opened,
        "Features": ", ".join(message.features), "Watches": ", ".join(message.codes), "Event": message.event,
    }  # fmt: skip
    fields = [
        {"type": "mrkdwn", "text": _cut(f"*{name}*\n{_escaped(text)}", 2_000)} for name, text in named.items() if text
    ]
    blocks.append({"type": "section", "fields": fields})
    told = f"alert {message.alert}, {message.at}; `holdfast alerts` shows it"
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(told)}]})
    return {"text": _cut(_escaped(message.text), 3_000), "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, 3_000)}}


def _escaped(text: str) -> str:
    """Slack reads three characters as its own; a name of ours must not call anybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
