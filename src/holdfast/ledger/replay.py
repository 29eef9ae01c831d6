"""Compute recorded decisions again and compare bits: A from the features they hold, B from the records themselves.

Level A proves the model: stored features -> score, probability, decision. Level B proves the features: history and
ledger up to the decision's `read_seq` -> features. Both name exactly what differs.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import Contract
from holdfast.contract.values import NotJson, read_strict
from holdfast.errors import HoldfastError
from holdfast.explain.because import Because, Reason
from holdfast.explain.reasons import reasoner
from holdfast.ledger.ids import body_digest
from holdfast.ledger.records import Decision, Measure

Recompute = Callable[[Contract, Sequence[Decision]], Sequence[Sequence[float]]]
"""Feature rows of decisions from the records known to each, in the order given."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that did not come out as recorded."""

    prediction_id: str
    level: str
    """``A`` (features -> answer), ``B`` (records -> features), ``assignment`` (who answered), or ``bundle``."""
    what: str
    stored: Any = None
    computed: Any = None
    cause: str = ""

    def __str__(self) -> str:
        cause = f" ({self.cause})" if self.cause else ""
        head = f"{self.prediction_id} [{self.level}] {self.what}"
        return f"{head}: stored {self.stored!r}, computed {self.computed!r}{cause}"


@dataclass(slots=True)
class ReplayReport:
    """How many decisions came out bit for bit at each level, and everything that did not."""

    decisions: int = 0
    equal_a: int = 0
    equal_b: int = 0
    features: int = 0
    differing_bits: int = 0
    differences: list[Difference] = field(default_factory=list)
    not_recomputable: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    """Decisions replayed for each version."""
    shadows: int = 0
    """Shadows of these decisions, replayed too."""

    @property
    def ok(self) -> bool:
        """Every decision came out at both levels. A replay of nothing proves nothing, and is not ok."""
        whole = self.decisions - len(self.not_recomputable)
        return self.decisions > 0 and self.equal_a == whole and self.equal_b == whole and not self.differences

    def as_dict(self) -> dict[str, Any]:
        shape = asdict(self)
        return {"ok": self.ok, **shape}

    def __str__(self) -> str:
        if not self.decisions and not self.differences:
            return "no decision to replay, so nothing was proved: none is recorded, or none since that time"
        head = (
            f"{self.decisions} decisions replayed: {self.equal_a} answers equal from their features, "
            f"{self.equal_b} feature rows equal from the records ({self.features} values, "
            f"{self.differing_bits} differing bits)"
        )
        lines = [head]
        lines += [f"  {item}" for item in self.differences[:20]]
        if len(self.differences) > 20:
            lines.append(f"  and {len(self.differences) - 20} more")
        return "\n".join(lines)


def bits(value: float) -> bytes:
    """The eight bytes of a float64, little-endian: what "equal" means here."""
    return struct.pack("<d", value)


def unpack(features: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(features) // 8}d", features)


def differing(a: float, b: float) -> int:
    """Number of bits in which two float64 differ."""
    return (int.from_bytes(bits(a), "little") ^ int.from_bytes(bits(b), "little")).bit_count()


def replay(
    decisions: Iterable[Decision],
    *,
    bundle_of: Callable[[Decision], Bundle],
    recompute: Recompute | None,
    progress: Callable[[int], None] | None = None,
    measures: Mapping[int, Measure] = MappingProxyType({}),
) -> ReplayReport:
    """Replay at both levels (`recompute` None: level A alone, and then `equal_b` stays 0).

    `measures` by seq: a decision names those that it was decided under, and they say its threshold.

    `bundle_of` opens, verified, the bundle that answered; when it raises HoldfastError the decision is reported with
    what it says, so a changed byte is named.
    """
    report = ReplayReport()
    groups: dict[str, list[Decision]] = defaultdict(list)
    contracts: dict[str, Contract] = {}
    for decision in decisions:
        report.decisions += 1
        report.versions[decision.version] = report.versions.get(decision.version, 0) + 1
        edited = _edited(decision)
        if edited is not None:
            report.differences.append(edited)
        try:
            bundle = bundle_of(decision)
        except HoldfastError as error:
            what = "; ".join(str(problem) for problem in error.problems) or error.what
            report.differences.append(Difference(decision.prediction_id, "bundle", what, cause=error.where))
            continue
        found = _level_a(decision, bundle, measures)
        report.differences += found
        report.equal_a += not found and edited is None
        contracts[decision.contract] = bundle.contract
        if bundle.contract.hash == decision.contract:
            groups[decision.contract].append(decision)
        if progress is not None:
            progress(1)
    if recompute is not None:
        for name, members in groups.items():
            _level_b(contracts[name], members, recompute, report)
    return report


def _edited(decision: Decision) -> Difference | None:
    """The request differs from what its digest was taken of: somebody edited the record."""
    try:
        now = body_digest(read_strict(decision.body))
    except NotJson as error:
        return Difference(decision.prediction_id, "A", f"its request is no JSON any more: {error}", cause="edited")
    if now == decision.digest:
        return None
    return Difference(
        decision.prediction_id, "A", f"its event {decision.event_id} was edited: the request does not match its digest",
        decision.digest.hex(), now.hex(), "edited event",
    )  # fmt: skip


def _level_a(decision: Decision, bundle: Bundle, measures: Mapping[int, Measure]) -> list[Difference]:
    found: list[Difference] = []

    def expect(what: str, stored: Any, computed: Any, cause: str = "") -> None:
        same = bits(stored) == bits(computed) if isinstance(stored, float) else stored == computed
        if not same:
            found.append(Difference(decision.prediction_id, "A", what, stored, computed, cause))

    expect("contract", decision.contract, bundle.contract.hash, "another contract than the bundle's")
    row = unpack(decision.features)
    if len(row) != len(bundle.features):
        expect("number of features", len(row), len(bundle.features))
        return found
    score, probability = bundle.predict(row)
    expect("score", decision.score, score, "features, model or score edited")
    expect("probability", decision.probability, probability)
    threshold, below, cause = bundle.threshold.value, 0.0, "the threshold is not the bundle's"
    for seq in decision.measures:
        why = _not_in_force(measures.get(seq), decision, bundle)
        expect(f"measure {seq}", "in force", why or "in force", "the measure that it names did not hold for it")
        if not why and measures[seq].kind == "threshold":
            threshold, cause = measures[seq].value, f"the threshold is not that of measure {seq}"
        elif not why and measures[seq].kind == "review":
            below = measures[seq].value
    expect("threshold", decision.threshold, threshold, cause)
    expect("decision", decision.decision, probability >= threshold)
    expect("review", decision.review, threshold <= probability < below)
    if decision.reasons:
        now = {item.feature: item for item in bundle.explain(row)}
        for feature, value, contribution in decision.reasons:
            expect(f"reason {feature}: value", value, now[feature].value if feature in now else None)
            expect(f"reason {feature}", contribution, now[feature].contribution if feature in now else None)
    if decision.because is not None:
        _reasons(decision.because, reasoner(bundle).because(row, decision.decision, decision.because.most), expect)
    return found


LATE = 60_000_000
"""µs from where a request was decided to where it was written, at most: by then what it was decided under may have
ended."""


def _not_in_force(measure: Measure | None, decision: Decision, bundle: Bundle) -> str:
    """Why a measure cannot have held for a decision; empty when it can."""
    if measure is None or measure.action != "put":
        return "no such measure was put"
    if measure.seq > decision.seq:
        return "it was put afterwards"
    if decision.received_at > measure.until + LATE:
        return "it had ended"
    if measure.kind != "names" and measure.bundle != bundle.hash:
        return "it is another bundle's"
    return ""


def _reasons(stored: Because, now: Because, expect: Callable[..., None]) -> None:
    """Reasons as they were told and as they come out now, each part that differs by its place and name."""
    expect("reasons: told against", stored.against, now.against, "another reference than the bundle's")
    expect("number of reasons", len(stored.reasons), len(now.reasons), "a reason was added or taken away")
    for place, (was, is_now) in enumerate(zip(stored.reasons, now.reasons, strict=False), 1):
        for part in Reason.__struct_fields__:
            expect(f"reason {place} ({is_now.group}): {part}", getattr(was, part), getattr(is_now, part), "edited")


def _level_b(contract: Contract, members: Sequence[Decision], recompute: Recompute, report: ReplayReport) -> None:
    names = [item.name for item in contract.features]
    for decision, row in zip(members, recompute(contract, members), strict=True):
        stored = unpack(decision.features)
        report.features += len(stored)
        equal = len(stored) == len(row)
        for name, was, now in zip(names, stored, row, strict=False):
            apart = differing(was, float(now))
            if apart:
                equal = False
                report.differing_bits += apart
                report.differences.append(
                    Difference(decision.prediction_id, "B", f"feature {name}", was, float(now), _cause(contract, name))
                )
        report.equal_b += equal


def _cause(contract: Contract, feature: str) -> str:
    """Where to look first: the records behind the windows that the feature reads."""
    node = next(item.expr for item in contract.features if item.name == feature)
    read = sorted({contract.aggregates[part["index"]].source for part in node.walk() if part.op == "aggregate"})
    if read:
        return f"a record of {', '.join(read)} before this decision was edited, or the stored feature was"
    return "the request or the stored feature was edited"
