"""`POST /outcomes`: what an event turned out to be. Versioned; the highest version of a label wins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unicodedata import normalize

from holdfast.contract.model import Label, Source
from holdfast.contract.values import Number
from holdfast.errors import Problem
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.ledger.records import Decision, Outcome, Record
from holdfast.serving import replies
from holdfast.serving.bulk import Row, record_rows, rows_of, summary
from holdfast.serving.decide import Refuse, read_body_json
from holdfast.serving.durable import Durable
from holdfast.serving.events import chosen_source
from holdfast.serving.explain import unknown_prediction
from holdfast.serving.live import Live, LiveSet
from holdfast.serving.wire import Limits

MOST_VERSIONS = 2**31
_PARTS = {"source", "label", "value", "version", "event_id", "prediction_id"}


class Outcomes:
    """The route: one outcome, or a list under ``outcomes``."""

    def __init__(
        self,
        live: Live,
        state: State,
        durable: Durable,
        find: Callable[[str], Decision | None],
        foreign: Callable[[Snapshot, str, str], bool],
        limits: Limits,
    ) -> None:
        self._live = live
        self._state = state
        self._durable = durable
        self._find = find
        self._foreign = foreign
        self._limits = limits

    async def __call__(self, body: bytes) -> bytes:
        raw = read_body_json(body)
        single = "outcomes" not in raw
        rows, _ = ([raw], True) if single else rows_of(raw, "outcome", "outcomes", self._limits.rows)
        recorder = _Rows(self._live.now, self._find, self._foreign)
        answers = await record_rows(recorder, rows, self._state, self._durable)
        if not single:
            return replies.encode(summary(answers))
        if recorder.refusals:
            raise recorder.refusals[0]
        return replies.encode(answers[0][1])


class _Rows:
    def __init__(
        self,
        live: LiveSet,
        find: Callable[[str], Decision | None],
        foreign: Callable[[Snapshot, str, str], bool],
    ) -> None:
        self._live = live
        self._find = find
        self._foreign = foreign
        self._pending: set[tuple[str, str]] = set()
        self.refusals: list[Refuse] = []

    def prepare(self, row: Row, snapshot: Snapshot) -> Record | dict[str, Any]:
        source = chosen_source(self._live, row.get("source", self._live.champion.source.name))
        problems: list[Problem] = []
        label = self._label(row, source, problems)
        value = self._value(row, label, problems)
        version = self._version(row, problems)
        event_id = self._event(row, problems)
        allowed = {"source", "label", "value", "version", "event_id", "prediction_id"} | (
            {label.name} if label else set()
        )
        problems += [
            Problem(name[:100], "unknown_field", "is not part of an outcome", f"known: {', '.join(sorted(allowed))}")
            for name in row
            if name not in allowed
        ]
        if problems:
            hard = any(problem.code in ("missing", "type", "unknown_field") for problem in problems)
            raise Refuse(422 if hard else 400, replies.counted(problems), tuple(problems), _shown(row))
        assert label is not None
        if isinstance(row.get("prediction_id"), str):
            decision = self._find(str(row["prediction_id"]))
            if decision is None:
                raise unknown_prediction()
            event_id, source = decision.event_id, self._live.source(decision.source) or source
        elif self._foreign(snapshot, source.name, event_id):
            what = "another caller asked for the decision about this event"
            raise Refuse(
                403, what, (Problem("event_id", "not_own", what, "send it with that caller's key"),), _shown(row)
            )
        record = Outcome(source=source.name, label=label.name, event_id=event_id, version=version, value=value)
        stored = snapshot.event(source.name, event_id)
        if stored is None:
            self._pending.add((source.name, event_id))
        return record

    def _label(self, row: Row, source: Source, problems: list[Problem]) -> Label | None:
        """The label meant: by name, else the only one there is or the champion's own."""
        contracts = [version.contract for version in self._live.versions]
        labels = {
            item.name: item
            for contract in reversed(contracts)
            for item in contract.labels
            if item.source == source.name
        }
        name = row.get("label")
        if name is None:
            named = [item for item in labels.values() if item.name in row]
            own = self._live.champion.contract.label
            found = named[0] if len(named) == 1 else labels.get(own) or next(iter(labels.values()), None)
        else:
            found = labels.get(name) if isinstance(name, str) else None
        if found is None:
            known = ", ".join(sorted(labels)) or "none"
            problems.append(Problem("label", "unknown_value", f"is no label of {source.name}", f"known: {known}"))
        return found

    def _value(self, row: Row, label: Label | None, problems: list[Problem]) -> int:
        own = label.name if label is not None else "value"
        name = "value" if "value" in row or own not in row else own
        value = row.get(name)
        if value is True or value is False or value in (0, 1):
            return int(bool(value))
        what, code = ("is missing", "missing") if name not in row else ("is neither true nor false", "type")
        problems.append(Problem(name, code, what, "send true or false"))
        return 0

    def _version(self, row: Row, problems: list[Problem]) -> int:
        version = row.get("version", 1)
        if isinstance(version, Number) and len(version) < 20 and float(version).is_integer():
            version = int(float(version))  # 2.0 is a whole number in JSON
        if type(version) is not int:
            problems.append(Problem("version", "type", "is not a whole number", "send 1 first, then 2 to correct it"))
            return 1
        if not 1 <= version < MOST_VERSIONS:
            problems.append(Problem("version", "range", f"is not between 1 and {MOST_VERSIONS - 1}", "begin with 1"))
        return version

    def _event(self, row: Row, problems: list[Problem]) -> str:
        given = [name for name in ("event_id", "prediction_id") if name in row]
        if len(given) != 1:
            what = "names no event" if not given else "names the event twice"
            problems.append(Problem("event_id", "missing", what, "send event_id or prediction_id"))
            return ""
        value = row[given[0]]
        if isinstance(value, int) and not isinstance(value, bool) and given[0] == "event_id":
            return str(value)
        if type(value) is str:
            value = normalize("NFC", value)  # as the event's own id was
        if type(value) is not str or not 0 < len(value.encode()) <= 256:
            problems.append(Problem(given[0], "type", "is not a text of 1 to 256 bytes", "send the id as it was given"))
            return ""
        return value

    def told(self, kept: Record) -> dict[str, Any]:
        assert isinstance(kept, Outcome)
        return {
            "event_id": kept.event_id,
            "label": kept.label,
            "value": bool(kept.value),
            "version": kept.version,
            "seq": kept.seq,
            "pending": (kept.source, kept.event_id) in self._pending,
        }

    def clash(self, record: Record) -> Refuse:
        assert isinstance(record, Outcome)
        what = f"version {record.version} of {record.label} of this event was recorded before with another value"
        problem = Problem("version", "conflict", what, f"to correct it send version {record.version + 1} or higher")
        return Refuse(409, what, (problem,))

    def refused(self, refusal: Refuse) -> dict[str, Any]:
        self.refusals.append(refusal)
        return replies.error_shape(refusal.message, refusal.problems, refusal.shown)


def _shown(row: Row) -> dict[str, object]:
    """The input as a refusal shows it: flags and numbers. Texts are whatever the client took for an id or a value."""
    plain = {name for name, value in row.items() if isinstance(value, bool | int)}
    return replies.masked(row, plain & {"value", "version"})
