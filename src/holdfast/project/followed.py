"""What a watch knows of the ledger: read once, then followed, so that a look costs what came since the last one."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from holdfast.contract.model import DAY
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Experiment, Promotion, Retraining
from holdfast.project.judged import Judgements
from holdfast.project.project import Project
from holdfast.registry.history import History
from holdfast.traffic.course import Experiments

if TYPE_CHECKING:
    from holdfast.contract.model import Contract

BACK = 120
"""Days that are looked back on: by the triggers. The watches look back on twelve weeks."""
SLACK = 2 * DAY
"""A look may be of a moment before the newest decision."""


class Followed:
    """The turns of a project's ledger, and its judgements by version. Any thread may ask; times are µs UTC."""

    def __init__(self, project: Project) -> None:
        self._path = project.ledger_path
        self._reader = LedgerReader(self._path)
        self._lock = RLock()
        self._seen = 0
        self._turns: list[Promotion | Experiment | Retraining] = []
        self._judged: dict[tuple[str, str], Judgements] = {}

    def turns(self) -> tuple[Promotion | Experiment | Retraining, ...]:
        """Promotions, decisions about experiments and trainings anew up to now, in order of seq."""
        with self._lock:
            for item in self._reader.turns(self._seen):
                self._turns.append(item)
                self._seen = item.seq
            self._seen = max(self._seen, self._reader.walked)
            return tuple(self._turns)

    def history(self) -> History:
        """Every decision about which version is live."""
        return History.of(self.turns())

    def answering(self) -> dict[str, str]:
        """Versions that answer or are to, each with its bundle's hash: champion, challenger, then an experiment's."""
        turns = self.turns()
        course, experiment = History.of(turns), Experiments(turns).answering()
        live = [step for alias in ("champion", "challenger") if (step := course.live(alias)) is not None]
        found = {step.version: step.bundle for step in live}
        return found | {arm.version: arm.bundle for arm in (experiment.arms if experiment else [])}

    def judgements(self, version: str, contract: Contract) -> Judgements:
        """What a version decided, as far back as is looked, read up to now."""
        key = (version, contract.hash)
        with self._lock:
            if key not in self._judged:
                back = BACK * DAY + contract.target.settled_after + SLACK
                # A reader of its own: where one stands in the ledger is nothing to share between threads.
                self._judged[key] = Judgements(LedgerReader(self._path), contract, version, back=back)
            found = self._judged[key]
        found.catch_up()
        return found

    def forget(self, but: set[tuple[str, str]]) -> None:
        """Drop judgements of all versions but these (version, hash of its contract)."""
        with self._lock:
            self._judged = {key: item for key, item in self._judged.items() if key in but}
