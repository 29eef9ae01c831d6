"""X19: a project backed up and restored again and again under load. What was acknowledged before is there again."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from tests.serving.shop import payment

from fire.audit import audit
from fire.crowd import Crowd, call, wait_for
from fire.experiment import Plan, Result, share
from fire.server import Running, new_shop
from holdfast.errors import HoldfastError
from holdfast.project.backup import MANIFEST, backup
from holdfast.project.project import Project
from holdfast.project.restore import restore
from holdfast.project.settings import FILE


def run(plan: Plan) -> Result:
    rounds, each = plan.much(20, 3), plan.much(1_000, 100)
    home = new_shop(plan.place("shop"))
    (home.parent / FILE).write_text('name = "shop"\n', encoding="utf-8")
    project = Project.open(home.parent)
    file = plan.folder / "acknowledged"
    wrong: list[str] = []
    saving, restoring = list[float](), list[float]()
    lost = older = spoilt = 0
    with Running(home, workers=2) as server, Crowd(lambda: server.port, 6, file=file) as told:
        for number in range(rounds):
            wait_for(lambda: len(told.answered) > each * (number + 1), 60, "an answer between two backups")
            promised = acknowledged(file)
            began = time.monotonic()
            kept = plan.folder / f"kept-{number}"
            backup(project, kept)
            saving.append(time.monotonic() - began)
            answered = len(told.answered)
            again = restored(kept, plan.folder / f"again-{number}", restoring)
            found = audit(again, promised, rebuilt_at=plan.place(f"rebuilt-{number}"))
            lost += len(found.lost)
            wrong += found.wrong
            if len(told.answered) == answered:
                wrong.append(f"nothing was answered during restore {number}")
            # The control: the same backup, judged by what was acknowledged after it.
            older += len(audit(again, acknowledged(file)).lost)
            spoilt += is_refused(kept, plan, number)
            for place in (again.parent, plan.folder / f"rebuilt-{number}"):
                shutil.rmtree(place)
    promised = acknowledged(file)
    backup(project, plan.folder / "last")
    again = restored(plan.folder / "last", plan.folder / "moved", restoring)
    found = audit(again, promised, rebuilt_at=plan.place("rebuilt-last"))
    lost += len(found.lost)
    wrong += found.wrong + told.changed + [f"{n} answers {status}" for status, n in told.failed.items()]
    figures = {
        "backups": rounds + 1,
        "acknowledged": len(promised),
        "lost": lost,
        "in the last one twice": len(found.duplicates),
        "with a flipped bit, refused": f"{spoilt} of {rounds}",
        "records in the last one": found.records,
        "backup p95 s": round(share(saving, 0.95), 2),
        "restore p95 s": round(share(restoring, 0.95), 2),
        "answers afterwards": answers(again),
    }
    held = not wrong and not lost and spoilt == rounds and figures["answers afterwards"] == 200
    control = f"judged by what was acknowledged after them, the {rounds} backups lack {older}"
    return Result(figures, held, control, older > 0, wrong)


def acknowledged(file: Path) -> list[str]:
    """What clients were told so far; a line that is still being written is none."""
    whole, _, _ = file.read_text().rpartition("\n")
    return whole.split()


def restored(kept: Path, into: Path, seconds: list[float]) -> Path:
    """The home of the project that comes back."""
    began = time.monotonic()
    restore(kept, into)
    seconds.append(time.monotonic() - began)
    return into / ".holdfast"


def is_refused(kept: Path, plan: Plan, number: int) -> int:
    """Whether a copy of the backup with one bit flipped, in any file but its list, is not restored."""
    copy, into = plan.folder / f"flipped-{number}", plan.folder / f"never-{number}"
    shutil.copytree(kept, copy)
    dice = plan.dice
    dice.seed(plan.seed + number)
    files = (path for path in copy.rglob("*") if path.is_file() and path.stat().st_size)
    chosen = dice.choice(sorted(path for path in files if path.name != MANIFEST))
    data = bytearray(chosen.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    chosen.write_bytes(data)
    try:
        restore(copy, into)
    except HoldfastError:
        return int(not into.exists())
    finally:
        shutil.rmtree(copy)
    return 0


def answers(home: Path) -> int:
    """What a server on the restored project says to a new request."""
    with Running(home, workers=1) as server:
        return call(server.port, "POST", "/predict", json.dumps(payment("after")).encode())[0]
