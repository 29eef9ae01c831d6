"""GATE801: when other rows come than those it learned from, somebody is told; when the same come, nobody is.

The watches of `holdfast monitor` look, by the duty with which `holdfast watch` asks them every minute.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.bins import score_of
from holdfast.checks.check import MONITORING, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.played import TwoDays, alike, answered
from holdfast.checks.receiver import Told, watched
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Decision
from holdfast.training.profile import filled_from

ROWS = 500
"""Of a day, at most."""
LOOKS = (100, 300, ROWS)
"""After so many of the other rows the watch looks."""
SEED = 20_261_122
DRIFTED = 0.02
"""The share of training rows with the highest scores: they alone come, once drift is injected."""
FEWEST = 50
"""So many of them at least; a quarter of all rows where there are few."""
INPUTS, SCORE = ("WATCH1", "WATCH2", "WATCH302"), ("WATCH301",)
"""Codes of what is held against the rows it learned from, and against rows that it did not, where there are enough."""
NAMES = frozenset(
    {"population", "positive_spike", "drift", "many_features", "decisions", "score", "hours", "night_shift", "range",
     "vocabulary", "nulls", "missing", "frozen", "placeholder"}
)  # fmt: skip
"""Causes that are true of rows that are others; that an honest row is in other units, or its fields swapped, is not."""
DUTY = "monitor"
STEP = "holdfast watch --once, with the settings of [monitor] and [alerts]"

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """Rows of all, by position, on days of one kind."""

    places: Places
    weekend: bool


@dataclass
class Injected:
    """What came of the drift."""

    predictions: int = 0
    seconds: float = 0.0
    """From the first of the other rows until the alert was with the receiver."""
    alert: dict[str, Any] | None = None
    part: dict[str, Any] = field(default_factory=dict)
    """What in the alert tells of it."""
    misnamed: set[str] = field(default_factory=set)
    """Causes that were told before, and are not true of it."""
    lost: list[str] = field(default_factory=list)


def ask(subject: Subject, limits: Limits) -> Answer:
    profile = subject.bundle.profile
    if "edges" not in score_of(profile) or not profile.get("features"):
        why = "the bundle has no profile of its training rows, so no watch can tell what is other than they were"
        return failed(why, "train it again (holdfast train): bundles have one since")
    held_out = bool(score_of(profile).get("held_out"))
    usual, highest = _learned(subject)
    unseen = _some(subject, _filled(subject, subject.split.test.index)) if held_out else Rows(usual.places[:0], False)
    found = _decisions(subject, np.concatenate([usual.places, highest, unseen.places]))

    def of(places: Places) -> list[Decision]:
        return [found[at] for at in places.tolist() if at in found]

    false: list[dict[str, Any]] = []
    if held_out:
        with subject.rehearsal.idle() as project:
            false += _as_usual(TwoDays(project, unseen.weekend), of(unseen.places), SCORE)
    with subject.rehearsal.idle() as project:
        days = TwoDays(project, usual.weekend)
        told = _as_usual(days, of(usual.places), INPUTS + SCORE)
        # The profile's scores are those of rows it did not learn from: of the others they need not be alike.
        false += [item for item in told if item["code"].startswith(INPUTS) or not held_out]
        injected = _other(days, of(highest), {(item["code"], item["feature"]) for item in told})
    evidence: dict[str, Any] = {
        "rows_learned_from": len(usual.places),
        "rows_not_learned_from": len(unseen.places),
        "alerts_as_in_training": false,
        "rows_with_the_highest_scores": len(highest),
        "cause": injected.part.get("cause"),
        "code": injected.part.get("code"),
        "severity": injected.part.get("severity"),
        "predictions": injected.predictions,
        "seconds_to_arrive": round(injected.seconds, 3),
        "other_causes_told_before": sorted(injected.misnamed),
        "alert": injected.alert and {name: told for name, told in injected.alert.items() if name != "findings"},
        "lost": injected.lost,
    }
    if false:
        why = f"where rows come as in training, {false[0]['code']} alerts: {false[0]['why']}"
        mend = (
            "see whether the server's features are those of training (holdfast doctor, holdfast parity), and [monitor]"
        )
        return failed(why, mend, **evidence)
    only = f"only the {len(highest):,} training rows with the highest scores came"
    if injected.alert is None:
        what = f"none of the alerts names it ({', '.join(sorted(injected.misnamed))})"
        why = f"{only}, {injected.predictions:,} predictions, and {what if injected.misnamed else 'no alert came'}"
        mend = f"see which limits in [monitor] are not the defaults; {STEP}"
        return failed(why + "".join(f": {item}" for item in injected.lost[:1]), mend, **evidence)
    why = (
        f"rows as in training leave it silent; when {only}, the alert arrived after {injected.predictions:,} "
        f"predictions and {injected.seconds:.1f} s: {evidence['cause']} ({evidence['code']}, {evidence['severity']})"
    )
    return passed(why, **evidence)


def _learned(subject: Subject) -> tuple[Rows, Places]:
    """Some of the rows it learned from, and of all of them those with the highest scores."""
    index = _filled(subject, subject.split.train.index)
    usual = _some(subject, index)
    inside = index[alike(subject.rows.times[index])[1]]
    learned = np.isin(subject.split.train.index, inside)
    ranked = inside[np.argsort(-subject.train_probability[learned], kind="stable")]
    many = max(int(len(ranked) * DRIFTED), min(FEWEST, len(ranked) // 4), 1)
    return usual, ranked[:many]


def _filled(subject: Subject, index: Places) -> Places:
    """Those from when all windows were full, as they are in live; all where that leaves none."""
    times = subject.rows.times
    learned = times[subject.split.train.index]
    begin = max(filled_from(subject.contract, item, learned) for item in subject.contract.features)
    found = index[times[index] >= begin]
    return found if len(found) else index


def _some(subject: Subject, index: Places) -> Rows:
    weekend, inside = alike(subject.rows.times[index])
    return Rows(np.random.default_rng(SEED).permutation(index[inside])[:ROWS], weekend)


def _decisions(subject: Subject, places: Places) -> dict[int, Decision]:
    """What the server decides about each row, by its position."""
    at = {str(name): place for place, name in zip(places.tolist(), np.asarray(subject.rows.ids)[places], strict=True)}
    return {at[name]: item for name, item in answered(subject.rehearsal, list(at)).items()}


def _as_usual(days: TwoDays, decisions: Sequence[Decision], codes: tuple[str, ...]) -> list[dict[str, Any]]:
    """What is alerted of with these codes after a day of them."""
    days.tell(days.lay(decisions, 0))
    return _parts(watched(days.project, DUTY), codes)


def _other(days: TwoDays, decisions: Sequence[Decision], known: set[tuple[str, str]]) -> Injected:
    """What is alerted of on the next day, on which they alone come, again and again; what is `known` is no news."""
    if not decisions:
        raise HoldfastError("the server would refuse every row with a high score", mend="holdfast check --only K1")
    drawn = np.random.default_rng(SEED).integers(len(decisions), size=ROWS)
    coming = days.lay([decisions[at] for at in drawn.tolist()], 1)
    injected, began = Injected(), time.perf_counter()
    for until in LOOKS:
        days.tell(coming[injected.predictions : until])
        injected.predictions = until
        told = watched(days.project, DUTY)
        injected.lost = told.lost
        news = [item for item in _parts(told, INPUTS + SCORE) if (item["code"], item["feature"]) not in known]
        named = [item for item in news if item["cause"] in NAMES]
        injected.misnamed |= {item["cause"] for item in news} - NAMES
        if named:
            injected.part, injected.seconds = named[0], told.at - began
            injected.alert = next(item for item in told.arrived if named[0] in item["findings"])
            break
    return injected


def _parts(told: Told, codes: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the alerts that arrived say, the part that leads first. Raises HoldfastError where the watch did not look:
    its silence says nothing then."""
    for alert in told.arrived:
        if alert["rule"] == "watching":
            raise HoldfastError(alert["what"], where=DUTY, mend=alert["first_step"])
    return [item for alert in told.arrived for item in alert["findings"] if item["code"].startswith(codes)]


CHECK = Check("GATE801", MONITORING, "A drift is told", ask)
