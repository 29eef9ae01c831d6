"""What the kernel is asked about sockets: an end that refuses nobody, files for many, how long data lies unread."""

from __future__ import annotations

import asyncio
import ctypes
import resource
import socket
import termios
from contextlib import suppress
from fcntl import ioctl
from struct import pack, unpack

_ATTACH_FILTER = 26  # SO_ATTACH_FILTER; the socket module does not name it
_SPARE_FILES = 200


def take_no_more(listening: socket.socket) -> None:
    """From now on the kernel completes no connection on this socket; those it has completed can still be accepted.

    Closing a listening socket resets whoever is connected and not accepted yet. So first every further packet to it is
    dropped (a client asks again by itself, and meets whoever listens then), and the queue is accepted to its end. Where
    the kernel has no such filter, the few who come between the last accept and the close are reset.
    """
    nothing = pack("HBBI", 0x06, 0, 0, 0)  # one instruction: return 0 bytes of the packet
    program = ctypes.create_string_buffer(nothing, len(nothing))
    with suppress(OSError):
        listening.setsockopt(
            socket.SOL_SOCKET, _ATTACH_FILTER, pack("HxxxxxxP" if ctypes.sizeof(ctypes.c_void_p) == 8 else "HxxP",
                                                    1, ctypes.addressof(program)),
        )  # fmt: skip


def allow_many_files(connections: int) -> None:
    """Raise this process's own limit of open files as far as it may, towards one for each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


_INFO = (ctypes.c_uint32 * 16)()
_LAST_DATA = 13
"""Of the kernel's tcp_info, in words: milliseconds since data last came (tcpi_last_data_recv)."""
_ask = ctypes.CDLL(None).getsockopt


def unread_for(transport: asyncio.BaseTransport) -> float | None:
    """Seconds for which something lies there that was not read yet; None where nothing does.

    Just before a connection is closed, or after one was not read for a while: the next request. Without the socket
    module, which would need a socket of its own for it (3 µs instead of 30).
    """
    found = transport.get_extra_info("socket")
    try:
        fd = found.fileno()
        (waiting,) = unpack("i", ioctl(fd, termios.FIONREAD, bytes(4)))
    except (AttributeError, OSError):
        return None
    if not waiting:
        return None
    size = ctypes.c_uint32(ctypes.sizeof(_INFO))
    if _ask(fd, socket.IPPROTO_TCP, socket.TCP_INFO, _INFO, ctypes.byref(size)):
        return 0.0
    return float(_INFO[_LAST_DATA]) / 1_000
