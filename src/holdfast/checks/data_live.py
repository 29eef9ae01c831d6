"""GATE110: is training made of what is asked now? Its features beside those of recent live decisions in the ledger.

A first version has nothing to be compared with, and that is no fault of it: it passes, and says so. So does one with
too little live traffic, for an hour of a Sunday represents nobody.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.checks.check import DATA, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.shift import CHANCE, shift
from holdfast.checks.subject import Subject
from holdfast.contract.model import DAY, Contract, contract_from, plain
from holdfast.monitoring.distance import chi_point
from holdfast.monitoring.reference import Bins
from holdfast.training.profile import filled_from
from holdfast.training.rows import Floats

if TYPE_CHECKING:
    from holdfast.ledger.records import Decision

RECENT = 200_000
"""Records of the ledger's end that are looked through."""
MOST = 20_000
"""Decisions compared, evenly taken from them."""


def ask(subject: Subject, limits: Limits) -> Answer:
    contract = subject.contract
    decisions = _recent(subject)
    days = (decisions[-1].time - decisions[0].time) / DAY if decisions else 0.0
    evidence: dict[str, Any] = {"decisions": len(decisions), "days": days}
    if not decisions:
        return passed("nothing was answered yet, so there is no live traffic to compare with", **evidence)
    if len(decisions) < limits.least_live_rows or days < limits.least_live_days:
        why = (
            f"{len(decisions):,} live decisions over {days:.1f} days are too few to compare with: "
            f"{limits.least_live_rows:,} over {limits.least_live_days:g} days are wanted"
        )
        return passed(why, **evidence)
    learned, times = subject.rows.X[subject.split.train.index], subject.rows.times[subject.split.train.index]
    expected = Bins.of(subject.bundle).expected()
    natural = expected.natural(max(1.0, days), len(decisions), 0.0)
    shifts, told, wander = {}, [], {}
    live = _columns(subject, decisions)
    for at, feature in enumerate(contract.features):
        if feature.name not in live:
            continue
        full = times >= filled_from(contract, feature, times)
        found = shifts[feature.name] = shift(
            learned[full, at], live[feature.name], category=feature.expr.kind == "category"
        )
        # What weeks of training differed by from each other, live may differ by, too.
        wander[feature.name] = float(natural[expected.at[feature.name]]) * chi_point(1, CHANCE)
        if found.beyond - wander[feature.name] > limits.most_shift:
            told.append(f"{feature.name} comes otherwise than it was learned (index {found.value:.2f})")
    evidence |= {
        "shift": {name: item.as_dict() | {"natural": wander[name]} for name, item in shifts.items()},
        "not_compared": [item.name for item in contract.features if item.name not in live],
    }
    if told:
        return failed("; ".join(told), "train on newer rows (train_days), or find the filter between them", **evidence)
    if not shifts:
        return passed("no feature was alive before under this definition, so there is nothing to compare", **evidence)
    worst = max(shifts, key=lambda name: shifts[name].beyond - wander[name])
    most = f"{worst} least (index {shifts[worst].value:.3f}; weeks of training differ by up to {wander[worst]:.3f})"
    return passed(f"{len(decisions):,} live decisions look like the training rows, {most}", **evidence)


def _recent(subject: Subject) -> list[Decision]:
    """Recent decisions about the deciding source's events, in order of event time."""
    from holdfast.ledger.records import Decision

    reader, source = subject.place.reader, subject.contract.decide_on
    since = max(0, reader.last_seq() - RECENT)
    found = deque(item for item in reader.records(since) if isinstance(item, Decision) and item.source == source)
    step = max(1, len(found) // MOST)
    return sorted(list(found)[::step], key=lambda item: item.time)


def _columns(subject: Subject, decisions: list[Decision]) -> dict[str, Floats]:
    """Live values of each feature that the contract which made the decision defined in the same way."""
    known = {subject.bundle.contract.hash: subject.bundle.contract, **_contracts(subject)}
    ours = {item.name: _defined(subject.contract, item.name) for item in subject.contract.features}
    parts: dict[str, list[Floats]] = {}
    for name in dict.fromkeys(item.contract for item in decisions):
        contract = known.get(name)
        if contract is None:
            continue
        rows = b"".join(item.features for item in decisions if item.contract == name)
        matrix = np.frombuffer(rows, dtype="<f8").reshape(-1, len(contract.features))
        for at, feature in enumerate(contract.features):
            if ours.get(feature.name) == _defined(contract, feature.name):
                parts.setdefault(feature.name, []).append(matrix[:, at])
    return {name: np.concatenate(columns) for name, columns in parts.items()}


def _contracts(subject: Subject) -> dict[str, Contract]:
    found = {}
    for path in sorted(subject.place.bundles_path.glob("*/contract.json")):
        contract = contract_from(json.loads(path.read_text(encoding="utf-8")))
        found[contract.hash] = contract
    return found


def _defined(contract: Contract, name: str) -> Any:
    """What a feature is computed from, whatever place its windows have in the contract."""
    feature = next(item for item in contract.features if item.name == name)
    aggregates = [plain(contract.aggregates[n["index"]]) for n in feature.expr.walk() if n.op == "aggregate"]
    shape = [(node.op, node.kind, [item for item in node.params if item[0] != "index"]) for node in feature.expr.walk()]
    return (shape, aggregates)


CHECK = Check("GATE110", DATA, "Training stands for what is asked now", ask)
