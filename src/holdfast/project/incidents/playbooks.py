"""The playbooks, as data: what each incident looks like, what is gathered, what may be done, what it is measured by.

The pages under docs/playbooks say the same to people, step by step; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from holdfast.errors import HoldfastError
from holdfast.monitoring.causes import RANK


@dataclass(frozen=True, slots=True)
class Playbook:
    """One kind of incident. `evidence` and `mitigations` name parts of `evidence` and `mitigate`."""

    name: str
    symptom: str
    severity: Literal["warning", "high", "critical"]
    causes: frozenset[str]
    """Words of findings and rules of alerts that point here."""
    figures: tuple[str, ...]
    """What it is measured by (`figures`): what people suffer, which a mitigation must bring down, then its cause."""
    evidence: tuple[str, ...]
    """The first things first."""
    mitigations: tuple[str, ...]
    diagnose: tuple[str, ...]
    """Questions for after the mitigation, with the command that answers each."""
    remediate: tuple[str, ...]
    drill: Mapping[str, str]
    """What the drill injects that would catch it next time, as `holdfast.drills.left` reads it."""


_ALWAYS = ("promotions", "alerts", "server")

FALSE_POSITIVES = Playbook(
    "false-positive-spike",
    "far more decisions are positive than usual, and customers are turned away",
    "high",
    frozenset({"new_version", "decisions", "score", "positive_spike", "false_positives", "promotion", "overconfident",
               "night_shift"}),
    ("positive_share",),
    (*_ALWAYS, "decisions", "changes", "segments", "inputs", "refusals", "skew"),
    ("rollback", "threshold", "review"),
    (
        "Was something deployed? `holdfast versions --history`",
        "What is different between the two versions? `holdfast incident show --evidence changes`",
        "Did the input change? `holdfast incident show --evidence inputs`",
        "Whom does it hit? `holdfast incident show --evidence segments`",
        "Why was one of them decided so? `holdfast explain PREDICTION`",
    ),
    (
        "mend the cause upstream, or train on data that holds it: `holdfast train`",
        "take the new version through the gate: `holdfast check VERSION`",
    ),
    {"inject": "like", "like": "H6"},
)  # fmt: skip
DECAY = Playbook(
    "gradual-decay",
    "outcomes get worse week by week, and nothing has failed",
    "warning",
    frozenset(
        {"below_floor", "ranking_lost", "missed_positives", "concept_drift", "estimated_fall", "underconfident",
         "prior_shift", "importance", "segment", "labels_late", "labels_stopped", "labels_fewer"}
    ),
    ("missed_share",),
    (*_ALWAYS, "outcomes", "inputs", "segments", "decisions", "changes", "skew"),
    ("threshold", "rollback", "canary"),
    (
        "Since when, and by how much a week? `holdfast incident show --evidence outcomes`",
        "Whom does it hit? `holdfast incident show --evidence segments`",
        "What has moved slowly? `holdfast incident show --evidence inputs`",
    ),
    (
        "train on old and recent labels together: `holdfast train`",
        "let it answer a tenth first: `holdfast experiment start canary VERSION`",
    ),
    {"inject": "like", "like": "H5"},
)  # fmt: skip
SCHEMA = Playbook(
    "schema-change",
    "requests are refused that were taken before: a field is missing, has another name or another form",
    "critical",
    frozenset({"schema", "types", "refused", "refusals"}),
    ("refused_share",),
    (*_ALWAYS, "refusals", "decisions"),
    ("former-name", "rollback"),
    (
        "What is wrong with them? `holdfast incident show --evidence refusals`",
        "Who sends them, since when? `holdfast ledger show --kind refusal`",
    ),
    (
        "declare the name in the contract: `former=`, then `holdfast train`",
        "take the new version through the gate: `holdfast check VERSION`",
        "then end the measure: `holdfast incident lift RECORD`",
    ),
    {"inject": "rename"},
)
SILENT = Playbook(
    "silent-input-change",
    "nothing fails, and a field means something else than it did: other units, frozen, swapped, other words",
    "high",
    frozenset(
        {"units", "scale", "swapped", "time", "time_zone", "stale", "frozen", "placeholder", "vocabulary", "nulls",
         "missing", "range", "skew", "arrival", "hours", "drift", "many_features", "population"}
    ),
    ("positive_share", "moved_inputs"),
    (*_ALWAYS, "inputs", "decisions", "segments", "skew", "refusals", "changes"),
    ("review", "threshold", "rollback"),
    (
        "Which field, and by what factor? `holdfast incident show --evidence inputs`",
        "Do training and serving still agree? `holdfast parity --live`",
        "Whom does it hit? `holdfast incident show --evidence segments`",
    ),
    (
        "have the sender mend it; bound the field in the contract (`at_most=`) so that it is refused next time",
        "events that were recorded wrongly stay in windows until they end: train without that stretch",
    ),
    {"inject": "units"},
)  # fmt: skip
OUTAGE = Playbook(
    "outage",
    "predictions are not answered",
    "critical",
    frozenset(
        {"outage", "ledger", "errors", "overload", "silence", "latency", "turned_away", "less_volume", "more_volume"}
    ),
    ("unanswered",),
    (*_ALWAYS, "disk", "log", "refusals"),
    ("rollback", "restart"),
    (
        "What does it say of itself? `holdfast incident show --evidence server`",
        "What were its last words? `holdfast incident show --evidence log`",
        "Is there room on the disk? `holdfast incident show --evidence disk`",
    ),
    (
        "state that is behind or damaged: `holdfast state rebuild`",
        "a damaged ledger or bundle: `holdfast restore BACKUP`",
    ),
    {"inject": "outage"},
)  # fmt: skip

PLAYBOOKS = (FALSE_POSITIVES, DECAY, SCHEMA, SILENT, OUTAGE)


def playbook(name: str) -> Playbook:
    """Raises HoldfastError for a name that is none."""
    found = next((item for item in PLAYBOOKS if item.name == name), None)
    if found is None:
        mend = "one of: " + ", ".join(item.name for item in PLAYBOOKS)
        raise HoldfastError(f"there is no playbook {name!r}", mend=mend)
    return found


def guess(causes: Iterable[str]) -> Playbook | None:
    """The playbook of the cause that explains most, as the watches order them; None where no cause points to one."""
    told = list(causes)
    if not told:
        return None
    first = min(told, key=_place)
    return next((item for item in PLAYBOOKS if first in item.causes), None)


def _place(cause: str) -> int:
    name: str = _AS.get(cause, cause)
    return RANK.get(name, len(RANK))


_AS = {"outage": "errors", "ledger": "errors", "refusals": "refused", "promotion": "decisions"}
"""What a look from outside names otherwise than the watches."""
