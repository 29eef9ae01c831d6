"""People's ends of the doors, as real servers on loopback: HTTP, and SMTP with and without TLS."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdfast.monitoring.alerting import MINUTE, Book, Notice, Rules, advance
from holdfast.monitoring.finding import Finding, Severity
from holdfast.project.alerts.message import Message, message

START = 1_795_000_000_000_000
RULES = Rules(well_for=MINUTE)


def finding(cause: str = "units", feature: str = "amount", severity: Severity = "warning", **more: Any) -> Finding:
    why = f"{feature} is 100 times what it was"
    told = {"why": why, "mend": "ask who sends it", "evidence": {"factor": 100.0}} | more
    return Finding(f"WATCH-{cause}", "alert", cause, feature=feature, severity=severity, **told)


def story(*looks: list[Finding], version: str = "3") -> list[Notice]:
    """What is told when each minute brings these findings."""
    book, notices = Book("shop/test"), []
    for number, found in enumerate(looks):
        book, new = advance(book, {version: found}, START + number * MINUTE, RULES)
        notices += new
    return notices


def messages() -> list[Message]:
    """One of an alert opened, got more severe, and resolved."""
    ok = [Finding("WATCH-units", "ok", "units", "as ever", feature="amount")]
    told = story([finding()], [finding(severity="critical")], ok, ok)
    assert [notice.event for notice in told] == ["opened", "escalated", "resolved"]
    return [message(notice, "shop") for notice in told]


@contextmanager
def web(
    *statuses: int, location: str = "", port: int = 0, heads: list[dict[str, str]] | None = None
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver that answers with these statuses, the last one for ever, and what it was sent."""
    got: list[dict[str, Any]] = []

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            if heads is not None:
                heads.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(statuses[min(len(got), len(statuses)) - 1])
            if location:
                self.send_header("location", location)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Keep)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mails:
    """`got` are the mails that came: (sender, recipients, text, whether it was encrypted)."""

    port: int = 0
    authority: str = ""
    got: list[tuple[str, list[str], str, bool]] = field(default_factory=list)
    users: list[str] = field(default_factory=list)


@contextmanager
def post_office(folder: Path, *, tls: str = "starttls", refuses: int = 0) -> Iterator[Mails]:
    """An SMTP server (RFC 5321, 3207, 4954 as far as a client needs). `refuses`: the code that each recipient gets."""
    made = Mails(authority=str(folder / "authority.pem"))
    context = _certified(folder)

    class Serve(socketserver.StreamRequestHandler):
        encrypted = False

        def setup(self) -> None:
            if tls == "tls":
                self.request = context.wrap_socket(self.request, server_side=True)
                self.encrypted = True
            super().setup()

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            sender, to = "", list[str]()
            self._say("220 post.example ESMTP")
            while line := self.rfile.readline().decode().strip():
                word = line.split(" ")[0].upper()
                if word in ("EHLO", "HELO"):
                    more = ["AUTH PLAIN"] if self.encrypted else ["STARTTLS"] if tls == "starttls" else []
                    told = ["post.example", *more]
                    for item in told[:-1]:
                        self._say(f"250-{item}")
                    self._say(f"250 {told[-1]}")
                elif word == "STARTTLS" and tls == "starttls":
                    self._say("220 go ahead")
                    self.request = context.wrap_socket(self.request, server_side=True)
                    self.encrypted = True
                    super().setup()
                elif word == "AUTH":
                    made.users.append(line)
                    self._say("235 welcome")
                elif word == "MAIL":
                    sender = line
                    self._say("250 ok")
                elif word == "RCPT":
                    to.append(line)
                    self._say(f"{refuses} no" if refuses else "250 ok")
                elif word == "DATA":
                    self._say("354 go on")
                    text = ""
                    while (part := self.rfile.readline().decode()) not in (".\r\n", ""):
                        text += part
                    made.got.append((sender, to, text, self.encrypted))
                    self._say("250 kept")
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok" if word in ("RSET", "NOOP") else "502 unknown")

        def finish(self) -> None:
            super().finish()
            self.request.close()

    class Office(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that trusts nobody hangs up."""

    server = Office(("127.0.0.1", 0), Serve)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _certified(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1 that only `authority.pem` vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "post.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "authority.pem").write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context
