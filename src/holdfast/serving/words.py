"""What may be said of a fault: our own errors' words, and those of the operating system; of all others the type only.

The message of any other exception may quote what a client sent.
"""

from __future__ import annotations

from holdfast.errors import HoldfastError


def words(error: BaseException) -> str:
    """A fault in words that hold nothing a client sent."""
    if isinstance(error, HoldfastError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
