"""What live traffic amounts to, as it was counted while it was answered; and the same counted again from the ledger."""

from __future__ import annotations

from types import TracebackType

from holdfast.ledger.read import LedgerReader
from holdfast.monitoring.counting import Projection, bins_in, count
from holdfast.monitoring.counts import Counts, total
from holdfast.monitoring.store import FORMAT, SERVICE, Cursor, Keep, Store, folder
from holdfast.project.project import Project


def keep(project: Project) -> Keep:
    """For how long counts are kept, from the settings."""
    settings = project.settings
    return Keep(settings.profiles_minutes_days, settings.profiles_hours_days, settings.profiles_days)


def acknowledged(project: Project) -> int:
    """The last record that is on the disk for sure; 0 where nothing was ever recorded."""
    if not project.state_path.exists():
        return 0
    with project.reading() as state:
        return state.applied_seq


class Counted:
    """A project's stored counts, for reading. Times are µs UTC of event time; the server's own have none, see
    `counting`.

    Minutes are told apart for `profiles.minutes_days` before the newest decision, then hours, then days: of a stretch
    that begins or ends within one of those, an hour or a day counts where it begins.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._store = Store(folder(project.home), readonly=True)

    def catch_up(self) -> int:
        """Count what nobody has counted yet, as far as it is on the disk; how many records that were.

        A running server has counted all but the last second. Without one this is how the rest gets counted.
        """
        until = acknowledged(self._project)
        cursor = self._store.cursor()
        if until <= cursor.seq and cursor.format == FORMAT:
            return 0
        projection = Projection(self._project.home, self._project.reader, keep(self._project))
        try:
            return projection.catch_up(until)
        finally:
            projection.close()

    def versions(self) -> tuple[tuple[str, str], ...]:
        """(version, bundle) of each that anything was counted of."""
        return self._store.versions()

    def counts(self, version: str, start: int, end: int, bundle: str = "") -> Counts:
        """Everything of a version in [start, end); empty where nothing was asked."""
        return self._store.counts(version, start, end, bundle)

    def hours(self, version: str, start: int, end: int, bundle: str = "") -> list[Counts]:
        """The same for each hour of the clock in which there was something."""
        return self._store.hours(version, start, end, bundle)

    def service(self, start: int, end: int) -> Counts:
        """How requests were answered in [start, end): `latency`, `replies` and `away` of the whole server."""
        return self._store.counts(SERVICE, start, end)

    def cursor(self) -> Cursor:
        """How far was counted: `seq`, the `oldest` and `newest` event time, and from when on minutes are kept."""
        return self._store.cursor()

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def recomputed(
    project: Project, version: str, start: int, end: int, bundle: str = "", *, until: int | None = None
) -> Counts:
    """The same counts as `Counted.counts`, from the ledger alone: every record up to seq `until` is read again.

    Without `until` as far as the stored counts go, so that both say the same at any moment. Equal where the stretch is
    made of whole minutes, hours or days, as they are kept by then.
    """
    if until is None:
        with Counted(project) as counted:
            until = counted.cursor().seq
    cursor, find = Cursor(), bins_in(project.bundles_path)
    found: list[Counts] = []
    part = []
    for record in LedgerReader(project.ledger_path).records(0, until):
        part.append(record)
        if len(part) == 4_096:
            found += _inside(count(part, cursor, find), version, start, end, bundle)
            part.clear()
    found += _inside(count(part, cursor, find), version, start, end, bundle)
    return total(found, version, start, end)


def _inside(counts: list[Counts], version: str, start: int, end: int, bundle: str) -> list[Counts]:
    found = [
        item for item in counts if item.version == version and start <= item.start < end and bundle in ("", item.bundle)
    ]
    return [total(found, version, start, end)] if found else []
