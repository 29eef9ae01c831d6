"""The journey of `holdfast monitor`: what was counted of one version's traffic, looked at by every watch."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from holdfast.bundle.bundle import Bundle
from holdfast.monitoring.catalog import looked
from holdfast.monitoring.counts import Counts, total
from holdfast.monitoring.expected import HOUR, Expected
from holdfast.monitoring.finding import SEVERITIES, Finding
from holdfast.monitoring.limits import Limits, limits_from
from holdfast.monitoring.reference import MINUTE, Bins
from holdfast.monitoring.seen import Skew
from holdfast.project.bundles import named, opened
from holdfast.project.project import Project

if TYPE_CHECKING:
    from types import TracebackType

    from holdfast.ledger.replay import Difference
    from holdfast.project.followed import Followed
    from holdfast.project.judged import Judgements
    from holdfast.project.replay import LiveParity

SCHEMA = 1
WEEKS = 7
"""Weeks of traffic that a look may want."""
BEHIND = HOUR
"""A stream of decisions whose event time lies further behind the clock is recorded traffic, whose time is its own."""
PARITY = "parity.json"
FEATURE = "feature "
"""What replay puts before the name of a feature that differs."""
STALE = 3 * HOUR
"""From which age on a comparison with batch says nothing of now."""


class Source(Protocol):
    """Where counts come from: what was counted while serving, or the ledger."""

    def counts(self, version: str, start: int, end: int, bundle: str = "") -> Counts: ...
    def hours(self, version: str, start: int, end: int, bundle: str = "") -> list[Counts]: ...
    def service(self, start: int, end: int) -> Counts: ...
    def versions(self) -> tuple[tuple[str, str], ...]: ...


class Ledger:
    """The same counts from the ledger alone: refusals are in it, latencies and replies are not."""

    def __init__(self, project: Project) -> None:
        from holdfast.monitoring.counting import bins_in, count
        from holdfast.monitoring.store import Cursor

        self.cursor = Cursor()
        self._by_hour: dict[int, list[Counts]] = {}
        for item in count(project.reader.records(), self.cursor, bins_in(project.bundles_path)):
            self._by_hour.setdefault(item.start - item.start % HOUR, []).append(item)

    def counts(self, version: str, start: int, end: int, bundle: str = "") -> Counts:
        inside = (
            item
            for hour in range(start - start % HOUR, end, HOUR)
            for item in self._by_hour.get(hour, ())
            if item.version == version and start <= item.start < end and bundle in ("", item.bundle)
        )
        return total(inside, version, start, end)

    def hours(self, version: str, start: int, end: int, bundle: str = "") -> list[Counts]:
        known = [hour for hour in range(start - start % HOUR, end, HOUR) if hour in self._by_hour]
        return [self.counts(version, hour, hour + HOUR, bundle) for hour in known]

    def service(self, start: int, end: int) -> Counts:
        return Counts("", "", start, end)

    def versions(self) -> tuple[tuple[str, str], ...]:
        return tuple({(item.version, item.bundle): None for part in self._by_hour.values() for item in part})


@dataclass
class LiveSeen:
    """One look at a project: whole hours are read once, and only what begins or ends within one is read again."""

    project: Project
    now: int
    version: str
    bundle: Bundle
    expected: Expected
    source: Source
    oldest: int
    judgements: Judgements
    memo: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        start = self.now - self.now % HOUR - WEEKS * 7 * 24 * HOUR
        found = self.source.hours(self.version, start, self.now, self.bundle.hash)
        self._hours = {item.start - item.start % HOUR: item for item in found}

    def counts(self, start: int, end: int) -> Counts:
        end = min(end, self.now + MINUTE)
        first, last = start + -start % HOUR, end - end % HOUR
        if last <= first:
            return self._read(start, end)
        parts = [self._hours[hour] for hour in range(first, last, HOUR) if hour in self._hours]
        if start < first:
            parts.append(self._read(start, first))
        if last < end:
            parts.append(self._read(last, end))
        return total(parts, self.version, start, end)

    def _read(self, start: int, end: int) -> Counts:
        return self.source.counts(self.version, start, end, self.bundle.hash)

    def hours(self, start: int, end: int) -> Sequence[Counts]:
        inside = range(start - start % HOUR, end, HOUR)
        return [self._hours.get(hour, Counts(self.version, "", hour, hour + HOUR)) for hour in inside]

    def volumes(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        inside = range(start - start % HOUR, end, HOUR)
        return [(hour, self._hours[hour].decisions if hour in self._hours else 0) for hour in inside]

    def first(self) -> int:
        return self.oldest or self.now

    def service(self, start: int, end: int) -> Counts | None:
        return self.source.service(start, end)

    def others(self, start: int, end: int) -> tuple[int, int]:
        found = [
            self.source.counts(version, start, end, bundle)
            for version, bundle in self.source.versions()
            if version and (version, bundle) != (self.version, self.bundle.hash)
        ]
        return sum(item.decisions for item in found), sum(item.positive for item in found)

    def skew(self) -> Skew | None:
        return kept_parity(self.project)

    def outcomes(self, start: int, end: int) -> Any:
        self.judgements.catch_up()
        return self.judgements.outcomes(start, end, self.now)


@dataclass(frozen=True)
class Report:
    """What one look found."""

    project: str
    version: str
    bundle: str
    now: int
    predictions: int
    """Decisions of the day before `now`."""
    findings: tuple[Finding, ...]

    @property
    def alerts(self) -> tuple[Finding, ...]:
        return tuple(item for item in self.findings if item.status == "alert")

    @property
    def crashed(self) -> bool:
        return any(item.status == "crashed" for item in self.findings)

    @property
    def severity(self) -> str:
        """The worst of its alerts; empty where there is none."""
        return max((item.severity for item in self.alerts), key=SEVERITIES.index, default="")

    def as_dict(self) -> dict[str, Any]:
        """As docs/monitor/monitor.schema.json says."""
        return {
            "schema": SCHEMA,
            "project": self.project,
            "version": self.version,
            "bundle": self.bundle,
            "at": datetime.fromtimestamp(self.now / 1e6, UTC).isoformat(timespec="seconds"),
            "predictions": self.predictions,
            "ok": not self.alerts and not self.crashed,
            "severity": self.severity,
            "findings": [item.as_dict() for item in self.findings],
        }

    def lines(self) -> list[str]:
        """For a person: alerts with what follows from them, then what could not look; what is well in one line."""
        when = datetime.fromtimestamp(self.now / 1e6, UTC).isoformat(sep=" ", timespec="minutes")
        told = [f"version {self.version} at {when}: {self.predictions:,} predictions in a day"]
        for item in self.alerts:
            told += [f"{item.severity} {item.code} {item.cause}: {item.why}", f"    first step: {item.mend}"]
            mine = f"{item.code} {item.cause}{' of ' + item.feature if item.feature else ''}"
            under = [x for x in self.findings if x.status == "explained" and x.evidence.get("explained_by") == mine]
            if under:
                told.append("    with it: " + ", ".join(f"{x.cause} {x.feature}".strip() for x in under[:8]))
        told += [f"crashed {item.code}: {item.why}" for item in self.findings if item.status == "crashed"]
        if not self.alerts and not self.crashed:
            quiet = "nothing to alert anybody of" if self.predictions else "nobody asked in a day, so nothing is known"
            told.append(quiet)
        count = {
            name: sum(item.status == name for item in self.findings) for name in ("ok", "too_few", "not_applicable")
        }
        return [
            *told,
            f"{count['ok']} well, {count['too_few']} with too few rows, {count['not_applicable']} not applicable",
        ]


class Monitor:
    """A project's monitoring, opened for one look or many."""

    def __init__(
        self, project: Project, which: str = "champion", *, ledger: bool = False, followed: Followed | None = None
    ) -> None:
        """`ledger`: count again from the ledger, instead of reading what was counted while serving. `followed`: what is
        known of the ledger already, for who looks again and again at a version that answers, by its number; without it
        the ledger is read from its beginning.
        """
        from holdfast.project.counted import Counted
        from holdfast.project.judged import Judgements

        self._project = project
        self.limits: Limits = limits_from(project.settings.monitor)
        bundle = followed.answering().get(which) if followed is not None else None
        self.version, self.bundle = named(project, which) if bundle is None else (which, opened(project, bundle))
        self._expected = Bins.of(self.bundle).expected()
        self._counted = None if ledger else Counted(project)
        contract = self.bundle.contract
        self._judgements = (
            Judgements(project.reader, contract, self.version)
            if followed is None
            else followed.judgements(self.version, contract)
        )

    def seen(self, at: int | None = None) -> LiveSeen:
        """Traffic up to an instant of event time (µs UTC); by default now, or where recorded traffic has got to."""
        source: Source
        if self._counted is None:
            source = Ledger(self._project)
            cursor = source.cursor
        else:
            self._counted.catch_up()
            source, cursor = self._counted, self._counted.cursor()
        now = at if at is not None else _now(cursor.newest, cursor.lag)
        oldest = min(cursor.oldest or now, now)
        return LiveSeen(self._project, now, self.version, self.bundle, self._expected, source, oldest, self._judgements)

    def look(self, at: int | None = None) -> Report:
        """What every watch finds there."""
        seen = self.seen(at)
        now = seen.now
        found = tuple(looked(seen, self.limits))
        predictions = seen.counts(now - 24 * HOUR, now).decisions
        return Report(self._project.name, self.version, self.bundle.hash, now, predictions, found)

    def close(self) -> None:
        if self._counted is not None:
            self._counted.close()

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def monitor(project: Project, which: str = "champion", *, at: int | None = None, ledger: bool = False) -> Report:
    """One look at a version, by all watches."""
    with Monitor(project, which, ledger=ledger) as watching:
        return watching.look(at)


def _now(newest: int, lag: int) -> int:
    return newest - newest % MINUTE + MINUTE if newest and lag > BEHIND else time.time_ns() // 1_000


def keep_parity(project: Project, found: LiveParity) -> None:
    """What `holdfast parity --live` found, for the next looks."""
    place = project.home / "monitor" / PARITY
    place.parent.mkdir(parents=True, exist_ok=True)
    differences: Sequence[Difference] = found.replayed.differences
    told = {
        "at": time.time_ns() // 1_000,
        "rows": found.replayed.decisions,
        "differing": len({item.prediction_id for item in differences}),
        "by_feature": _by_feature(differences),
        "skewed": found.skewed,
        "skew_by_feature": found.skew_by_feature,
    }
    half = place.with_suffix(f".{os.getpid()}")
    half.write_text(json.dumps(told), encoding="utf-8")
    half.replace(place)


def _by_feature(differences: Sequence[Difference]) -> dict[str, int]:
    """Rows by the feature that differs, under its own name; where none does, by what the difference is in."""
    found = Counter(item.what.removeprefix(FEATURE) for item in differences if item.what.startswith(FEATURE))
    if not found:
        found = Counter("score" if item.what in ("score", "probability") else "decisions" for item in differences)
    return dict(found)


def kept_parity(project: Project) -> Skew | None:
    """The last of them, unless it is too old."""
    place = project.home / "monitor" / PARITY
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
        if time.time_ns() // 1_000 - told.pop("at") > STALE:
            return None
        return Skew(**told)
    except (OSError, ValueError, TypeError, KeyError):
        return None
