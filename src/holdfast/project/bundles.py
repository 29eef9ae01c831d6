"""Bundles by name: the version a person means, and the one that made a decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from holdfast.errors import HoldfastError
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle
    from holdfast.ledger.records import Decision, Record
    from holdfast.registry.history import History


def history(project: Project) -> History:
    """Every decision about which version is live, oldest first."""
    from holdfast.registry.history import History

    return History.of(project.reader.promotions())


def opened(project: Project, name: str) -> Bundle:
    """The verified bundle of a hash, from the project's folder. Raises HoldfastError when it is away or damaged."""
    from holdfast.bundle.load import load

    place = project.bundles_path / name
    if not place.is_dir():
        raise HoldfastError("this bundle is not here", where=str(place), mend="promote its version again to fetch it")
    return load(place, expect=name)


def deciders(project: Project, course: Sequence[Record]) -> Callable[[Decision], Bundle]:
    """The bundle that made a decision, each verified and opened once. `course`: promotions and experiments.

    It raises HoldfastError, each time, when they do not name it, or it is damaged.
    """
    found: dict[tuple[str, str], Bundle | HoldfastError] = {}

    def bundle_of(decision: Decision) -> Bundle:
        key = (decision.version, decision.contract)
        if key not in found:
            try:
                found[key] = opened(project, bundle_name(decision, course))
            except HoldfastError as error:
                found[key] = error
        bundle = found[key]
        if isinstance(bundle, HoldfastError):
            raise bundle
        return bundle

    return bundle_of


def bundle_name(decision: Decision, records: Sequence[Record]) -> str:
    """The bundle that made a decision, as promotions and experiments among the records say, the newest first.

    Raises HoldfastError when none of them names it.
    """
    from holdfast.ledger.records import Experiment, Promotion

    wanted = (decision.version, decision.contract)
    for step in reversed(records):
        arms = [step] if isinstance(step, Promotion) else step.arms if isinstance(step, Experiment) else []
        for arm in arms:
            if (arm.version, arm.contract) == wanted:
                return arm.bundle
    raise HoldfastError(
        f"the history of promotions does not name version {decision.version}", where=decision.prediction_id
    )


def named(project: Project, which: str) -> tuple[str, Bundle]:
    """A version and its verified bundle, by version number or alias; fetched from the registry when it is not here.

    An alias means what the project's own history says, not what the registry's says.
    """
    step = history(project).live(which.removeprefix("@"))
    if step is not None:
        return step.version, opened(project, step.bundle)
    version = project.registry.version(which)
    place = project.registry.fetch(version.number, project.bundles_path)
    return version.number, opened(project, place.name)
