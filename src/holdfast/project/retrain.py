"""Training anew on what matured since: compared, examined, and offered beside the champion. Never made champion.

Whoever asks, a person or a trigger, the way is the same: gather, train, the same gate on the same rows as the champion,
and then the alias `challenger`, or a canary where people have approved the version. Each end is written down.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.errors import HoldfastError
from holdfast.project.bundles import history, opened
from holdfast.project.fresh import FOLDER, Fresh, gather, grounds, keep
from holdfast.project.people import person
from holdfast.project.project import Project
from holdfast.project.train import Version, quiet, train

if TYPE_CHECKING:
    from holdfast.ledger.records import Experiment, Promotion, Retraining, RetrainingEnd
    from holdfast.project.build import Table

Examine = Callable[[Project, str], Mapping[str, Any]]
"""The gate, which stands above this room: it examines a version, keeps the verdict, and answers it as JSON."""
CHALLENGER = "challenger"
COMPARED = "GATE203"
"""The check that judges the newcomer and the champion on the same rows."""


@dataclass(frozen=True)
class Retrained:
    """What became of it, as it is on disk."""

    record: Retraining
    trained: Version | None = None
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.record.ended in ("challenger", "canary", "waiting")

    def as_dict(self) -> dict[str, Any]:
        item = self.record
        names = ("seq", "because", "why", "who", "ended", "reason", "version", "bundle", "champion", "until", "figures")
        return {**{name: getattr(item, name) for name in names}, "ok": self.ok, "notes": list(self.notes)}

    def lines(self) -> list[str]:
        item, figures = self.record, self.record.figures
        settled, positives = figures.get("settled", 0), figures.get("positives", 0)
        head = (
            f"{settled:,} decisions settled since version {item.champion} was trained, {positives:,} of them positive"
        )
        told = [head]
        if item.version:
            told.append(f"version {item.version}: {figures.get('compared') or 'not compared'}")
        if item.ended != "stopped" or not self.notes:
            return [*told, f"{item.ended} (record {item.seq}): {item.reason}", *(f"  {note}" for note in self.notes)]
        # The notes are what the reason is made of: each on a line of its own.
        told.append(f"stopped (record {item.seq}): the gate found what it may not pass with, {len(self.notes)} in all")
        steps = (
            f'waive CODE {item.version} --because "…"',
            f"check {item.version}",
            f'promote {item.version} --alias {CHALLENGER} --why "…"',
        )
        mend = "mend it and train anew; or answer for each: " + ", then ".join(f"holdfast {step}" for step in steps)
        return [*told, *(f"  {note}" for note in self.notes), f"next: {mend}"]


@dataclass
class _Asked:
    """What is known of one retraining on its way."""

    project: Project
    because: tuple[str, ...]
    why: str
    champion: Promotion
    until: int = 0
    figures: dict[str, Any] = field(default_factory=dict)

    def end(
        self, ended: RetrainingEnd, reason: str, made: Version | None = None, notes: Sequence[str] = ()
    ) -> Retrained:
        from holdfast.ledger.records import Retraining

        who = person(self.project)
        record = Retraining(
            because=list(self.because), why=self.why, who=who.name, key=who.key, ended=ended, reason=reason,
            version=made.version if made else "", bundle=made.trained.bundle if made else "",
            champion=self.champion.version, until=self.until, figures=self.figures,
        )  # fmt: skip
        with self.project.writing() as (_, writer):
            kept = writer.commit([record])[0]
        assert isinstance(kept, Retraining)
        return Retrained(kept, made, tuple(notes))


def retrain(
    project: Project,
    *,
    examine: Examine,
    because: Sequence[str] = (),
    why: str = "",
    canary: Mapping[str, Any] | None = None,
    changes: Sequence[str] = (),
    progress: Callable[[int, int | None], None] | None = None,
    phase: Callable[[str], None] = quiet,
) -> Retrained:
    """Train on history and ledger together, and offer what passes the gate beside the champion.

    `because` are kinds of triggers (`monitoring.triggers`), `why` words for people. `canary` is a plan
    (`holdfast.traffic.plan`) for a canary in the place of the alias: started at once where the version is approved
    already, else left waiting for that. Raises HoldfastError where nothing is champion yet or nobody says why;
    too little new and a gate that stops it are ends like others, written down.
    """
    champion = history(project).live()
    if champion is None:
        raise HoldfastError("nothing answers yet, so there is nothing to train anew", mend="holdfast train")
    if not why.strip() and not because:
        raise HoldfastError("nobody says why it is trained anew", mend='holdfast retrain --because "…"')
    asked = _Asked(project, tuple(because), why or ", ".join(because), champion)
    folder = (project.home / FOLDER / ".gathering").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    phase("gather")
    fresh = gather(project, project.contract, folder)
    asked.until = fresh.until
    reason = _too_little(asked, fresh, fresh.project(project, folder), progress)
    if reason:
        shutil.rmtree(folder, ignore_errors=True)
        return asked.end("refused", reason)
    try:
        made = train(fresh.project(project, folder), changes=changes, phase=phase)
    except HoldfastError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return asked.end("refused", f"it cannot be trained: {error.what}")
    keep(project, folder, made.trained.bundle)
    phase("check")
    verdict = examine(project, made.version)
    compared = next((item for item in verdict["checks"] if item["code"] == COMPARED), None)
    asked.figures |= {
        "compared": None if compared is None else compared["why"],
        "difference": {} if compared is None else dict(compared["evidence"]).get("difference", {}),
    }
    if not verdict["ok"]:
        stopping = _stopping(verdict)
        return asked.end("stopped", _stopped(stopping), made, stopping)
    return _offered(asked, made, canary, progress)


def waiting(turns: Sequence[object]) -> Retraining | None:
    """The training anew whose canary waits for people, among records in order of seq; the last one counts."""
    from holdfast.ledger.records import Retraining

    made = (item for item in reversed(turns) if isinstance(item, Retraining) and item.ended != "refused")
    last = next(made, None)
    return last if last is not None and last.ended == "waiting" else None


def resume(
    project: Project,
    turns: Sequence[Promotion | Experiment | Retraining] | None = None,
    *,
    progress: Callable[[int, int | None], None] | None = None,
) -> Retrained | None:
    """Begin the canary that the last training anew waits with, once people have approved its version; never twice.

    `turns` are the ledger's, read from it where they are not given. None where nothing waits, where the door lets the
    version not pass yet, or where another experiment is under way. What somebody began since, or a process that was
    killed before it could say so, is written down and not begun again, even if it is over. Raises HoldfastError where
    the version may pass and the canary cannot be begun all the same.
    """
    from holdfast.project import experiment
    from holdfast.traffic.course import Experiments

    turns = list(project.reader.turns()) if turns is None else turns
    last = waiting(turns)
    if last is None:
        return None
    course = Experiments(turns)
    already = next((item for item in course.records.values() if _begins(item, last)), None)
    if already is not None:
        return _begun(project, last, already)
    live = history(project).live()
    if live is None or live.version == last.version or course.answering() is not None:
        return None
    person(project)  # before anything is begun: a key that is known no more may not stop it in the middle
    try:
        done = experiment.start(
            project, "canary", [last.version], told=last.figures.get("plan", {}), why=f"trained anew: {last.why}",
            progress=progress,
        )  # fmt: skip
    except HoldfastError as error:
        if error.what == experiment.VETOED or Experiments(project.reader.turns()).answering() is not None:
            return None
        raise
    return _begun(project, last, done.record)


def _begins(item: Experiment, last: Retraining) -> bool:
    """Whether it is the beginning of an experiment in which the version of this training answers."""
    answers = any((arm.version, arm.bundle) == (last.version, last.bundle) for arm in item.arms[1:])
    return item.seq > last.seq and item.action == "start" and item.kind != "shadow" and answers


def _begun(project: Project, last: Retraining, begun: Experiment) -> Retrained:
    from holdfast.ledger.records import Retraining

    who = person(project)
    record = Retraining(
        because=last.because, why=last.why, who=who.name, key=who.key, ended="canary", version=last.version,
        reason=f"approved since, it answers in the {begun.kind} {begun.name}", bundle=last.bundle,
        champion=begun.arms[0].version, until=last.until, figures=last.figures,
    )  # fmt: skip
    with project.writing() as (_, writer):
        kept = writer.commit([record])[0]
    assert isinstance(kept, Retraining)
    return Retrained(kept)


def retrainings(project: Project) -> list[Retraining]:
    """Every training anew, in order."""
    from holdfast.ledger.records import Retraining

    return [item for item in project.reader.turns() if isinstance(item, Retraining)]


def _offered(
    asked: _Asked, made: Version, canary: Mapping[str, Any] | None, progress: Callable[[int, int | None], None] | None
) -> Retrained:
    from holdfast.project import experiment
    from holdfast.project.promote import promote

    project, version = asked.project, made.version
    why = f"trained anew: {asked.why}"
    moved = promote(project, version, why=why, alias=CHALLENGER, progress=progress)
    notes = moved.decided.notes
    if canary is None:
        mend = f'holdfast approve {version} --because "…", then holdfast experiment start canary {version} --why "…"'
        return asked.end("challenger", f"it passed the gate and is {CHALLENGER}; next: {mend}", made, notes)
    asked.figures["plan"] = dict(canary)
    try:
        done = experiment.start(project, "canary", [version], told=canary, why=why, progress=progress)
    except HoldfastError as error:
        # Nobody but people lets a version answer: the plan is kept, and is begun by a command once they approved.
        lacking = "; ".join(str(problem) for problem in error.problems) or error.what
        return asked.end("waiting", f"the canary is not begun: {lacking}", made, notes)
    return asked.end("canary", f"it passed the gate and answers in the canary {done.record.name}", made, notes)


def _too_little(
    asked: _Asked, fresh: Fresh, project: Project, progress: Callable[[int, int | None], None] | None
) -> str:
    """Why there is too little to learn from; empty where there is enough. Builds the features on the way."""
    from holdfast.project.build import features
    from holdfast.training.rows import rows_of

    table: Table = features(project, progress=progress)
    rows, _ = rows_of(table, project.contract)
    since = _learned_until(asked.project, asked.champion)
    new = (rows.y >= 0) & (rows.known > since)
    positives = int((rows.y[new] == 1).sum())
    asked.figures |= {
        "rows": len(rows), "lived": fresh.lived, "outcomes": fresh.outcomes, "unreadable": fresh.unreadable,
        "settled": int(new.sum()), "positives": positives,
    }  # fmt: skip
    settings = project.settings
    told = []
    if int(new.sum()) < settings.retrain_least_rows:
        told.append(
            f"{int(new.sum()):,} decisions settled since it was trained, {settings.retrain_least_rows:,} are wanted"
        )
    if positives < settings.retrain_least_positives:
        told.append(f"{positives:,} of them positive, {settings.retrain_least_positives:,} are wanted")
    return "; ".join(told)


def _learned_until(project: Project, champion: Promotion) -> int:
    """The last instant (µs UTC) that the champion's data knew of: what settled later is new to it."""
    from holdfast.training.rows import NEVER_KNOWN, rows_of
    from holdfast.training.train import trained_from

    bundle = opened(project, champion.bundle)
    made = bundle.manifest.training.get("split", {})
    bounds = [int(edge) for name in ("train", "test") for edge in made.get(name, ())]
    if bounds:
        # A test row is judged by a label that came a delay after it.
        return max(bounds) + int(made.get("delay", 0))
    from holdfast.project.build import features

    contract = trained_from(bundle.manifest, bundle.contract)
    rows, _ = rows_of(features(grounds(project, bundle.hash), contract=contract), contract)
    known = rows.known[(rows.y >= 0) & (rows.known < NEVER_KNOWN)]
    return int(known.max()) if len(known) else int(np.max(rows.times, initial=0))


def _stopping(verdict: Mapping[str, Any]) -> list[str]:
    """What stops it, one check after another."""
    return [
        f"{item['code']} {item['why']}"
        for item in verdict["checks"]
        if item["severity"] == "required" and item["status"] not in ("passed", "waived")
    ]


def _stopped(stopping: Sequence[str]) -> str:
    more = f"; and {len(stopping) - 5} more" if len(stopping) > 5 else ""
    return "the gate stopped it: " + ("; ".join(stopping[:5]) + more or "not everything was asked")
