"""Why a recorded decision came out as it did: exact contributions, by the version that decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from holdfast.errors import HoldfastError
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.ledger.records import Decision


@dataclass(frozen=True)
class Reason:
    feature: str
    value: float | str | bool | None
    contribution: float
    """What it added to the raw score."""
    description: str


@dataclass(frozen=True)
class Explained:
    """One decision with all its reasons, the largest first; with the base value they add up to the score."""

    prediction_id: str
    event_id: str
    version: str
    score: float
    probability: float
    threshold: float
    decision: bool
    base_value: float
    method: str
    reasons: tuple[Reason, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        verdict = "yes" if self.decision else "no"
        return [
            (
                f"{self.prediction_id} (event {self.event_id}), version {self.version}: {verdict}, "
                f"probability {self.probability:.6g} against {self.threshold:.6g}"
            ),
            f"raw score {self.score:.6g} = {self.base_value:.6g} and, by {self.method}:",
        ]


def explain(project: Project, name: str) -> Explained:
    """The decision of a prediction id or an event id. Raises HoldfastError when there is none."""
    from holdfast.ledger.replay import unpack
    from holdfast.project.bundles import bundle_of
    from holdfast.serving.explain import value_in_words

    decision = found(project, name)
    bundle = bundle_of(project, decision)
    features = {feature.name: feature for feature in bundle.contract.features}
    reasons = tuple(
        Reason(
            item.feature,
            value_in_words(bundle.contract, features[item.feature], item.value),
            item.contribution,
            features[item.feature].description,
        )
        for item in bundle.explain(unpack(decision.features))
    )
    return Explained(
        prediction_id=decision.prediction_id,
        event_id=decision.event_id,
        version=decision.version,
        score=decision.score,
        probability=decision.probability,
        threshold=decision.threshold,
        decision=decision.decision,
        base_value=bundle.base_value,
        method=bundle.explained_by,
        reasons=reasons,
    )


def found(project: Project, name: str) -> Decision:
    """The decision with this prediction id, else the one about this event of the deciding source."""
    decision = project.reader.prediction(name)
    if decision is None:
        with project.reading() as state, state.snapshot() as snapshot:
            decision = project.reader.decision_of(snapshot, project.contract.decide_on, name)
    if decision is None:
        raise HoldfastError(
            f"no decision {name!r} is recorded",
            where=str(project.ledger_path),
            mend="give the id of a reply, or of an event",
        )
    return decision
