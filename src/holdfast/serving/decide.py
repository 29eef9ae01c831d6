"""From a request's bytes to a decision that is ready for the ledger: no waiting, no writing.

The steps, in order: strict JSON → cells of the champion's contract → the stored answer, if this event was decided
before → every problem at once → reads at one snapshot → feature row → score → threshold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from holdfast.contract.model import SECOND, Cell, Field
from holdfast.contract.values import NotJson, canonical_body, read_strict, timestamp_text
from holdfast.errors import Problem
from holdfast.explain.because import Because
from holdfast.explain.reasons import MOST, reasoner
from holdfast.features.state.events import StoredEvent
from holdfast.features.state.snapshot import Snapshot
from holdfast.ledger.duplicates import same_event
from holdfast.ledger.ids import body_digest, canonical_digest
from holdfast.ledger.records import Decision
from holdfast.serving.caller import CALLER
from holdfast.serving.live import LiveSet, Version
from holdfast.serving.replies import counted, masked, shown_id
from holdfast.serving.split import Unfit
from holdfast.serving.wire import Limits

_NONE: list[int] = []


class Refuse(Exception):  # noqa: N818 — an answer, not a fault
    """A request that gets a 4xx: what to answer, and what to keep of it (already masked)."""

    def __init__(self, status: int, message: str, problems: tuple[Problem, ...], shown: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.problems = problems
        self.shown = shown


def read_body_json(body: bytes) -> dict[str, object]:
    """Strict JSON or a 400."""
    try:
        return read_strict(body)
    except NotJson as error:
        problem = Problem("", "not_json", error.what, "send one JSON object in UTF-8")
        raise Refuse(400, error.what, (problem,)) from None


def conflict(event_id: str, shown: object = None) -> Refuse:
    what = f"event {event_id[:80]!r} was recorded before with another body"
    mend = "send the same body again to get its answer, or give a new event another id"
    return Refuse(409, what, (Problem("", "conflict", what, mend),), shown)


class Decider:
    """Decides one request after another at snapshots it is given.

    `stored` answers the decision at a seq; `clock` gives microseconds UTC.
    """

    def __init__(self, stored: Callable[[int], Decision | None], limits: Limits, clock: Callable[[], int]) -> None:
        self._stored = stored
        self._limits = limits
        self._clock = clock

    def decide(
        self,
        live: LiveSet,
        raw: dict[str, object],
        body: bytes,
        snapshot: Snapshot,
        reasons: int = 0,
        *,
        digest: bytes | None = None,
    ) -> tuple[Decision, bool]:
        """The decision for one event, and whether it is an old one from the ledger. Raises Refuse.

        `digest` of the body, if it is known.
        """
        version, measures = live.champion, live.measures
        renamed: Sequence[tuple[str, str, int]] = ()
        if measures is not None and measures.names:
            renamed = measures.rename(version.source.name, raw, self._clock())
            if renamed:
                # Kept as the contract names it, so that state, replay and training need not know what it was called.
                body = canonical_body(raw)
                digest = canonical_digest(body)
        parsed = version.read(live.own_fields(raw))
        cells = parsed.cells
        digest = body_digest(raw) if digest is None else digest
        event_id, t = cells[version.id_at], cells[version.time_at]
        known = None if event_id is None else snapshot.event(version.source.name, str(event_id))
        if known is not None:
            old = self._before(version, str(event_id), known, digest, raw)
            if old is not None:
                return old, True
        now = self._clock()
        problems = parsed.problems
        if t is not None:
            assert isinstance(t, int)
            problems += self._out_of_time(version, t, now)
        if problems:
            raise Refuse(max(parsed.status, 400), counted(problems), problems, masked(raw, version.openly))
        if event_id is None or t is None:
            # An event that was recorded before it is decided on has its time already.
            cells = self._filled(version, cells, now if known is None else known.time)
            event_id, t = cells[version.id_at], cells[version.time_at]
        assert isinstance(t, int)
        warnings, assigned, experiment = parsed.warnings, "", 0
        if live.split is None:
            row = version.row(cells, version.reads(snapshot, cells, t))
            score, probability = version.bundle.predict(row)
        else:
            experiment = live.split.seq
            try:
                version, row, score, probability, warnings, assigned = live.split.answer(
                    raw, cells, warnings, snapshot, t
                )
            except Unfit as unfit:
                shown = masked(raw, version.openly)
                raise Refuse(unfit.status, counted(unfit.problems), unfit.problems, shown) from None
        threshold, below, measured = version.bundle.threshold.value, 0.0, _NONE
        if measures is not None:
            threshold, below, measured = measures.deciding(version.bundle.hash, threshold, now)
            if renamed:
                measured = [*measured, *dict.fromkeys(item[2] for item in renamed)]
                warnings = (*warnings, *(f"{meant}: came as {came}" for came, meant, _ in renamed))
        decision = Decision(
            read_seq=snapshot.applied_seq,
            source=version.source.name,
            event_id=str(event_id),
            time=t,
            body=body,
            digest=digest,
            contract=version.contract_hash,
            model=version.name,
            version=version.version,
            variant=version.variant,
            features=version.packed.pack(*row),
            score=score,
            probability=probability,
            threshold=threshold,
            decision=probability >= threshold,
            warnings=list(warnings),
            because=self._because(version, row, probability >= threshold, reasons),
            caller=CALLER.get(),
            assigned=assigned,
            experiment=experiment,
            measures=measured,
            review=threshold <= probability < below,
        )
        return decision, False

    def _because(self, version: Version, row: list[float], positive: bool, asked: int) -> Because | None:
        """The reasons due: those asked for, or all of a positive decision. Exact contributions cost more than scoring.

        Raises Refuse when they were asked for and this server never tells them.
        """
        when = self._limits.reasons
        if when == "never" and asked:
            problem = Problem("reasons", "never", "are not told here", "ask POST /explain")
            raise Refuse(422, counted([problem]), (problem,))
        most = asked or (MOST if positive and when == "positive" else 0)
        return reasoner(version.bundle).because(row, positive, most) if most else None

    def _before(
        self, version: Version, event_id: str, event: StoredEvent, digest: bytes, raw: dict[str, object]
    ) -> Decision | None:
        """What this event was answered before. Raises Refuse when it came with another body."""
        old = self._stored(event.decision) if event.decision else None
        if not same_event(event, digest, raw) if old is None else old.digest != digest:
            raise conflict(shown_id(version.source, event_id), masked(raw, version.openly))
        return old

    def _out_of_time(self, version: Version, t: int, now: int) -> tuple[Problem, ...]:
        limits, name = self._limits, version.source.time
        if t > now + limits.skew:
            what = f"{timestamp_text(t)} lies in the future"
            mend = f"send a time at most {limits.skew / SECOND:g} s after now"
        elif limits.backdate is not None and t < now - limits.backdate:
            what = f"{timestamp_text(t)} is too long ago to decide"
            mend = f"send a time at most {limits.backdate / SECOND:g} s before now, or record it through /events"
        else:
            return ()
        return (Problem(name, "time_window", what, mend),)

    def _filled(self, version: Version, cells: tuple[Cell, ...], time: int) -> tuple[Cell, ...]:
        """Cells with the id and the time that the request left to the server. The body is kept as it came."""
        full = list(cells)
        if full[version.id_at] is None:
            full[version.id_at] = new_id(version.source.fields[version.id_at])
        if full[version.time_at] is None:
            full[version.time_at] = time
        return tuple(full)


def new_id(field: Field) -> str:
    """An id nobody else has: 128 random bits, as text."""
    return os.urandom(16).hex()[: field.max_length]
