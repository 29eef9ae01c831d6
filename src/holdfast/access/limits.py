"""How often one caller may ask: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

from math import ceil


class Bucket:
    """Holds up to `burst` requests, fills with `rate` a second. `now` is any clock in seconds that runs forward."""

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = max(burst, 1.0)
        self._tokens = self.burst
        self._at = now

    def take(self, now: float) -> float:
        """Takes one. 0 when there was one, else the seconds until there will be."""
        tokens = self._tokens + (now - self._at) * self.rate
        self._at = now
        if tokens > self.burst:
            tokens = self.burst
        if tokens >= 1.0:
            self._tokens = tokens - 1.0
            return 0.0
        self._tokens = tokens
        return (1.0 - tokens) / self.rate


def retry_after(seconds: float) -> int:
    """Whole seconds for the header, at least one."""
    return max(1, ceil(seconds))
