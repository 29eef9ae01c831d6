"""Which measures are in force: the ledger's records folded in order, the same in every process.

A measure changes for a while how a live version decides (another threshold, a band whose positive decisions a person
looks at) or reads (a field that comes under another name). It is asked by one person and put by another, and ends by
itself. Of one kind and bundle the last one put counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from holdfast.ledger.records import Measure, Record


class Measures:
    """The measures so far. `take` records in order of seq."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records: dict[int, Measure] = {}
        """Every record of one, by seq."""
        self._put: dict[int, Measure] = {}
        for record in records:
            self.take(record)

    def take(self, record: Record) -> None:
        """Fold one record in; what is no measure changes nothing."""
        if not isinstance(record, Measure):
            return
        self.records[record.seq] = record
        if record.action == "put" and record.answers not in {item.answers for item in self._put.values()}:
            self._put[record.seq] = record
        elif record.action == "lift":
            self._put.pop(record.answers, None)

    def asked(self, now: int) -> list[Measure]:
        """Those that wait for a second person."""
        answered = {item.answers for item in self.records.values()}
        return [
            item
            for item in self.records.values()
            if item.action == "ask" and item.seq not in answered and item.until > now
        ]

    def holding(self, now: int) -> list[Measure]:
        """Those put, neither lifted nor over, oldest first."""
        return [item for item in self._put.values() if item.until > now]

    def standing(self, now: int) -> Standing | None:
        """What requests go by; None where nothing is in force (µs UTC)."""
        held = self.holding(now)
        return Standing.of(held) if held else None


@dataclass(frozen=True, slots=True)
class Standing:
    """Measures in force as requests need them. Who asks says what time it is: nothing here outlives its end."""

    measures: tuple[Measure, ...]
    thresholds: Mapping[str, Measure] = field(compare=False)
    """By bundle."""
    reviews: Mapping[str, Measure] = field(compare=False)
    names: Mapping[str, tuple[tuple[str, str, Measure], ...]] = field(compare=False)
    """By source: (as it comes, the field meant, the measure that says so)."""

    @classmethod
    def of(cls, measures: Iterable[Measure]) -> Standing:
        held = tuple(measures)
        names: dict[str, dict[str, tuple[str, str, Measure]]] = {}
        for item in held:
            for came, meant in item.names:
                names.setdefault(item.source, {})[came] = (came, meant, item)
        return cls(
            held,
            {item.bundle: item for item in held if item.kind == "threshold"},
            {item.bundle: item for item in held if item.kind == "review"},
            {source: tuple(told.values()) for source, told in names.items()},
        )

    def deciding(self, bundle: str, threshold: float, now: int) -> tuple[float, float, list[int]]:
        """(threshold, upper end of the band that a person looks at, seqs of what said so) for a bundle at `now`."""
        below, told = 0.0, []
        raised, review = self.thresholds.get(bundle), self.reviews.get(bundle)
        if raised is not None and now < raised.until:
            threshold, told = raised.value, [raised.seq]
        if review is not None and now < review.until:
            below = review.value
            told.append(review.seq)
        return threshold, below, told

    def rename(self, source: str, raw: dict[str, object], now: int) -> list[tuple[str, str, int]]:
        """Give fields of a body of this source the names the contract knows, in place.

        Answers (as it came, the field, seq of the measure). A body that has the field itself is left alone.
        """
        told = []
        for came, meant, measure in self.names.get(source, ()):
            if came in raw and meant not in raw and now < measure.until:
                raw[meant] = raw.pop(came)
                told.append((came, meant, measure.seq))
        return told
