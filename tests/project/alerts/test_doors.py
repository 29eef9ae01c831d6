"""Each door delivers to a real receiver, in the form that the receiver documents, and says what did not arrive."""

from __future__ import annotations

import email
import logging
from dataclasses import replace
from email.policy import default
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.project.alerts.receivers import finding, messages, post_office, story, web
from tests.project.alerts.schemas import PAGERDUTY, SLACK
from tests.serving.shop import first

from holdfast.errors import HoldfastError
from holdfast.monitoring.alerting import Alert
from holdfast.project.alerts import pagerduty, slack
from holdfast.project.alerts.door import LogDoor, Refused, secret
from holdfast.project.alerts.mail import MailDoor, Post
from holdfast.project.alerts.message import Message, message
from holdfast.project.alerts.prometheus import PrometheusDoor, page
from holdfast.project.alerts.ways import doors
from holdfast.project.alerts.webhook import WebhookDoor
from holdfast.project.alerts.words import cleaned, ours
from holdfast.project.settings import Settings

KEY = "0123456789abcdef0123456789abcdef"
OPENED, ESCALATED, RESOLVED = messages()


def faults(schema: dict[str, Any], body: Any) -> list[str]:
    return [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(body)]


def large() -> Message:
    """A message at every limit."""
    many = [finding(feature=f"feature_{number}" * 9, why="<!channel> & so on " * 400) for number in range(300)]
    return message(story(many)[0], "s" * 500)


# -- webhook -------------------------------------------------------------------------------------------------------


def test_a_message_arrives_as_it_is_with_its_key() -> None:
    heads: list[dict[str, str]] = []
    with web(204, heads=heads) as (address, got):
        for item in (OPENED, ESCALATED, RESOLVED):
            WebhookDoor(address).send(item)
    assert [Message.of(item) for item in got] == [OPENED, ESCALATED, RESOLVED]
    assert [head["idempotency-key"] for head in heads] == [f"{OPENED.alert}-{number}" for number in (1, 2, 3)]
    assert got[0]["text"] == "warning: shop: amount is 100 times what it was. First step: ask who sends it"
    assert got[2]["text"] == "resolved: shop: amount is 100 times what it was"
    assert {name: got[0][name] for name in ("rule", "event", "severity", "version", "features", "codes")} == {
        "rule": "units", "event": "opened", "severity": "warning", "version": "3", "features": ["amount"],
        "codes": ["WATCH-units"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind"), [(500, HoldfastError), (429, HoldfastError), (404, Refused), (302, Refused)]
)
def test_what_did_not_arrive_is_said_without_the_address(status: int, kind: type[Exception]) -> None:
    with web(status, location="http://127.0.0.1:1/") as (address, got):
        with pytest.raises(HoldfastError, match=f"it answered {status}") as found:
            WebhookDoor(f"{address}secret").send(OPENED)
        assert type(found.value) is kind
        assert "secret" not in f"{found.value!r} {found.value.where} {found.value.mend}"
    assert len(got) == 1
    with pytest.raises(HoldfastError, match="did not arrive") as away:
        WebhookDoor(f"{address}secret").send(OPENED)
    assert "secret" not in repr(away.value)


def test_an_alert_is_not_led_elsewhere() -> None:
    with web(204) as (elsewhere, there), web(307, location=elsewhere) as (address, here):
        with pytest.raises(Refused):
            WebhookDoor(address).send(OPENED)
        assert (len(here), there) == (1, [])


# -- Slack and PagerDuty -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "item", [OPENED, ESCALATED, RESOLVED, large()], ids=["opened", "escalated", "resolved", "large"]
)
def test_payloads_are_what_the_receivers_document(item: Message) -> None:
    with web(200) as (address, got):
        slack.SlackDoor(address).send(item)
        pagerduty.PagerDutyDoor(KEY, address).send(item)
    assert faults(SLACK, got[0]) == []
    assert faults(PAGERDUTY, got[1]) == []


def test_a_payload_that_is_not_so_is_found() -> None:
    """The schemas refuse what the receivers would."""
    fine = pagerduty.payload(OPENED, KEY)
    assert faults(PAGERDUTY, fine) == []
    for wrong in (
        {**fine, "routing_key": "short"},
        {**fine, "event_action": "open"},
        {**fine, "payload": {**fine["payload"], "severity": "high"}},
        {name: value for name, value in fine.items() if name != "payload"},
        {"routing_key": KEY, "event_action": "resolve"},
    ):
        assert faults(PAGERDUTY, wrong)
    block = slack.payload(OPENED)
    for wrong in (
        {"blocks": block["blocks"]},
        {**block, "blocks": block["blocks"] * 11},
        {**block, "blocks": [{"type": "section"}]},
        {**block, "blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]},
        {**block, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}]},
    ):
        assert faults(SLACK, wrong)


def test_pagerduty_has_one_alert_from_trigger_to_resolve() -> None:
    found = [pagerduty.payload(item, KEY) for item in (OPENED, ESCALATED, RESOLVED)]
    assert [item["event_action"] for item in found] == ["trigger", "trigger", "resolve"]
    assert len({item["dedup_key"] for item in found}) == 1
    assert [item["payload"]["severity"] for item in found[:2]] == ["warning", "critical"]


def test_nothing_in_slack_calls_anybody() -> None:
    told = str(slack.payload(message(story([finding(why="<!channel> & so on")])[0], "shop")))
    assert "<!channel>" not in told
    assert "&lt;!channel&gt; &amp; so on" in told


# -- e-mail --------------------------------------------------------------------------------------------------------


def how(office: Any, **more: Any) -> Post:
    usual = {"sender": "watch@example.com", "to": ("ada@example.com", "grace@example.com")}
    return Post(**{"server": f"127.0.0.1:{office.port}", "authority": office.authority, **usual, **more})


@pytest.mark.parametrize("tls", ["starttls", "tls", "none"])
def test_mails_arrive_encrypted_as_was_set_and_stand_in_one_thread(tmp_path: Path, tls: str) -> None:
    with post_office(tmp_path, tls=tls) as office:
        for item in (OPENED, RESOLVED):
            MailDoor(how(office, tls=tls)).send(item)
    assert [encrypted for *_, encrypted in office.got] == [tls != "none"] * 2
    first, last = (email.message_from_string(text, policy=default) for _, _, text, _ in office.got)
    assert first["Subject"] == "[warning] shop: units: amount is 100 times what it was"
    assert last["Subject"].startswith("[resolved]")
    assert (first["Message-ID"], last["In-Reply-To"]) == (f"<{OPENED.key}@holdfast>",) * 2
    assert len(office.got[0][1]) == 2
    assert "First step: ask who sends it" in first.get_content()


def test_a_password_is_sent_encrypted_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    more = {"user": "watch", "password": f"@{tmp_path / 'password'}"}
    with post_office(tmp_path) as office:
        MailDoor(how(office, **more)).send(OPENED)
        assert (len(office.users), office.got[0][3]) == (1, True)
        assert "hunter2" not in repr(how(office, user="watch", password="hunter2"))
        with pytest.raises(HoldfastError, match="not sent without TLS"):
            how(office, tls="none", **more)


def test_no_mail_goes_to_a_server_that_nobody_vouches_for_or_that_has_no_tls(tmp_path: Path) -> None:
    with post_office(tmp_path) as office:
        with pytest.raises(HoldfastError, match="did not arrive"):
            MailDoor(how(office, authority="")).send(OPENED)
        assert office.got == []
    with post_office(tmp_path, tls="none") as plain:
        with pytest.raises(HoldfastError, match="did not arrive"):
            MailDoor(how(plain, tls="starttls")).send(OPENED)
        assert plain.got == []


@pytest.mark.parametrize(("code", "kind"), [(550, Refused), (451, HoldfastError)])
def test_a_recipient_that_is_refused_is_said(tmp_path: Path, code: int, kind: type[Exception]) -> None:
    with post_office(tmp_path, refuses=code) as office, pytest.raises(HoldfastError, match=str(code)) as found:
        MailDoor(how(office)).send(OPENED)
    assert type(found.value) is kind


def test_a_subject_is_one_line(tmp_path: Path) -> None:
    with post_office(tmp_path) as office:
        MailDoor(how(office)).send(replace(OPENED, what="one\r\nBcc: mallory@example.com\r\n\r\ntwo"))
    read = email.message_from_string(office.got[0][2], policy=default)
    assert "Bcc" not in read
    assert len(office.got[0][1]) == 2


# -- Prometheus and the log ----------------------------------------------------------------------------------------


def test_prometheus_reads_a_gauge_for_each_open_alert(tmp_path: Path) -> None:
    open_now: list[Alert] = [notice.alert for notice in story([finding(), finding("nulls", 'a"b\\c\n')])]
    door = PrometheusDoor(tmp_path / "holdfast.prom", 'sh"op', lambda: open_now)
    door.send(OPENED)
    read = {family.name: family for family in text_string_to_metric_families((tmp_path / "holdfast.prom").read_text())}
    assert {sample.labels["cause"] for sample in read["holdfast_alert"].samples} == {"units", "nulls"}
    assert {sample.labels["project"] for sample in read["holdfast_alert"].samples} == {'sh"op'}
    open_now.clear()
    door.send(RESOLVED)
    assert "holdfast_alert{" not in (tmp_path / "holdfast.prom").read_text()
    assert list(tmp_path.iterdir()) == [tmp_path / "holdfast.prom"]
    assert page("shop", [], 1.0).endswith('{project="shop"} 1.000\n')
    with pytest.raises(HoldfastError, match="was not written"):
        PrometheusDoor(tmp_path / "nowhere" / "x.prom", "shop", list).send(OPENED)


def test_the_log_has_the_alert_and_its_first_step(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "holdfast.alerts"):
        for item in (OPENED, ESCALATED, RESOLVED):
            LogDoor().send(item)
    told = "amount is 100 times what it was; first step: ask who sends it"
    assert caplog.messages == [told, told, f"resolved: {told}"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "CRITICAL", "INFO"]


# -- settings and secrets ------------------------------------------------------------------------------------------

ALL: dict[str, Any] = {
    "alerts_webhook": "https://a.example/s3cret", "alerts_slack": "https://hooks.example/s3cret",
    "alerts_pagerduty": "s3cret-s3cret", "alerts_mail_to": "ada@example.com", "alerts_mail_from": "w@example.com",
    "alerts_mail_server": "post.example", "alerts_mail_user": "w", "alerts_mail_password": "s3cret",
    "alerts_textfile": "alerts.prom",
}  # fmt: skip


def names(**settings: Any) -> list[str]:
    return [door.name for door in doors(Settings(**settings), Path(), "shop", list)]


def test_settings_name_the_doors() -> None:
    assert names() == ["log"]
    assert names(**ALL) == ["log", "webhook", "slack", "pagerduty", "mail", "prometheus"]
    for wrong in ("file:///etc/passwd", "hooks.example", "http://"):
        with pytest.raises(HoldfastError, match="is no address") as found:
            names(alerts_webhook=wrong)
        assert wrong not in f"{found.value!r}{found.value.mend}"
    with pytest.raises(HoldfastError, match="mail_tls is unknown"):
        names(**{**ALL, "alerts_mail_tls": "perhaps"})


def test_no_secret_is_in_what_settings_or_doors_show() -> None:
    assert "s3cret" not in repr(Settings(**ALL))
    assert "s3cret" not in str([vars(door).get("_how", "") for door in doors(Settings(**ALL), Path(), "shop", list)])


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("https://hooks.example/s3cret\n")
    assert secret(f"@{tmp_path / 'hook'}", "alerts.slack") == "https://hooks.example/s3cret"
    with pytest.raises(HoldfastError, match="slack cannot be read"):
        secret(f"@{tmp_path / 'none'}", "alerts.slack")


# -- what leaves ---------------------------------------------------------------------------------------------------


def test_no_word_of_a_client_leaves() -> None:
    said = finding(
        "vocabulary", "merchant_category", why="12 % are 'jane.doe@example.com', at most 'crypto'",
        evidence={"share": 0.12, "words": {"jane.doe@example.com": 3, "crypto": 2, "travel": 1}, "named": ["crypto"],
                  "field": "merchant_category"},
    )  # fmt: skip
    group = finding("vocabulary", "merchant_category = jane.doe@example.com", why="jane.doe@example.com fares worse")
    field = finding("vocabulary", "e_mail", why="refused: unknown_field (e_mail)", evidence={"fields": {"e_mail": 2}})
    vouched = frozenset({"merchant_category", "travel"})
    (notice,) = story([cleaned(item, vouched) for item in (said, group, field)])
    made = message(notice, "shop")
    for told in (made.as_dict(), slack.payload(made), pagerduty.payload(made, KEY), notice.alert.as_dict()):
        assert "jane" not in str(told)
        assert "crypto" not in str(told)
        assert "e_mail" not in str(told)
    lead = next(item for item in made.findings if item["feature"] == "merchant_category")
    assert lead["evidence"]["share"] == 0.12
    assert lead["evidence"]["words"]["travel"] == 1
    assert lead["evidence"]["field"] == "merchant_category"
    assert lead["why"] == "12 % are '…', at most '…'"
    assert "jane" in str(message(story([said])[0], "shop").as_dict())  # the control: without the rule it would


def test_a_short_word_of_a_client_leaves_the_sentence_whole() -> None:
    said = finding(why="covers most of the rows; new: o", evidence={"new": ["o"]})
    assert cleaned(said, frozenset({"amount"})).why == "covers most of the rows; new: …"


def test_what_the_contract_says_is_ours() -> None:
    words = ours([first()])
    assert {"amount", "merchant_category", "grocery", "unknown_value", "units"} <= words
    assert "crypto" not in words


def test_figures_and_the_server_s_own_codes_pass() -> None:
    said = finding(why="refused: time_window", evidence={"code": "time_window", "roc_auc": {"value": 0.7, "low": 0.6}})
    made = cleaned(said, ours([first()]))
    assert (made.why, made.evidence) == (said.why, said.evidence)
