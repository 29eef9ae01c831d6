"""Looking into the ledger, and sealing its whole days into Parquet."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from holdfast.contract.values import timestamp_text
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.ledger.records import Record


def shown(project: Project, *, last: int = 20, kind: str | None = None) -> list[dict[str, Any]]:
    """The newest records, oldest first: number, receipt, kind, and a line without anything personal.

    Shadows lie beside the ledger and have their own numbers: they are shown when they are asked for.
    """
    from holdfast.errors import HoldfastError
    from holdfast.ledger import records

    kinds = [item.__name__.lower() for item in records.Record.__args__]
    if kind is not None and kind not in kinds:
        raise HoldfastError(f"there is no kind of record {kind!r}", mend="one of: " + ", ".join(kinds))
    reader = project.shadows if kind == "shadow" else project.reader
    chosen = (record for record in reader.records() if kind in (None, records.kind(record)))
    return [
        {
            "seq": record.seq,
            "received": timestamp_text(record.received_at),
            "kind": records.kind(record),
            "what": _line(record),
        }
        for record in deque(chosen, maxlen=last)
    ]


def _line(record: Record) -> str:
    from holdfast.ledger.records import (
        Approval,
        Decision,
        Event,
        Examination,
        Experiment,
        History,
        Incident,
        Measure,
        Outcome,
        Promotion,
        Retraining,
        Shadow,
        Tally,
        Waiver,
    )

    match record:
        case Decision():
            verdict = "yes" if record.decision else "no"
            verdict += f", {record.probability:.4f}, version {record.version}"
            return f"{record.prediction_id} {record.event_id}: {verdict}"
        case Event():
            return f"{record.source} {record.event_id}"
        case Outcome():
            return f"{record.event_id}: {record.label} is {bool(record.value)} (version {record.version})"
        case Promotion():
            return f"{record.action} {record.alias}: version {record.version} by {record.who}: {record.why}"
        case History():
            return f"{record.source}: {record.rows:,} rows up to {timestamp_text(record.known_until)}"
        case Experiment():
            shares = ", ".join(f"{arm.name} (version {arm.version}) {arm.weight / 100:g} %" for arm in record.arms)
            return f"{record.action} {record.kind} {record.name}: {shares} by {record.who}: {record.why}"
        case Shadow():
            verdict = "yes" if record.decision else "no"
            return f"{record.event_id}: {verdict}, {record.probability:.4f}, version {record.version}"
        case Tally():
            told = ", ".join(f"{item[0]} {item[1]} answered, {item[2]} failed" for item in record.counts)
            return f"experiment record {record.experiment}: {told}"
        case Examination():
            said = "passed" if record.ok else f"stopped by {', '.join(record.stopping)}"
            return f"version {record.version} {said}, verdict {record.verdict[:12]}, asked by {record.who}"
        case Approval():
            return f"{record.action.replace('_', ' ')} version {record.version} by {record.who}: {record.why}"
        case Waiver():
            of = "every version of its contract" if record.contract else f"version {record.version}"
            return f"{record.code} of {of} waived by {record.who}: {record.why}"
        case Measure():
            what = f"{record.action} {record.kind} for version {record.version}"
            return f"{what} until {timestamp_text(record.until)} by {record.who}: {record.why}"
        case Incident():
            return f"incident {record.opened or record.seq}, {record.action} by {record.who}: {record.what}"
        case Retraining():
            what = f"version {record.version} {record.ended}" if record.version else record.ended
            return f"trained anew, {what}, by {record.who}: {record.why}{record.reason and f' ({record.reason})'}"
        case _:
            codes = dict.fromkeys(problem["code"] for problem in record.problems)
            return f"{record.status}: {', '.join(codes)}"


def sealed(project: Project) -> list[str]:
    """Seal every whole day that is not sealed yet; answers the files written."""
    from holdfast.ledger.seal import seal

    place = project.home / "sealed"
    days = [*seal(project.ledger_path, place), *seal(project.shadows_path, place / "shadows")]
    return [str(path) for path in days]
