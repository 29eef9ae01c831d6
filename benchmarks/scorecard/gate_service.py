"""Faults of scalability (4), monitoring (8), readiness (9) and recovery (10): of the servers and of what is kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.scorecard.ask import fault
from benchmarks.scorecard.fault import Fault
from benchmarks.scorecard.gate_trust import ALTERED
from benchmarks.scorecard.stage import LENDER, Stage
from tests.checks import stage as shops
from tests.checks.unsound import LYING, OTHER_FEATURES, OTHER_SHAPE, ROUNDED, SLOW, Nowhere, flip

from holdfast.checks import load, receiver, recovery_backup, recovery_rollback
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError
from holdfast.project.backup import backup
from holdfast.project.bundles import named
from holdfast.project.project import Project
from holdfast.project.train import train

LARGE = """
held = b"1" * (700 << 20)
"""
STANDING = """
import time
from holdfast.serving.decide import Decider
decide, stood = Decider.decide, [time.monotonic()]
def standing(*words, **more):
    if time.monotonic() - stood[0] > 0.1:
        time.sleep(0.8)
        stood[0] = time.monotonic()
    return decide(*words, **more)
Decider.decide = standing
"""
NOT_FOLLOWING = """
from holdfast.serving import follow
follow.POLL = 3_600.0
"""
ASKED = "GATE801 GATE802 GATE803 GATE1002"
"""What a server is asked by the hundred for: it takes longer, or does not come to an end."""


def _served(code: str) -> Any:
    """The clean version on servers that are not sound."""

    def put(stage: Stage) -> Subject:
        stage.copied()
        shops.spoilt_servers(stage.patch, stage.room.folder / "spoilt", code)
        return stage.version()

    return put


def _slow(stage: Stage) -> Subject:
    stage.patch.setattr(load, "BATCHES", 0)
    stage.patch.setattr(load, "PATIENCE", 2.0)
    found: Subject = _served(SLOW)(stage)
    return found


def _copied(change: Callable[[Stage, Subject], None]) -> Any:
    def put(stage: Stage) -> Subject:
        stage.copied()
        sound = stage.version()
        change(stage, sound)
        return sound

    return put


def _told(line: str) -> Any:
    """Another setting of alerts, or of what is watched."""

    def put(stage: Stage) -> Subject:
        settings = stage.copied().folder / "holdfast.toml"
        settings.write_text(settings.read_text() + line + "\n")
        return stage.version()

    return put


def _unheard(stage: Stage) -> Subject:
    settings = stage.copied().folder / "holdfast.toml"
    settings.write_text("".join(line for line in settings.open() if not line.startswith("webhook")))
    return stage.version()


def _changed_meanwhile(folder: Path) -> None:
    contract = folder / "contract.py"
    contract.write_text(contract.read_text() + "\n# tried out\n")


def _trained(**more: Any) -> Any:
    def put(stage: Stage) -> Subject:
        stage.lender(**more)
        return stage.version()

    return put


def _no_libraries(stage: Stage, sound: Subject) -> None:
    (sound.folder / "environment.lock").write_text("# Python 3.11\n")


def _no_card(stage: Stage, sound: Subject) -> None:
    (sound.folder / "model_card.md").write_text("")


def _spoilt_backup(pattern: str) -> Any:
    def put(stage: Stage, sound: Subject) -> None:
        def spoilt(project: Project, to: Path) -> Any:
            done = backup(project, to)
            flip(next(to.glob(pattern)))
            return done

        stage.patch.setattr(recovery_backup, "backup", spoilt)

    return put


def _no_restore(stage: Stage, sound: Subject) -> None:
    def full(source: Path, into: Path) -> Any:
        raise HoldfastError("no space is left")

    stage.patch.setattr(recovery_backup, "restore", full)


def _nowhere(stage: Stage, sound: Subject) -> None:
    stage.patch.setattr(receiver, "WebhookDoor", Nowhere)


def _no_way_back(stage: Stage) -> Subject:
    """The version before it is live, and its bundle is damaged where nobody looked since."""
    project = stage.copied()
    (project.folder / "1.version").write_text(named(project, "1")[1].hash)
    shops.live(project, "1")
    train(project, changes=["seed=6"])
    found = stage.version("2")
    rehearsal = found.rehearsal
    _ = rehearsal.server
    flip(rehearsal.project.bundles_path / rehearsal.former[1].hash / "model.json")
    return found


def _not_following(stage: Stage) -> Subject:
    stage.patch.setattr(recovery_rollback, "PATIENCE", 3.0)
    found: Subject = _served(NOT_FOLLOWING)(stage)
    return found


_ = partial(fault, base=LENDER, in_the_data=False)
FAULTS: tuple[Fault, ...] = (
    _("C4.1a", "a server that holds 700 MB more than it needs, where 512 are there", "GATE403", _served(LARGE)),
    _("C4.2a", "a server that gives sixteen answers a second", "GATE401", _slow, beside=f"GATE402 GATE403 {ASKED}"),
    _("C4.3a", "a server that stands still for most of each second", "GATE401", _served(STANDING),
      beside=f"GATE402 {ASKED}"),
    _("C8.1a", "a watch that no drift wakes", "GATE801", _told("[monitor]\nleast_predictions = 1000000000")),
    _("C8.1b", "a watch that cries at the training's own rows", "GATE801", _told("[monitor]\ndrift_psi = -1.0")),
    _("C8.2a", "answers as if they were recorded while the disk is full", "GATE803", _served(LYING)),
    _("C8.3a", "alerts that arrive nowhere", ("GATE801", "GATE802", "GATE803"), _copied(_nowhere),
      beside="GATE801 GATE802 GATE803"),
    _("C8.3b", "alerts that only the log hears", "GATE804", _unheard),
    _("C9.1a", "trained with files that were not committed", "GATE902", _trained(meanwhile=_changed_meanwhile)),
    _("C9.1b", "trained outside of version control", "GATE904", _trained(under_git=False)),
    _("C9.1c", "no record of the libraries it was trained with", "GATE902", _copied(_no_libraries),
      beside=f"{ALTERED} GATE505"),
    _("C9.2a", "an empty model card", "GATE903", _copied(_no_card), beside=ALTERED),
    _("C9.2b", "faults are not told in the form that is documented", "GATE901", _served(OTHER_SHAPE)),
    _("C9.2c", "answers a last digit off what the bundle says", "GATE901", _served(ROUNDED), beside="GATE1001"),
    _("C9.2d", "a server that computes a feature otherwise", "GATE901", _served(OTHER_FEATURES),
      beside="GATE801 GATE1001"),
    _("C10.1a", "a backup whose model was damaged before it was needed", "GATE1001",
      _copied(_spoilt_backup("**/bundles/*/model.*"))),
    _("C10.1b", "a backup whose registry was damaged", "GATE1001", _copied(_spoilt_backup("mlflow.db"))),
    _("C10.1c", "a backup that cannot be restored", "GATE1001", _copied(_no_restore)),
    _("C10.2a", "the version before cannot be opened any more", "GATE1002", _no_way_back,
      beside="GATE1001"),
    _("C10.2b", "a server that does not hear of a rollback", "GATE1002", _not_following),
)  # fmt: skip
