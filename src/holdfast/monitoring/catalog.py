"""Every watch, in the order in which they look."""

from __future__ import annotations

from holdfast.monitoring.watch import Watch

WATCHES: tuple[Watch, ...] = ()
