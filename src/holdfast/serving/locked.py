"""A server's locks, put on when it is known where it listens: the rule of the address, its names, TLS, the lookout."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from holdfast.access.binding import Tls, require_protection, trusted
from holdfast.access.recognise import Locks, Lookout
from holdfast.serving.discreet import keep_discreet
from holdfast.serving.guard import Guard


@contextmanager
def locked(guard: Guard, bound: socket.socket, locks: Locks) -> Iterator[ssl.SSLContext | None]:
    """Locks the guard for this socket while the block lasts; gives the TLS context, if there is TLS.

    Raises HoldfastError when others can reach the address and the server is not protected.
    """
    address = str(bound.getsockname()[0])
    callers = guard.access.callers or locks.callers_in_front
    require_protection(address, callers=callers, encrypted=locks.encrypted)
    guard.hosts = trusted(address, locks.hosts)
    keep_discreet()
    context = None if locks.tls is None else locks.tls.context()
    things = [guard.access.look]
    if locks.tls is not None and context is not None:
        things.append(renewal(locks.tls, context))
    threading.Thread(target=guard.access.warm, name="holdfast-issuer", daemon=True).start()
    lookout = Lookout(*things)
    lookout.start()
    try:
        yield context
    finally:
        lookout.stop()


def renewal(tls: Tls, context: ssl.SSLContext) -> Callable[[], None]:
    """Gives new connections the new certificate when its file was renewed; a broken one is told, the old one stays."""
    seen = _stamp(tls)
    newest = context

    def shown(connection: ssl.SSLObject | ssl.SSLSocket, *_: object) -> None:
        # A context of its own for each renewal: one in use takes certificate and key in two steps, and a handshake
        # between them fails.
        if newest is not context:
            connection.context = newest

    context.sni_callback = shown

    def look() -> None:
        nonlocal newest, seen
        now = _stamp(tls)
        if now != seen:
            newest = tls.context()
            seen = now

    return look


def _stamp(tls: Tls) -> tuple[int, int]:
    return tls.certificate.stat().st_mtime_ns, tls.key.stat().st_mtime_ns
