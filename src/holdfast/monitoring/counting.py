"""From the ledger's records to counts by event minute: a fold in order of seq, the same whoever does it and in what
portions.

A decision counts where its event time lies, under the version that answered and by that version's bins. A refusal has
no event time: it counts under the champion, as long before it was received as the newest decision so far was received
after its event. So live refusals count when they came, and those of recorded traffic beside the events around them.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

import lmdb
import numpy as np

from holdfast.bundle.manifest import parse_json, read_verified
from holdfast.contract.model import contract_from
from holdfast.errors import HoldfastError
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Experiment, Promotion, Record, Refusal
from holdfast.monitoring.counts import Counts, bounded
from holdfast.monitoring.reference import MINUTE, Bins
from holdfast.monitoring.store import FORMAT, Cursor, Keep, Store, folder

log = logging.getLogger("holdfast.profiling")

PART = 4_096
"""Records counted, and written, at once."""
NO_WORD = "(personal)"
_UNKNOWN = " is not a known value"
_ENDS = ((_UNKNOWN, "unknown"), (" read as missing", "placeholder"), ("is null", "null"), ("is missing", "missing"))

FindBins = Callable[[str], Bins | None]
"""The bins of a bundle by its hash; None where it cannot be read, and its decisions count without."""


def bins_in(bundles: Path) -> FindBins:
    """Bins of the bundles in a project's folder: verified, nothing of the model is opened."""

    @lru_cache(maxsize=32)
    def find(bundle: str) -> Bins | None:
        if not bundle:
            return None
        try:
            _, _, files = read_verified(bundles / bundle, bundle)
            contract = contract_from(parse_json(files["contract.json"], "contract.json"))
            return Bins(contract, parse_json(files["reference/profile.json"], "reference/profile.json"), bundle)
        except (HoldfastError, LookupError, TypeError, ValueError) as error:
            log.error("decisions of the bundle %s are counted without their features: %s", bundle[:12], error)
            return None

    return find


def count(records: Iterable[Record], cursor: Cursor, bins: FindBins) -> list[Counts]:
    """What these records add, by version and minute; `cursor` is moved past them."""
    decisions: defaultdict[tuple[str, str, str], list[Decision]] = defaultdict(list)
    refused: dict[tuple[int, str, str], Counts] = {}
    one: list[Decision] = []
    version = contract = None
    for record in records:
        if isinstance(record, Decision):
            if record.version != version or record.contract != contract:
                version, contract = record.version, record.contract
                one = decisions[version, contract, cursor.bundles.get(f"{version}:{contract}", "")]
            one.append(record)
            time = record.time
            if time >= cursor.newest:
                cursor.newest = time
                cursor.lag = record.received_at - time
            if time < cursor.oldest or not cursor.oldest:
                cursor.oldest = time
        elif isinstance(record, Refusal):
            _refusal(record, cursor, refused)
        elif isinstance(record, Promotion):
            version = contract = None  # what they stand for may have changed
            cursor.bundles[f"{record.version}:{record.contract}"] = record.bundle
            if record.alias == "champion" and record.action != "archive":
                cursor.champion = (record.version, record.bundle)
        elif isinstance(record, Experiment):
            version = contract = None
            for arm in record.arms:
                cursor.bundles[f"{arm.version}:{arm.contract}"] = arm.bundle
        cursor.seq, cursor.received_at = record.seq, record.received_at
    found = list(refused.values())
    for name, rows in decisions.items():
        found += _decided(*name, rows, bins(name[2]))
    return found


def _decided(version: str, contract: str, bundle: str, rows: Sequence[Decision], bins: Bins | None) -> Iterable[Counts]:
    times = np.array([row.time for row in rows], np.int64)
    positive = np.array([row.decision for row in rows], np.float64)
    if bins is None:
        found: dict[int, Counts] = {}
        for at, start in enumerate((times // MINUTE * MINUTE).tolist()):
            item = found.setdefault(start, Counts(version, contract, start, start + MINUTE, bundle))
            item.decisions += 1
            item.positive += int(positive[at])
    else:
        features = np.frombuffer(b"".join(row.features for row in rows), "<f8").reshape(len(rows), -1)
        found = bins.count(version, features, np.array([row.probability for row in rows]), positive, times)
    warned = set()
    for row in rows:
        for warning in row.warnings:
            item = found[row.time // MINUTE * MINUTE]
            kind, field, word = read_warning(warning)
            item.warnings[f"{field}: {kind}" if field else kind] += 1
            if kind == "unknown":
                item.unknown[field, word] += 1
                warned.add(item.start)
    for start in warned:
        found[start].unknown = bounded(found[start].unknown)
    return found.values()


def _refusal(record: Refusal, cursor: Cursor, refused: dict[tuple[int, str, str], Counts]) -> None:
    start = (record.received_at - cursor.lag) // MINUTE * MINUTE
    version, bundle = cursor.champion
    item = refused.get((start, version, bundle))
    if item is None:
        item = Counts(version, record.contract, start, start + MINUTE, bundle)
        refused[start, version, bundle] = item
    item.refusals[record.problems[0].get("code", "") if record.problems else ""] += 1
    for problem in record.problems:
        code, field = problem.get("code", ""), problem.get("field", "")
        item.problems[code, field[:60]] += 1
        if code == "unknown_value":
            item.unknown[field[:60], _word(problem.get("what", ""))] += 1
    item.problems, item.unknown = bounded(item.problems), bounded(item.unknown)


@lru_cache(maxsize=4_096)
def read_warning(text: str) -> tuple[str, str, str]:
    """(kind, field, word) of a decision's warning, as `contract.values` writes them."""
    field, colon, rest = text.partition(": ")
    if not colon or not field.isidentifier():
        return "other", "", ""
    for end, kind in _ENDS:
        # What a value was is quoted before the words, and may hold them too: the last place counts.
        at = rest.rfind(end)
        if at >= 0 and rest[at + len(end) :][:1] in ("", ","):
            return kind, field, _quoted(rest[:at]) if kind == "unknown" else ""
    return "odd", field, ""


def _word(what: str) -> str:
    return _quoted(what.removesuffix(_UNKNOWN))


def _quoted(text: str) -> str:
    """A word as an error shows it, without its quotes. Personal ones are not shown."""
    if text == "the value":
        return NO_WORD
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


class Projection:
    """Keeps a project's stored counts true to its ledger. Several may do it at once: who comes second starts anew."""

    def __init__(self, home: Path, reader: LedgerReader | None = None, keep: Keep = Keep()) -> None:  # noqa: B008 — frozen
        self.store = Store(folder(home))
        self._reader = reader or LedgerReader(home / "ledger")
        self._bins = bins_in(home / "bundles")
        self._keep = keep
        self._cursor = self.store.cursor()
        old = self._cursor.format < FORMAT
        if old or (self._cursor.seq and not self._same_ledger()):
            why = "by other rules" if old else "of another ledger, or of more than this one holds"
            log.warning("what was counted was %s: counting anew", why)
            with self.store.writing() as view:
                view.clear()
            self._cursor = Cursor()

    def _same_ledger(self) -> bool:
        """Whether the last record that was counted is in the ledger: one restored from a backup may end before it."""
        last = self._reader.record(self._cursor.seq)
        return last is not None and last.received_at == self._cursor.received_at

    @property
    def seq(self) -> int:
        """The last record that is counted."""
        return self._cursor.seq

    def catch_up(self, until: int) -> int:
        """Count every record up to seq `until`, which must be on the disk; how many there were."""
        first = self.seq
        if until <= first:
            return 0
        records = self._reader.records(first, until)
        while part := list(islice(records, PART)):
            if not self._write(part):
                return self.catch_up(until)
        return self.seq - first

    def _write(self, part: Sequence[Record]) -> bool:
        """Whether these were added; not where another process has done it meanwhile."""
        cursor = self.store.cursor()
        if cursor.seq != self._cursor.seq:
            self._cursor = cursor
            return False
        found = count(part, cursor, self._bins)
        while True:
            try:
                with self.store.writing() as view:
                    now = view.cursor()
                    if now.seq != self._cursor.seq:
                        self._cursor = now
                        return False
                    cursor.hours_before, cursor.days_before = now.hours_before, now.days_before
                    cursor.gone_before = now.gone_before
                    view.roll_up(cursor, self._keep)  # first, so that what is old already is not written as minutes
                    view.add(found, cursor)
                    view.put_cursor(cursor)
                break
            except lmdb.MapFullError:
                self.store.grow()
        self._cursor = cursor
        return True

    def close(self) -> None:
        self.store.close()
