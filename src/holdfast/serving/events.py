"""`POST /events`: something happened, and nothing is to be decided. Any source of a live contract."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from holdfast.contract.model import Source
from holdfast.contract.values import Parsed, canonical_body, compile_reader, timestamp_text
from holdfast.errors import Problem
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.ledger.duplicates import same_event
from holdfast.ledger.ids import body_digest
from holdfast.ledger.records import Event, Record
from holdfast.serving import replies
from holdfast.serving.bulk import Row, record_rows, rows_of, summary
from holdfast.serving.decide import Refuse, conflict, new_id, read_body_json
from holdfast.serving.durable import Durable
from holdfast.serving.live import Live, LiveSet
from holdfast.serving.wire import Limits
from holdfast.traffic.measures import Standing


class Events:
    """The route: ``source`` (the deciding one when left out) and ``event`` or ``events``."""

    def __init__(self, live: Live, state: State, durable: Durable, limits: Limits, clock: Callable[[], int]) -> None:
        self._live = live
        self._state = state
        self._durable = durable
        self._limits = limits
        self._clock = clock

    async def __call__(self, body: bytes) -> bytes:
        raw = read_body_json(body)
        live = self._live.now
        source = chosen_source(live, raw.get("source", live.champion.source.name))
        rows, single = rows_of(raw, "event", "events", self._limits.rows)
        recorder = _Rows(source, foreign(live, source), self._clock, self._limits, live.measures)
        answers = await record_rows(recorder, rows, self._state, self._durable)
        if not single:
            return replies.encode(summary(answers))
        status, shape = answers[0]
        if status != 200:
            raise recorder.refusals[0]
        return replies.encode(shape)


def chosen_source(live: LiveSet, name: object) -> Source:
    """A source of a live contract by name. Raises Refuse, with what it may have meant."""
    found = live.source(name) if isinstance(name, str) else None
    if found is not None:
        return found
    known = sorted({source.name for version in live.versions for source in version.contract.sources})
    close = get_close_matches(str(name)[:100], known, n=1)
    mend = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
    problem = Problem("source", "unknown_value", "is no source of the contract", mend)
    raise Refuse(400, replies.counted([problem]), (problem,))


def foreign(live: LiveSet, source: Source) -> frozenset[str]:
    """Fields of this source that only another live contract knows."""
    own = replies.all_names(source)
    others: set[str] = set()
    for version in live.versions:
        for item in version.contract.sources:
            if item.name == source.name:
                others |= replies.all_names(item)
    return frozenset(others - own)


@lru_cache(maxsize=64)
def _reader(source: Source) -> Callable[[dict[str, object]], Parsed]:
    return compile_reader(source, source.fields)


class _Rows:
    def __init__(
        self,
        source: Source,
        foreign: frozenset[str],
        clock: Callable[[], int],
        limits: Limits,
        measures: Standing | None,
    ) -> None:
        self._source = source
        self._measures = measures
        self._foreign = foreign
        self._clock = clock
        self._limits = limits
        self._openly = replies.open_names(source)
        self.refusals: list[Refuse] = []

    def prepare(self, row: Row, snapshot: Snapshot) -> Record | dict[str, Any]:
        source = self._source
        if self._measures is not None:
            self._measures.rename(source.name, row, self._clock())
        known = {name: value for name, value in row.items() if name not in self._foreign}
        parsed = _reader(source)(known)
        event_id, t = (parsed.cells[source.position(name)] for name in (source.id, source.time))
        digest = body_digest(row)
        if event_id is not None:
            old = snapshot.event(source.name, str(event_id))
            if old is not None and not same_event(old, digest, row):
                raise conflict(replies.shown_id(source, str(event_id)), replies.masked(row, self._openly))
            if old is not None:
                return {"event_id": str(event_id), "source": source.name, "seq": old.seq, "repeated": True}
        now = self._clock()
        problems = parsed.problems
        if isinstance(t, int) and t > now + self._limits.skew:
            what = f"{timestamp_text(t)} lies in the future"
            problems += (Problem(source.time, "time_window", what, "send events that have happened"),)
        if problems:
            shown = replies.masked(row, self._openly)
            raise Refuse(max(parsed.status, 400), replies.counted(problems), problems, shown)
        if event_id is None:
            event_id = new_id(source.field(source.id))
        t = now if t is None else t
        assert isinstance(t, int)
        return Event(source=source.name, event_id=str(event_id), time=t, body=canonical_body(row), digest=digest)

    def told(self, kept: Record) -> dict[str, Any]:
        assert not hasattr(kept, "action")
        return {
            "event_id": getattr(kept, "event_id", ""),
            "source": self._source.name,
            "seq": kept.seq,
            "repeated": False,
        }

    def clash(self, record: Record) -> Refuse:
        assert isinstance(record, Event)
        return conflict(replies.shown_id(self._source, record.event_id))

    def refused(self, refusal: Refuse) -> dict[str, Any]:
        self.refusals.append(refusal)
        return replies.error_shape(refusal.message, refusal.problems, refusal.shown)
