"""Why a recorded decision came out as it did: its reasons, and the document that `POST /explain` answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.errors import HoldfastError
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.ledger.records import Decision


@dataclass(frozen=True)
class Explained:
    """One decision: `shape` is the same document that the server answers."""

    shape: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return dict(self.shape)

    def lines(self) -> list[str]:
        """The decision, its reasons and what else was asked for; the contributions are left to a table."""
        shape = self.shape
        lines = [
            (
                f"{shape['prediction_id']} (event {shape['event_id']}), version {shape['model']['version']}: "
                f"{shape['label']}, probability {shape['probability']:.6g} against {shape['threshold']:.6g}"
            ),
            "",
            *self._reasons(),
        ]
        if "counterfactual" in shape:
            found = shape["counterfactual"]
            lines += ["", f"what would have turned it: {found['says']}"]
            lines += [f"  (scored at the state {found['state']})"] if "state" in found else []
        if "second_opinion" in shape:
            lines += ["", f"second opinion (LIME): {shape['second_opinion']['says']}"]
            effects = shape["second_opinion"].get("effects", [])[:4]
            lines += [f"  {item['effect']:+.4g}  {item['group']}" for item in effects]
        base = f"raw score {shape['score']:.6g} = {shape['base_value']:.6g} and, by {shape['explained_by']}:"
        return [*lines, "", base]

    def _reasons(self) -> list[str]:
        reference, reasons = self.shape["reference"], self.shape["reasons"]
        who = reference["says"] if reference else "no reference (this bundle has none)"
        if not reasons:
            return [f"nothing speaks for it against {who}"]
        return [
            f"for these reasons, against {who}:",
            *(f"  {at}. {item['reason']}" for at, item in enumerate(reasons, 1)),
        ]


def explain(
    project: Project, name: str, *, counterfactual: bool = False, lime: bool = False, seed: int = 0
) -> Explained:
    """The decision of a prediction id or an event id. Raises HoldfastError when there is none."""
    from holdfast.project.bundles import deciders
    from holdfast.serving.explain import explanation, opinion
    from holdfast.serving.live import compile_version
    from holdfast.serving.whatif import counterfactual as turn

    decision = found(project, name)
    version = compile_version(deciders(project, list(project.reader.course()))(decision), decision.version)
    shape = explanation(decision, version)
    if counterfactual:
        with project.reading() as state, state.snapshot() as snapshot:
            shape["counterfactual"] = turn(version, decision, state, snapshot)
    if lime:
        shape["second_opinion"] = opinion(version.bundle, decision, seed)
    return Explained(shape)


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
