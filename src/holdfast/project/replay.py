"""The journey of `holdfast replay`: choose decisions, open what answered them, compute them again."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from holdfast.contract.model import Contract
from holdfast.contract.values import instant
from holdfast.errors import HoldfastError
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.features.history import Records
    from holdfast.ledger.records import Decision, Record
    from holdfast.ledger.replay import ReplayReport

SEED = 20_260_101
"""The sample is the same each time, so that what one person found another finds too."""


def replay(
    project: Project,
    *,
    ids: Sequence[str] = (),
    sample: int | None = None,
    since: str | None = None,
) -> ReplayReport:
    """Replay the decisions named by prediction or event id, or a sample, or those since a time; else all of them.

    Raises HoldfastError when an id is not in the ledger.
    """
    from holdfast.ledger.recompute import Recomputer
    from holdfast.ledger.records import Decision, Experiment, Measure, Promotion
    from holdfast.ledger.replay import Difference, replay
    from holdfast.project.bundles import deciders, opened
    from holdfast.traffic.recheck import assignments

    everything = list(project.reader.records())
    decisions = _chosen([item for item in everything if isinstance(item, Decision)], ids, sample, since)
    course = [item for item in everything if isinstance(item, Promotion | Experiment)]
    bundle_of = deciders(project, course)
    recompute = Recomputer(partial(_history, project), lambda: everything)
    measures = {item.seq: item for item in everything if isinstance(item, Measure)}
    report = replay(decisions, bundle_of=bundle_of, recompute=recompute, measures=measures)
    report.differences = [
        Difference(item.field, "records", item.what) for item in recompute.edited
    ] + report.differences
    beside = shadows(project.shadows.records(), {item.seq: item for item in decisions})
    if beside:
        shadowed = replay(beside, bundle_of=bundle_of, recompute=recompute)
        report.shadows = shadowed.decisions
        report.differences += shadowed.differences
    report.differences += assignments(decisions, course, lambda name: opened(project, name).contract)
    return report


def shadows(records: Iterable[Record], decisions: Mapping[int, Decision]) -> list[Decision]:
    """What stood in the shadow of these decisions (by seq), as decisions that can be replayed."""
    from holdfast.ledger.records import Decision, Shadow

    found = []
    for item in records:
        if isinstance(item, Shadow) and item.decision_seq in decisions:
            told = decisions[item.decision_seq]
            found.append(
                Decision(
                    seq=told.seq, received_at=told.received_at, read_seq=item.read_seq, source=told.source,
                    event_id=told.event_id, time=told.time, body=told.body, digest=told.digest, contract=item.contract,
                    model=item.model, version=item.version, variant="shadow", features=item.features, score=item.score,
                    probability=item.probability, threshold=item.threshold, decision=item.decision,
                    prediction_id=f"{told.prediction_id} in the shadow of version {item.version}",
                )
            )  # fmt: skip
    return found


def _history(project: Project, contract: Contract) -> Records:
    """What state was built from, verified: replay must not fall for a file that was edited since."""
    from holdfast.features.history import read_records
    from holdfast.ledger.history import pinned_inputs
    from holdfast.project.history import pin_file

    names = {item.name for item in contract.sources}
    inputs = pinned_inputs(pin_file(project)) or project.inputs(contract)
    return read_records(
        contract, {name: path for name, path in inputs.items() if name.partition(".")[0] in names}, refuse="drop"
    )


@dataclass(slots=True)
class LiveParity:
    """Recorded answers beside batch: at what each knew (no bit may differ), and at its own time (the arrival skew)."""

    replayed: ReplayReport
    skewed: int = 0
    """Decisions with a feature that training will see otherwise, because a record was under way or came late."""
    skew_by_feature: dict[str, int] = field(default_factory=dict)
    recorded: bool = False
    """The answers are of recorded traffic, which was sent long after it happened: nothing tells when its records came,
    so that no skew is looked for."""

    @property
    def ok(self) -> bool:
        """The engines agree. Skew is a finding about the traffic, never a fault."""
        return self.replayed.ok

    def as_dict(self) -> dict[str, Any]:
        skew = {"decisions": self.skewed, "by_feature": self.skew_by_feature, "recorded_traffic": self.recorded}
        return {"ok": self.ok, "replayed": self.replayed.as_dict(), "arrival_skew": skew}

    def __str__(self) -> str:
        most = sorted(self.skew_by_feature.items(), key=lambda pair: -pair[1])[:5]
        told = ", ".join(f"{name} {count}" for name, count in most)
        if self.recorded:
            return f"{self.replayed}\narrival skew: not told by recorded traffic, which was sent long after it happened"
        return f"{self.replayed}\narrival skew: {self.skewed} decisions{f' ({told})' if told else ''}"


def live_parity(project: Project, *, sample: int = 1_000) -> LiveParity:
    """Compute the newest `sample` answers again by batch, as each knew the records and as training will."""
    from holdfast.ledger.recompute import Recomputer
    from holdfast.ledger.records import Decision, Experiment, Promotion
    from holdfast.ledger.replay import differing, unpack
    from holdfast.project.bundles import bundle_name, opened
    from holdfast.project.monitor import BEHIND

    everything = list(project.reader.records())
    decisions = [item for item in everything if isinstance(item, Decision)][-sample:]
    if not decisions:
        raise HoldfastError("nothing was answered yet", where="parity --live", mend="send a request to /predict first")
    report = LiveParity(replay(project, ids=[item.prediction_id for item in decisions]))
    late = sorted(item.received_at - item.time for item in decisions)
    if late[len(late) // 2] > BEHIND:
        report.recorded = True
        return report
    by_time = Recomputer(partial(_history, project), lambda: everything, "received")
    course = [item for item in everything if isinstance(item, Promotion | Experiment)]
    groups: dict[str, list[Decision]] = {}
    for item in decisions:
        groups.setdefault(bundle_name(item, course), []).append(item)
    for name, members in groups.items():
        contract = opened(project, name).contract
        names = [item.name for item in contract.features]
        for item, row in zip(members, by_time(contract, members), strict=True):
            values = zip(names, unpack(item.features), row, strict=True)
            apart = [feature for feature, was, now in values if differing(was, now)]
            report.skewed += bool(apart)
            for feature in apart:
                report.skew_by_feature[feature] = report.skew_by_feature.get(feature, 0) + 1
    return report


def _chosen(decisions: list[Decision], ids: Sequence[str], sample: int | None, since: str | None) -> list[Decision]:
    if ids:
        named = {name: item for item in decisions for name in (item.event_id, item.prediction_id)}
        absent = [name for name in ids if name not in named]
        if absent:
            raise HoldfastError(
                f"the ledger holds no decision {', '.join(absent)}", where="replay", mend="see `holdfast ledger show`"
            )
        decisions = [named[name] for name in ids]
    if since is not None:
        start = instant(since)
        decisions = [item for item in decisions if item.received_at >= start]
    if sample is not None and sample < len(decisions):
        decisions = random.Random(SEED).sample(decisions, sample)
    return decisions
