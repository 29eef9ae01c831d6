"""The doors that a project's settings name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from holdfast.monitoring.alerting import MINUTE, Alert, Rules
from holdfast.monitoring.causes import SYMPTOMS
from holdfast.project.alerts.door import Door, LogDoor
from holdfast.project.alerts.mail import MailDoor, Post
from holdfast.project.alerts.pagerduty import PagerDutyDoor
from holdfast.project.alerts.prometheus import PrometheusDoor
from holdfast.project.alerts.slack import SlackDoor
from holdfast.project.alerts.webhook import WebhookDoor
from holdfast.project.settings import Settings


def doors(settings: Settings, folder: Path, name: str, opened: Callable[[], Iterable[Alert]]) -> tuple[Door, ...]:
    """The log, and what is set. `opened` tells the open alerts. Raises HoldfastError for what cannot be used."""
    found: list[Door] = [LogDoor()]
    if settings.alerts_webhook:
        found.append(WebhookDoor(settings.alerts_webhook))
    if settings.alerts_slack:
        found.append(SlackDoor(settings.alerts_slack))
    if settings.alerts_pagerduty:
        found.append(PagerDutyDoor(settings.alerts_pagerduty, settings.alerts_pagerduty_address))
    if settings.alerts_mail_to:
        to = tuple(item.strip() for item in settings.alerts_mail_to.split(","))
        how = Post(
            settings.alerts_mail_server, settings.alerts_mail_from, to, settings.alerts_mail_tls,
            settings.alerts_mail_user, settings.alerts_mail_password, settings.alerts_mail_authority,
        )  # fmt: skip
        found.append(MailDoor(how))
    if settings.alerts_textfile:
        found.append(PrometheusDoor(settings.where(folder, settings.alerts_textfile), name, opened))
    return tuple(found)


def rules(settings: Settings) -> Rules:
    """How long an alert lasts, as the settings say."""
    return Rules(
        well_for=settings.alerts_well_minutes * MINUTE,
        cool_down=settings.alerts_cool_down_minutes * MINUTE,
        reopen_within=settings.alerts_reopen_hours * 60 * MINUTE,
        together=settings.alerts_together_hours * 60 * MINUTE,
        symptoms=SYMPTOMS,
    )
