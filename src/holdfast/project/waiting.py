"""The duty of `holdfast watch` that begins a canary which waits for people, once they have approved its version."""

from __future__ import annotations

import logging
import time

from holdfast.project.watching import Found, Place

log = logging.getLogger("holdfast.watch")


class Waiting:
    """What `holdfast retrain --canary` left waiting: begun once, also where the watch was killed in between."""

    name = "canary"
    quick = False
    every = 60.0

    def look(self, place: Place) -> Found | None:
        from holdfast.project.retrain import resume, waiting

        turns = place.followed.turns()
        last = waiting(turns)
        if last is None:
            return None
        begun = resume(place.project, turns)
        told = {"version": last.version, "begun": begun is not None}
        if begun is None:
            return Found(time.time_ns() // 1_000, {}, {"canary": told})
        log.info("the canary of version %s is begun", last.version, extra={"event": "canary"})
        line = f"version {last.version}: {begun.record.reason}"
        return Found(time.time_ns() // 1_000, {}, {"canary": {**told, "reason": begun.record.reason}}, [line])
