"""Follows promotions in the ledger: load, verify, check the state, swap. The registry's bare alias is not followed.

A promotion that cannot be followed leaves the old version serving, an experiment that cannot be followed leaves the
champion alone with the answers; why is told in `Live.trouble` and tried again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

from holdfast.bundle.bundle import Bundle
from holdfast.errors import HoldfastError
from holdfast.features.plan import Series
from holdfast.ledger.records import Arm, Experiment, Measure, Promotion
from holdfast.ledger.writer import now_micros
from holdfast.serving.live import Archive, Live, LiveSet, Version, compile_version
from holdfast.serving.words import words
from holdfast.traffic.course import Experiments, holds_for
from holdfast.traffic.measures import Measures

log = logging.getLogger("holdfast.serving")

CHAMPION = "champion"
POLL = 0.25
"""Seconds between two looks at the ledger; a promotion is live well within two."""
AGAIN = 5.0
"""Seconds before a refused bundle is looked at again; it may have been fetched anew."""


Promotions = Callable[[int], tuple[Sequence[Promotion | Experiment | Measure], int]]
"""Promotions, experiments' records and measures with a seq above the given one, in order, and the seq up to which it
looked. Acknowledged ones only."""

Load = Callable[[str], Bundle]
"""The verified bundle of a hash. Raises HoldfastError."""

Ready = Callable[[Series], bool]
"""Whether state has this series, complete."""


class Course:
    """What the promotions so far say: which bundle is champion, and which was before it."""

    def __init__(self) -> None:
        self.seq = 0
        self.steps: list[Promotion] = []
        self.experiments = Experiments()
        self.measures = Measures()

    def take(self, promotions: Promotions) -> None:
        """Reads on from where it stopped."""
        found, self.seq = promotions(self.seq)
        for item in found:
            if isinstance(item, Experiment):
                self.experiments.take(item)
            elif isinstance(item, Measure):
                self.measures.take(item)
            elif item.alias == CHAMPION and item.action != "archive":
                self.steps.append(item)

    def under_way(self, champion: str) -> tuple[Experiment, ...]:
        """The experiments that the bundle `champion` is the champion of: one that answers, one of shadows at most."""
        found = (self.experiments.answering(), self.experiments.shadowing())
        return tuple(item for item in found if item is not None and holds_for(item, champion))

    def before(self, at: int) -> Promotion | None:
        """The last champion before step `at` that was another bundle."""
        return next((step for step in reversed(self.steps[:at]) if step.bundle != self.steps[at].bundle), None)

    def archive(self, load: Load) -> Archive:
        """Finds a version that was champion once, or took part in an experiment."""

        def find(contract: str, version: str) -> Version | None:
            steps: list[Promotion | Arm] = [*reversed(self.steps), *self.experiments.arms()]
            for step in steps:
                if step.version == version and step.contract == contract:
                    try:
                        return compile_version(load(step.bundle), version)
                    except HoldfastError:
                        return None
            return None

        return find


class Follower(threading.Thread):
    """Keeps `live` true to the ledger's promotions."""

    def __init__(
        self,
        live: Live,
        course: Course,
        promotions: Promotions,
        load: Load,
        ready: Ready,
    ) -> None:
        super().__init__(name="holdfast-follower", daemon=True)
        self._live = live
        self._course = course
        self._promotions = promotions
        self._load = load
        self._ready = ready
        self._end = threading.Event()
        self._loaded: tuple[int, Version] | None = None
        """The promotion that waits for its state, and its version."""
        self._refused: tuple[int, float] | None = None
        """The promotion whose bundle was refused, and when to try it again."""
        self._arms: dict[tuple[str, str], Version] = {}
        """Versions of the experiments under way, loaded, by bundle and name."""
        self._again = 0.0
        """When an experiment that could not be followed is looked at again."""

    def run(self) -> None:
        while not self._end.wait(POLL):
            self.look()

    def look(self) -> None:
        """One step that never raises."""
        try:
            self.step()
        except Exception as error:  # noqa: BLE001 — whatever it is, the old version goes on answering
            self._complain(f"promotions cannot be followed: {words(error)}")

    def stop(self) -> None:
        self._end.set()
        self.join()

    def step(self) -> None:
        """One look at the ledger; swaps when there is another champion that is ready."""
        self._course.take(self._promotions)
        self._measures()
        wanted = self._course.steps[-1]
        now = self._live.now
        if wanted.bundle == now.champion.bundle.hash and wanted.version == now.champion.version:
            self._experiments(now)
            return
        if self._refused is not None and self._refused[0] == wanted.seq and monotonic() < self._refused[1]:
            return
        try:
            version = self._version(wanted, now)
        except HoldfastError as error:
            self._refused = (wanted.seq, monotonic() + AGAIN)
            self._complain(f"version {wanted.version} was promoted but cannot serve: {error}")
            return
        self._loaded = (wanted.seq, version)
        if not all(map(self._ready, version.plan.series)):
            self._complain(f"version {wanted.version} was promoted but its state is still being built")
            return
        self._live.replace(replace(LiveSet.of(version, now.champion, wanted.seq), measures=self._live.now.measures))
        self._loaded = None
        told = {"event": "promoted", "version": version.version}
        log.info("version %s answers now (before: %s)", version.version, now.champion.version, extra=told)

    def _measures(self) -> None:
        """Let answers go by the measures in force: those put since are in it, those lifted or over are not."""
        standing = self._course.measures.standing(now_micros())
        if standing != self._live.now.measures:
            # `replace` of Live would clear its trouble, which is another matter.
            self._live.now = replace(self._live.now, measures=standing)
            held = [] if standing is None else standing.measures
            told = ", ".join(f"{item.kind} of record {item.seq}" for item in held) or "none"
            log.warning("measures in force: %s", told, extra={"event": "measures"})

    def _experiments(self, now: LiveSet) -> None:
        """The champion is the one promoted: let it answer under the experiments of the ledger."""
        wanted = self._course.under_way(now.champion.bundle.hash)
        if tuple(item.seq for item in wanted) == now.experiments:
            self._live.trouble = ""
            return
        trouble = self._live.trouble
        if monotonic() >= self._again:
            try:
                self._arms |= {(arm.bundle, arm.name): self._arm(arm) for item in wanted for arm in item.arms[1:]}
                self._ready_all(wanted)
                self._under(now, wanted)
                return
            except HoldfastError as error:
                self._again = monotonic() + AGAIN
                names = ", ".join(item.name for item in wanted)
                trouble = f"the experiment {names} cannot be followed, so the champion answers: {error}"
        known = [item for item in wanted if item.seq in now.experiments]
        if len(known) < len(now.experiments):
            # What has ended or changed is left at once, whatever becomes of the next.
            self._under(now, known)
        self._complain(trouble)

    def _ready_all(self, wanted: Sequence[Experiment]) -> None:
        for arm in (arm for item in wanted for arm in item.arms[1:]):
            if not all(map(self._ready, self._arms[arm.bundle, arm.name].plan.series)):
                raise HoldfastError(f"the state of version {arm.version} is still being built")

    def _under(self, now: LiveSet, wanted: Sequence[Experiment]) -> LiveSet:
        """Swap to the champion under these experiments, whose arms are loaded."""
        bare = LiveSet.of(now.champion, now.previous, now.seq)
        split = next((item for item in wanted if item.kind != "shadow"), None)
        shadows = [
            self._arms[arm.bundle, arm.name] for item in wanted if item.kind == "shadow" for arm in item.arms[1:]
        ]
        arms = [] if split is None else [now.champion, *(self._arms[arm.bundle, arm.name] for arm in split.arms[1:])]
        made = replace(
            bare.under(split, arms, shadows), experiments=tuple(item.seq for item in wanted), measures=now.measures
        )
        self._live.replace(made)
        kept = {(arm.bundle, arm.name) for item in wanted for arm in item.arms}
        self._arms = {key: version for key, version in self._arms.items() if key in kept}
        for item in wanted:
            log.info(
                "experiment %s: %s", item.name, ", ".join(f"{arm.name} {arm.weight / 100:g} %" for arm in item.arms)
            )
        return made

    def _arm(self, arm: Arm) -> Version:
        """The compiled version of a variant; one that is loaded already is not loaded again."""
        found = self._arms.get((arm.bundle, arm.name))
        if found is not None and found.version == arm.version:
            return found
        for version in self._live.now.versions:
            if version.bundle.hash == arm.bundle and version.version == arm.version:
                return replace(version, variant=arm.name)
        return compile_version(self._load(arm.bundle), arm.version, arm.name)

    def _version(self, wanted: Promotion, now: LiveSet) -> Version:
        """The compiled version; one that is loaded already is not loaded again."""
        if self._loaded is not None and self._loaded[0] == wanted.seq:
            return self._loaded[1]
        for version in now.versions:
            if version.bundle.hash == wanted.bundle and version.version == wanted.version:
                return replace(version, variant=CHAMPION)
        return compile_version(self._load(wanted.bundle), wanted.version)

    def _complain(self, what: str) -> None:
        if what and what != self._live.trouble:
            log.error("%s", what, extra={"event": "not_followed"})
        self._live.trouble = what


def begin(course: Course, promotions: Promotions, load: Load, ready: Ready) -> Live:
    """The live set at start: the champion, or where it cannot serve, the newest champion before it that can.

    Raises HoldfastError when nothing was promoted yet, or no champion so far can serve.
    """
    course.take(promotions)
    if not course.steps:
        mend = 'train a version, then promote it: holdfast promote VERSION --why "…"'
        raise HoldfastError("there is no champion to serve", mend=mend)
    problems: list[str] = []
    for at in range(len(course.steps) - 1, -1, -1):
        step = course.steps[at]
        try:
            champion = compile_version(load(step.bundle), step.version)
        except HoldfastError as error:
            problems.append(f"version {step.version} was promoted but cannot serve: {error}")
            continue
        if not all(map(ready, champion.plan.series)):
            problems.append(f"version {step.version} was promoted but its state is not built")
            continue
        live = Live(LiveSet.of(champion, _previous(course, at, load, ready), step.seq), course.archive(load))
        live.trouble = problems[0] if problems else ""
        return live
    mend = "mend the bundle or the state (holdfast state rebuild), or promote another version"
    raise HoldfastError("no version that was ever champion can serve: " + "; ".join(dict.fromkeys(problems)), mend=mend)


def _previous(course: Course, at: int, load: Load, ready: Ready) -> Version | None:
    """The champion before, kept for its fields and for a rollback; a broken one is left out."""
    step = course.before(at)
    if step is None:
        return None
    try:
        version = compile_version(load(step.bundle), step.version)
    except HoldfastError as error:
        log.warning("the champion before, version %s, cannot be kept ready: %s", step.version, error)
        return None
    return version if all(map(ready, version.plan.series)) else None
