"""What lies below: a backup that does not come back."""

from __future__ import annotations

from holdfast.drills.ask import restored
from holdfast.drills.command import command
from holdfast.drills.drill import Drill, Within
from holdfast.drills.incidents.inputs import CHECKS
from holdfast.drills.stage import Stage


def backed_up(stage: Stage) -> None:
    command(stage.folder, "backup", str(stage.aside / "backup"))


def damaged(stage: Stage) -> None:
    """A byte of the ledger in the backup is another one."""
    backed_up(stage)
    files = [path for path in (stage.aside / "backup").rglob("*") if path.is_file() and "ledger" in str(path)]
    largest = max(files, key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(bytes(content))


DRILLS = (
    Drill("C6", "failed-restore", "the backup is damaged, and somebody needs it", f"{CHECKS}: backup", ("V7", "K10"),
          "ground", Within(0, 0), ("altered",), (restored,), damaged, days=0, twin=backed_up),
)  # fmt: skip
