"""By e-mail through an SMTP server, with TLS unless told otherwise; mails of one alert stand in one thread."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from holdfast.errors import HoldfastError
from holdfast.project.alerts.door import PATIENCE, Refused, secret
from holdfast.project.alerts.message import Message
from holdfast.project.settings import FILE

SETTING = "alerts.mail_to"
TLS = ("starttls", "tls", "none")


@dataclass(frozen=True)
class Post:
    """How mails leave. `server` is ``host`` or ``host:port``; `authority`: a file of certificates for the system's."""

    server: str
    sender: str
    to: tuple[str, ...]
    tls: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    authority: str = ""

    def __post_init__(self) -> None:
        if self.tls not in TLS:
            raise HoldfastError("alerts.mail_tls is unknown", where=FILE, mend="one of: " + ", ".join(TLS))
        if not self.server or not self.sender or not all("@" in name for name in (self.sender, *self.to)):
            what = "alerts by e-mail need alerts.mail_server, and addresses in alerts.mail_from and alerts.mail_to"
            raise HoldfastError(what, where=FILE, mend='mail_to = "oncall@example.com"')
        if self.user and self.tls == "none":
            raise HoldfastError("a password is not sent without TLS", where=FILE, mend='mail_tls = "starttls"')


class MailDoor:
    """The server's 250 says that it has arrived. What is sent again has the same Message-ID."""

    name = "mail"

    def __init__(self, how: Post) -> None:
        self._how = how

    def send(self, message: Message) -> None:
        how = self._how
        host, _, port = how.server.partition(":")
        try:
            context = ssl.create_default_context(cafile=how.authority or None)
            direct = how.tls == "tls"
            number = int(port or {"starttls": 587, "tls": 465, "none": 25}[how.tls])
            made = (
                smtplib.SMTP_SSL(host, number, timeout=PATIENCE, context=context)
                if direct
                else smtplib.SMTP(host, number, timeout=PATIENCE)
            )
            with made as server:
                if how.tls == "starttls":
                    server.starttls(context=context)  # raises where the server has none: it is never left out
                if how.user:
                    server.login(how.user, secret(how.password, "alerts.mail_password"))
                server.send_message(mail(message, how))
        except smtplib.SMTPResponseException as error:
            kind = Refused if 500 <= error.smtp_code < 600 else HoldfastError
            raise kind(f"an alert did not arrive: it answered {error.smtp_code}", where=SETTING) from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            kind = Refused if min(codes) >= 500 else HoldfastError
            raise kind(f"an alert did not arrive: it answered {codes[0]} to the recipient", where=SETTING) from None
        except (OSError, ValueError, smtplib.SMTPException) as error:
            said = getattr(error, "strerror", None) or type(error).__name__
            raise HoldfastError(f"an alert did not arrive: {said}", where=SETTING) from None


def mail(message: Message, how: Post) -> EmailMessage:
    """The mail, plain text."""
    made = EmailMessage()
    state = "resolved" if message.resolved else message.severity
    # A header is one line: what it is made of must not begin another.
    made["Subject"] = " ".join(f"[{state}] {message.project}: {message.rule}: {message.what}"[:200].split())
    made["From"] = how.sender
    made["To"] = ", ".join(how.to)
    made["Date"] = format_datetime(datetime.fromisoformat(message.at))
    made["Message-ID"] = f"<{message.key}@holdfast>"
    first = f"<{message.alert}-1@holdfast>"
    if made["Message-ID"] != first:
        made["In-Reply-To"] = made["References"] = first
    made["Auto-Submitted"] = "auto-generated"
    lines = [message.what, "", f"First step: {message.first_step}", ""]
    lines += [f"{item['severity']}: {item['code']} {item['feature']}: {item['why']}" for item in message.findings]
    facts = {"Event": message.event, "Severity": message.severity, "Version": message.version, "Opened": message.opened}
    lines += ["", *(f"{name}: {text}" for name, text in facts.items() if text), f"Alert: {message.alert}"]
    made.set_content("\n".join(lines))
    return made
