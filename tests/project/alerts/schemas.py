"""What receivers document of the bodies they take, as JSON Schema; each with its source."""

from __future__ import annotations

from typing import Any

PAGERDUTY: dict[str, Any] = {
    # github.com/PagerDuty/api-schema, reference/events-v2/openapiv3.json (operation createV2Event, schema Payload);
    # lengths from developer.pagerduty.com/docs/events-api-v2/trigger-events: summary 1,024, dedup_key 255 characters.
    # That page wants `payload` of a trigger and `dedup_key` of the others; an integration key has 32 characters.
    "type": "object",
    "additionalProperties": False,
    "required": ["routing_key", "event_action"],
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": {"type": "string"},
        "client_url": {"type": "string", "format": "uri"},
        "links": {"type": "array"},
        "images": {"type": "array"},
        "payload": {
            "type": "object",
            "additionalProperties": False,
            "required": ["summary", "severity", "source"],
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "timestamp": {"type": "string", "format": "date-time"},
                "severity": {"enum": ["critical", "warning", "error", "info"]},
                "source": {"type": "string", "minLength": 1},
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
    },
    "allOf": [
        {
            "if": {"properties": {"event_action": {"const": "trigger"}}},
            "then": {"required": ["payload"]},
            "else": {"required": ["dedup_key"]},
        }
    ],
}

_PLAIN = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "text"],
    "properties": {
        "type": {"const": "plain_text"},
        "text": {"type": "string", "minLength": 1, "maxLength": 150},
        "emoji": {"type": "boolean"},
    },
}


def _text(most: int) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["type", "text"],
        "properties": {
            "type": {"enum": ["mrkdwn", "plain_text"]},
            "text": {"type": "string", "minLength": 1, "maxLength": most},
            "verbatim": {"type": "boolean"},
        },
    }


def _block(kind: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["type"],
        "properties": {"type": {"const": kind}, "block_id": {"type": "string", "maxLength": 255}, **properties},
    }


SLACK: dict[str, Any] = {
    # docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (text beside blocks, for notifications),
    # docs.slack.dev/reference/block-kit/blocks: 50 blocks a message; header-block: plain text of 150 characters;
    # section-block: text of 3,000, or up to 10 fields of 2,000; context-block: up to 10 elements.
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {
        "text": {"type": "string", "minLength": 1, "maxLength": 40_000},
        "blocks": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {
                "oneOf": [
                    {**_block("header", text=_PLAIN), "required": ["type", "text"]},
                    {
                        **_block(
                            "section",
                            text=_text(3_000),
                            fields={"type": "array", "minItems": 1, "maxItems": 10, "items": _text(2_000)},
                        ),
                        "anyOf": [{"required": ["text"]}, {"required": ["fields"]}],
                    },
                    {
                        **_block("context", elements={"type": "array", "maxItems": 10, "items": _text(3_000)}),
                        "required": ["type", "elements"],
                    },
                    _block("divider"),
                ]
            },
        },
    },
}
