"""A project's folder as a side. In research: the version, its rows, its split. In production: what the ledger recorded.

Environment in production is that of this command, which is what `holdfast serve` would run in. The recorded answers are
also computed again from their records (as `holdfast replay` does): what does not come out is a step that differs.
"""

from __future__ import annotations

import json
import platform
import struct
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import Contract, Field, Label
from holdfast.doctor.shapes import Floats, Values, word_of
from holdfast.doctor.side import Environment, Refused, Role, Rows, Side, Source
from holdfast.doctor.sides.bundle import of_bundle, words_of
from holdfast.doctor.sides.plain import plain_json
from holdfast.errors import HoldfastError
from holdfast.ledger.history import fingerprint, pinned
from holdfast.ledger.records import Decision, Outcome, Refusal
from holdfast.project.bundles import history, named
from holdfast.project.history import pin_file
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.training.rows import Rows as TrainingRows
    from holdfast.training.settings import TrainingSettings

NEWEST = 20_000
"""Rows of history, and decisions, that are looked at: the newest ones."""
REPLAYED = 200
REFUSED = (3, 0.002)
"""Refusals of one kind under this number, or this share of what was asked, are left alone: rubbish is always sent."""


def project(role: Role, place: Project) -> Side:
    """Raises HoldfastError where nothing was trained (research), or promoted (production)."""
    return _research(place) if role == "research" else _production(place)


def _research(place: Project) -> Side:
    from holdfast.project.build import features
    from holdfast.training.narrow import without
    from holdfast.training.rows import rows_of
    from holdfast.training.settings import settings_from
    from holdfast.training.train import trained_from

    version, made = named(place, _which(place))
    side = of_bundle("research", made, str(place.folder), place.bundles_path / made.hash, version)
    settings = settings_from(made.manifest.training["settings"])
    whole = trained_from(made.manifest, made.contract)
    rows, _ = rows_of(features(place, contract=whole), whole)
    rows = rows.without(settings.without)
    part, lacking = _part(rows, without(whole, settings.without).target, settings)
    keep = slice(max(0, len(rows) - NEWEST), None)
    told = Rows(
        ids=rows.ids[keep],
        columns=decoded(made, rows.X[keep]),
        scores=made.predict_matrix(np.ascontiguousarray(rows.X[keep]))[1],
        labels=np.where(rows.y[keep] < 0, np.nan, rows.y[keep].astype(np.float64)),
        split=None if part is None else part[keep],
        times=rows.times[keep],
    )
    fewer = (f"of its {len(rows):,} rows the newest {NEWEST:,}",) if len(rows) > NEWEST else ()
    return replace(
        side, kind="project", rows=told, sources={**side.sources, **_files(place, whole)}, untold=(*fewer, *lacking),
        bodies=partial(_bodies, place, whole),
    )  # fmt: skip


def _part(
    rows: TrainingRows, label: Label, settings: TrainingSettings
) -> tuple[np.ndarray[Any, np.dtype[np.str_]] | None, tuple[str, ...]]:
    """For each row `train`, `test` or nothing; None, and why, where the history is less than what it was trained on."""
    from holdfast.training.split import split

    try:
        cut = split(rows, label, settings)
    except HoldfastError as error:
        return None, (f"which rows it was trained on ({error.what})",)
    part = np.full(len(rows), "", dtype="<U5")
    part[cut.train.index], part[cut.test.index] = "train", "test"
    return part, ()


def _bodies(place: Project, contract: Contract, most: int) -> dict[str, dict[str, Any]]:
    """The last events of the history as requests, by their ids."""
    from holdfast.features import sources

    deciding = contract.deciding
    path = place.inputs(contract)[deciding.name]
    present = sources.names_of(path, str(path))
    found = {field: sources.resolve(present, field.name, field.former, optional=True)[0] for field in deciding.fields}
    columns = {field: name for field, name in found.items() if name is not None}
    last: Any = None
    for table in sources.stream(path, list(dict.fromkeys(columns.values())), str(path)):
        last = table
    rows = [] if last is None else last.slice(max(0, last.num_rows - most)).to_pylist()
    return {
        str(row[columns[deciding.field(deciding.id)]]): {
            field.name: _as_sent(field, row[name]) for field, name in columns.items()
        }
        for row in rows
    }


def _as_sent(field: Field, value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return aware.isoformat()
    if field.type == "boolean" and isinstance(value, int):
        return bool(value)
    return plain_json(float(value) if isinstance(value, Decimal) else value)


def _which(place: Project) -> str:
    """The champion, else the newest version. Raises HoldfastError where there is none."""
    if history(place).live() is not None:
        return "champion"
    versions = [item.number for item in place.registry.versions()]
    if not versions:
        raise HoldfastError("nothing was trained here yet", where=str(place.folder), mend="holdfast train")
    return max(versions, key=int)


def _production(place: Project) -> Side:
    from holdfast.training.fingerprint import libraries

    step = history(place).live()
    if step is None:
        raise HoldfastError("nothing was promoted here, so nothing is in production", where=str(place.folder),
                            mend="holdfast promote VERSION, or give the URL of the server that answers")  # fmt: skip
    version, made = named(place, "champion")
    side = of_bundle("production", made, str(place.folder), place.bundles_path / made.hash, version)
    here = Environment(platform.python_version(), f"{platform.system()} {platform.machine()}", libraries())
    rows, refused, corrected = recorded(place, made, version)
    differences, replayed, untold = _replayed(place) if len(rows) else ((), 0, ())
    if not len(rows):
        untold = (f"the ledger holds no answer of version {version} yet",)
    return replace(
        side, kind="project", environment=here, rows=rows if len(rows) else None, refused=refused, corrected=corrected,
        sources={**side.sources, **_pins(place)}, learned={}, differences=differences, replayed=replayed, untold=untold,
    )  # fmt: skip


def recorded(place: Project, made: Bundle, version: str) -> tuple[Rows, tuple[Refused, ...], tuple[int, int] | None]:
    """The newest decisions of a version with features as served, what was refused, and outcomes given otherwise."""
    decisions: list[Decision] = []
    refused: Counter[tuple[str, str, str]] = Counter()
    outcomes: dict[str, dict[int, int]] = defaultdict(dict)
    asked, target = 0, made.contract.target
    for record in place.reader.records():
        if isinstance(record, Decision):
            asked += 1
            if record.version == version and record.contract == made.contract.hash:
                decisions.append(record)
        elif isinstance(record, Refusal):
            asked += 1
            refused.update({(item["field"], item["code"], item["what"]) for item in record.problems})
        elif isinstance(record, Outcome) and (record.source, record.label) == (target.source, target.name):
            outcomes[record.event_id][record.version] = record.value
    decisions = decisions[-NEWEST:]
    matrix = np.asarray([struct.unpack(f"<{len(made.features)}d", item.features) for item in decisions], np.float64)
    final = {event_id: given[max(given)] for event_id, given in outcomes.items()}
    rows = Rows(
        ids=np.asarray([item.event_id for item in decisions], dtype=np.str_),
        columns=decoded(made, matrix.reshape(len(decisions), len(made.features))),
        inputs=_inputs(made.contract, decisions),
        scores=np.asarray([item.probability for item in decisions], np.float64),
        labels=np.asarray([final.get(item.event_id, np.nan) for item in decisions], np.float64),
        times=np.asarray([item.time for item in decisions], np.int64),
    )
    changed = sum(len(set(given.values())) > 1 for given in outcomes.values())
    return rows, _counted(refused, asked), (changed, len(outcomes)) if outcomes else None


def decoded(made: Bundle, matrix: Floats) -> dict[str, Values]:
    """Feature rows as columns, categories in words. Personal values never leave: a personal feature is left out."""
    from holdfast.explain.words import is_personal

    words = words_of(made)
    found: dict[str, Values] = {}
    for at, feature in enumerate(made.contract.features):
        if is_personal(made.contract, feature):
            continue
        values = matrix[:, at]
        if feature.name not in words:
            found[feature.name] = values
            continue
        told = np.empty(len(values), dtype=object)
        told[:] = [word_of(int(code), words[feature.name]) or None for code in values.tolist()]
        found[feature.name] = told
    return found


def _inputs(contract: Contract, decisions: list[Decision]) -> dict[str, Values]:
    """Fields of the recorded bodies that are neither personal nor id, time or text."""
    bodies = [json.loads(item.body) for item in decisions]
    found: dict[str, Values] = {}
    taken = {feature.name for feature in contract.features}
    for field in contract.deciding.fields:
        if field.personal or field.type in ("text", "timestamp") or field.name in taken:
            continue
        names = (field.name, *field.former)
        raw = [next((body[name] for name in names if name in body), None) for body in bodies]
        if field.type == "category":
            column = np.empty(len(raw), dtype=object)
            column[:] = [None if item is None else str(item) for item in raw]
            found[field.name] = column
        else:
            numbers = [float(item) if isinstance(item, int | float) else np.nan for item in raw]
            found[field.name] = np.asarray(numbers, np.float64)
    return found


def _counted(refused: Counter[tuple[str, str, str]], asked: int) -> tuple[Refused, ...]:
    kinds: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for (field, code, what), count in refused.items():
        kinds[field, code].append((what, count))
    least, share = REFUSED
    totals = {key: sum(count for _, count in items) for key, items in kinds.items()}
    return tuple(
        Refused(field, code, totals[field, code], max(items, key=lambda item: item[1])[0])
        for (field, code), items in kinds.items()
        if totals[field, code] >= max(least, share * asked)
    )


def _pins(place: Project) -> dict[str, Source]:
    """History as it was pinned when a version first went live."""
    return {item.source: Source(item.path, item.fingerprint) for item in pinned(pin_file(place))}


def _files(place: Project, contract: Contract) -> dict[str, Source]:
    """History as its files are now."""
    return {name: Source(str(path), fingerprint(path)) for name, path in place.inputs(contract).items()}


def _replayed(place: Project) -> tuple[tuple[str, ...], int, tuple[str, ...]]:
    from holdfast.project.replay import replay

    try:
        report = replay(place, sample=REPLAYED)
    except HoldfastError as error:
        return (), 0, (f"its answers could not be computed again: {error.what}",)
    return tuple(map(str, report.differences)), report.decisions, ()
