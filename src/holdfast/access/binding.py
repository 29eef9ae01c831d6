"""Where a server may listen, and to which names it answers.

On loopback a fresh project needs no keys. Anywhere else it starts only when callers are known and what they say is
encrypted. The names it answers to keep a web page from reaching a server on loopback under a name of its own (DNS
rebinding): a page can make its name point here, but its browser still sends that name.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import HoldfastError, Problem

KNOWN_NAMES = 256
"""Spellings of accepted names that are remembered."""


def is_loopback(address: str) -> bool:
    """Whether an IP address, as a bound socket tells it, can be reached from this machine only."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def require_protection(address: str, *, callers: bool, encrypted: bool) -> None:
    """Raises HoldfastError with everything that is missing before this address may be listened on."""
    if is_loopback(address):
        return
    problems = []
    if not callers:
        problems.append(
            Problem(
                "access", "missing", "anyone could ask", "holdfast key create NAME --role scorer, or access.oidc_issuer"
            )
        )
    if not encrypted:
        mend = "serving.tls_certificate and serving.tls_key; serving.tls_in_front = true where a proxy ends TLS"
        problems.append(Problem("serving.tls_certificate", "missing", "keys and data would travel in the open", mend))
    if problems:
        raise HoldfastError(
            f"{address} can be reached from other machines, and the server is not protected",
            where="serving.host",
            mend="or listen on 127.0.0.1",
            problems=problems,
        )


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate (with its chain) and its key, as files in PEM."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer. Raises HoldfastError when the files are not there or do not belong together."""

        def no_password() -> str:
            raise ValueError("the key has a password")  # instead of asking at a terminal that nobody looks at

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, password=no_password)
        except (OSError, ValueError) as error:
            what = f"TLS cannot begin with this certificate and key: {error}"
            mend = "both in PEM, the key without a password, and belonging together"
            raise HoldfastError(what, where=f"{self.certificate}, {self.key}", mend=mend) from None
        return context


class Hosts:
    """The names that a request's Host header may have; ports do not matter."""

    def __init__(self, names: Iterable[str], *, any_address: bool = False, any_name: bool = False) -> None:
        self.names = frozenset(name.lower().rstrip(".") for name in names)
        self._any_address = any_address
        self._any_name = any_name
        self._known: set[bytes] = set()

    def accept(self, header: bytes) -> bool:
        """Whether this Host header names us. One set look-up for a spelling seen before."""
        if header in self._known:
            return True
        name = host_name(header)
        if name is None or not (self._any_name or name in self.names or (self._any_address and _is_address(name))):
            return False
        if len(self._known) < KNOWN_NAMES:
            self._known.add(header)
        return True


def host_name(header: bytes) -> str | None:
    """The name in a Host header, in lower case, without port and brackets; None when it is malformed."""
    try:
        text = header.decode("ascii").strip().lower()
    except UnicodeDecodeError:
        return None
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        port = port if bracket else "-"
    else:
        name, colon, digits = text.partition(":")
        port = f":{digits}" if colon else ""
    wellformed = name and len(name) <= 255 and all(mark.isalnum() or mark in "-._:" for mark in name)
    if not wellformed or (port and not (port[0] == ":" and (port[1:].isdigit() or port == ":"))):
        return None
    return name.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def trusted(address: str, more: Iterable[str] = ()) -> Hosts:
    """The names for a server that listens on this address.

    On loopback: its own names. Elsewhere also any plain address (a page that rebinds a name cannot send one, and
    probes of load balancers do) and this machine's names. `more` is added to these; ``*`` accepts everything.
    """
    named = {name.strip() for name in more if name.strip()}
    own = {"localhost", "127.0.0.1", "::1", address}
    if not is_loopback(address):
        own |= {socket.gethostname(), socket.getfqdn()}
    return Hosts(own | named - {"*"}, any_address=not is_loopback(address), any_name="*" in named)
