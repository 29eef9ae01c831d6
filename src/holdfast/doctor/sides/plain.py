"""Exported files as a side: `environment.json` and `rows.parquet` (or `rows.csv`), for a notebook or any other server.

Columns of the rows: `id`, and if they are there `score`, `score_again`, `label` (0 or 1), `split` and `time`; columns
named `input.x` are what came in, all others are features. The order of the rows is the order in which they were read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from holdfast.doctor.shapes import Values
from holdfast.doctor.side import UNTOLD, Environment, Floats, Model, Refused, Role, Rows, Side, Source
from holdfast.errors import HoldfastError, Problem

FACTS, ROWS = "environment.json", ("rows.parquet", "rows.csv")
KEYS = ("python", "platform", "libraries", "seed", "sources", "model", "vocabulary", "refused")
OWN = ("id", "score", "score_again", "label", "split", "time")
INPUT = "input."


def is_plain(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (FACTS, *ROWS))


def plain(role: Role, folder: Path) -> Side:
    """The side in a folder of exported files. Raises HoldfastError with everything in them that cannot be read."""
    path = next((folder / name for name in ROWS if (folder / name).is_file()), None)
    told, problems = _facts(folder / FACTS)
    rows = None
    if path is not None:
        try:
            rows = _rows(path, problems)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            problems.append(Problem(path.name, "unreadable", str(error).splitlines()[0]))
    if problems:
        raise HoldfastError("the exported files cannot be read", where=str(folder), problems=problems)
    model = dict(told.get("model", {}))
    return Side(
        role=role,
        place=str(folder),
        kind="exported files",
        environment=Environment(
            str(told.get("python", "")), str(told.get("platform", "")), _libraries(told.get("libraries", {}))
        ),
        seed=told.get("seed", UNTOLD),
        sources={name: Source(**item) for name, item in told.get("sources", {}).items()},
        model=Model(**{**model, "features": tuple(model.get("features", ()))}),
        rows=rows,
        vocabulary={name: tuple(words) for name, words in told.get("vocabulary", {}).items()},
        refused=tuple(Refused(**item) for item in told.get("refused", ())),
        bodies=None if rows is None or not rows.inputs else partial(_bodies, rows),
        untold=() if path is not None else (f"no rows: there is no {' or '.join(ROWS)}",),
    )


def _facts(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    if not path.is_file():
        return {}, []
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return {}, [Problem(FACTS, "not_json", str(error), "write one JSON object")]
    if not isinstance(told, dict):
        return {}, [Problem(FACTS, "type", "is not one JSON object")]
    problems = [
        Problem(f"{FACTS}: {name}", "unknown_name", "has no meaning here", "one of: " + ", ".join(KEYS))
        for name in told
        if name not in KEYS
    ]
    seed = told.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        problems.append(Problem(f"{FACTS}: seed", "type", "is not a whole number", "null says that none is set"))
    parts = "path, fingerprint, rows"
    for key, item in _table(told, "sources", problems).items():
        if not isinstance(item, dict) or not set(item) <= set(parts.split(", ")):
            problems.append(Problem(f"{FACTS}: sources.{key}", "type", "is not a source", f"give {parts}"))
    allowed = set(Model.__dataclass_fields__)
    mend = "one of: " + ", ".join(sorted(allowed))
    problems += [
        Problem(f"{FACTS}: model.{key}", "unknown_name", "has no meaning here", mend)
        for key in _table(told, "model", problems)
        if key not in allowed
    ]
    _table(told, "vocabulary", problems)
    refused = told.get("refused", [])
    parts_of = {"field", "code", "count", "what"}
    if not isinstance(refused, list) or not all(isinstance(item, dict) and set(item) <= parts_of for item in refused):
        problems.append(Problem(f"{FACTS}: refused", "type", "is not a list of {field, code, count, what}"))
    if not isinstance(told.get("libraries", {}), dict | list):
        problems.append(Problem(f"{FACTS}: libraries", "type", "is neither {name: version} nor lines of pip freeze"))
    return told, problems


def _table(told: Mapping[str, Any], name: str, problems: list[Problem]) -> dict[str, Any]:
    found = told.get(name, {})
    if isinstance(found, dict):
        return found
    problems.append(Problem(f"{FACTS}: {name}", "type", "is not a JSON object"))
    return {}


def _libraries(told: Any) -> dict[str, str]:
    if isinstance(told, dict):
        return {str(name): str(version) for name, version in told.items()}
    return libraries_of("\n".join(map(str, told)))


def libraries_of(lock: str) -> dict[str, str]:
    """Name and version of each line ``name==version``, as `pip freeze` writes them."""
    lines = [line.split(";")[0].strip() for line in lock.splitlines() if "==" in line and not line.startswith("#")]
    return {name.strip(): version.strip() for name, _, version in (line.partition("==") for line in lines)}


def _rows(path: Path, problems: list[Problem]) -> Rows | None:
    if path.suffix == ".csv":
        text = {name: pa.string() for name in ("id", "split")}
        convert = pyarrow.csv.ConvertOptions(
            column_types=text, strings_can_be_null=True, null_values=["", "null", "NaN"]
        )
        table: pa.Table = pyarrow.csv.read_csv(path, convert_options=convert)
    else:
        table = pyarrow.parquet.read_table(path)
    names = list(table.column_names)
    if "id" not in names:
        problems.append(Problem(f"{path.name}: id", "missing", "there is no such column", "give each row its id"))
        return None
    ids = np.asarray([str(item) for item in table.column("id").to_pylist()], dtype=np.str_)
    if len(np.unique(ids)) != len(ids):
        problems.append(Problem(f"{path.name}: id", "twice", "an id stands in two rows", "give each row its own id"))
    read = {name: _column(table.column(name)) for name in names if name not in ("id", "split", "time")}
    numbers: dict[str, Floats | None] = {}
    for name in ("score", "score_again", "label"):
        values = read.get(name)
        if values is not None and values.dtype == object:
            problems.append(Problem(f"{path.name}: {name}", "type", "is not a column of numbers"))
            values = None
        numbers[name] = None if values is None else values.astype(np.float64)
    return Rows(
        ids=ids,
        columns={name: values for name, values in read.items() if name not in OWN and not name.startswith(INPUT)},
        inputs={name.removeprefix(INPUT): values for name, values in read.items() if name.startswith(INPUT)},
        scores=numbers["score"],
        again=numbers["score_again"],
        labels=numbers["label"],
        split=np.asarray([str(item) for item in table.column("split").to_pylist()], np.str_)
        if "split" in names
        else None,
        times=_times(table.column("time"), path, problems) if "time" in names else None,
    )


def _bodies(rows: Rows, most: int) -> dict[str, dict[str, Any]]:
    """The newest rows as they came in."""
    found = {}
    for at in range(max(0, len(rows) - most), len(rows)):
        told = {name: values[at] for name, values in rows.inputs.items()}
        found[str(rows.ids[at])] = {name: plain_json(value) for name, value in told.items()}
    return found


def plain_json(value: Any) -> Any:
    """A value as a request holds it: no NaN, whole numbers whole."""
    if isinstance(value, float | np.floating):
        if value != value:
            return None
        return int(value) if float(value).is_integer() else float(value)
    return value


def _column(array: pa.ChunkedArray) -> Values:
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.cast(kind.value_type), kind.value_type
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int8())
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return np.asarray(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan)
    found = np.empty(len(array), dtype=object)
    found[:] = [None if item is None else str(item) for item in array.to_pylist()]
    return found


def _times(array: pa.ChunkedArray, path: Path, problems: list[Problem]) -> Any:
    """µs UTC; naive times are taken as UTC, whole numbers as µs."""
    try:
        if not pa.types.is_integer(array.type):
            array = array.cast(pa.timestamp("us")) if not pa.types.is_timestamp(array.type) else array
            array = array.cast(pa.timestamp("us", tz=array.type.tz), safe=False)
        return np.asarray(array.cast(pa.int64()).to_numpy(), dtype=np.int64)
    except (pa.ArrowException, ValueError) as error:
        problems.append(Problem(f"{path.name}: time", "type", f"is not a column of times: {error}"))
        return None
