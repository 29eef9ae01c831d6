"""To an address of your own: the message as a JSON object by POST, with its key as a header."""

from __future__ import annotations

from holdfast.project.alerts.door import address, post
from holdfast.project.alerts.message import Message

SETTING = "alerts.webhook"


class WebhookDoor:
    """Any 2xx says that it has arrived. Who has seen an ``idempotency-key`` before may drop the second."""

    name = "webhook"

    def __init__(self, told: str) -> None:
        self._address = address(told, SETTING)

    def send(self, message: Message) -> None:
        post(self._address, message.as_dict(), SETTING, {"idempotency-key": message.key})
