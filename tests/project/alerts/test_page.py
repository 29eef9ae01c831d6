"""docs/monitor/alerts.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from tests.project.alerts.receivers import messages

from holdfast.monitoring.alerting import Rules
from holdfast.project.alerts.ways import rules
from holdfast.project.settings import Settings, table
from holdfast.project.training_days import CODE
from holdfast.project.watch import OUTSIDE
from holdfast.project.watching import FAILED

PAGE = (Path(__file__).parents[3] / "docs" / "monitor" / "alerts.md").read_text(encoding="utf-8")


def test_each_code_of_the_watch_itself_is_on_the_page() -> None:
    listed = dict(re.findall(r"^\| `(WATCH[0-9]{3})` \| `([a-z]+)`", PAGE, re.M))
    assert listed == {code: cause for cause, code in OUTSIDE.items()} | {FAILED: "watching", CODE: "retrain"}


def test_each_setting_on_the_page_is_one_and_each_door_is_on_it() -> None:
    known = {row.name for row in table()}
    assert set(re.findall(r"`(alerts\.[a-z_]+)`", PAGE)) <= known
    for door in ("webhook", "slack", "pagerduty", "mail_to", "textfile"):
        assert f"`alerts.{door}`" in PAGE


def test_the_default_times_are_those_of_the_page() -> None:
    made = rules(Settings())
    assert (made.well_for, made.cool_down, made.reopen_within, made.together) == (
        Rules().well_for, Rules().cool_down, Rules().reopen_within, Rules().together,
    )  # fmt: skip
    assert "well for 30 minutes (`well_minutes`)" in PAGE
    assert "an hour since the last word (`cool_down_minutes`)" in PAGE


def test_each_field_of_the_webhook_is_on_the_page() -> None:
    (told,) = re.findall(r"^The webhook's JSON: (.*?)\n\n", PAGE, re.M | re.S)
    events = {"opened", "escalated", "explained", "widened", "reopened", "resolved"}
    assert set(re.findall(r"`([a-z_]+)`", told)) == set(messages()[0].as_dict()) | events  # one is both
