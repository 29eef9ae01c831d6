"""Drills that closed incidents left in the project: ``drills/*.toml``, what to inject so that the same is seen again.

``inject`` is ``rename`` (`field` comes as `to`), ``units`` (`field` times `factor`), ``outage`` (the server ends), or
``like`` and `like`, the id of a drill that there is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from holdfast.contract.model import Contract
from holdfast.drills.ask import monitor, replies, watch
from holdfast.drills.drill import Applies, Drill, Inject, Within
from holdfast.drills.recorded import Body
from holdfast.drills.stage import Stage
from holdfast.errors import HoldfastError

FOLDER = "drills"
BEFORE_THE_END = 50
"""Requests that are answered before an outage begins."""


def left(folder: Path, known: Mapping[str, Drill]) -> tuple[Drill, ...]:
    """Those of a project's folder, by name. Raises HoldfastError for a file that says no drill."""
    return tuple(_read(path, known) for path in sorted((folder / FOLDER).glob("*.toml")))


def _read(path: Path, known: Mapping[str, Drill]) -> Drill:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        inject, applies = _MAKE[str(told["inject"])](told, known)
        return Drill(
            str(told["name"]), str(told["name"]), str(told["incident"]), f"this project: {path.name}", ("M9",),
            "traffic", Within(int(told["within_predictions"]), float(told["within_minutes"])),
            tuple(told["causes"]), (monitor, replies, watch), inject, applies,
        )  # fmt: skip
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError) as error:
        raise HoldfastError(f"no drill: {type(error).__name__} {error}", where=str(path)) from error


def _rename(told: Mapping[str, Any], _: Mapping[str, Drill]) -> tuple[Inject, Applies]:
    field, to = str(told["field"]), str(told["to"])

    def change(body: Body) -> Body:
        return {(to if name == field else name): value for name, value in body.items()}

    return lambda stage: stage.each(change), _has(field)


def _units(told: Mapping[str, Any], _: Mapping[str, Drill]) -> tuple[Inject, Applies]:
    field, factor = str(told["field"]), float(told["factor"])

    def inject(stage: Stage) -> None:
        kind = stage.contract.deciding.field(field)

        def change(body: Body) -> Body:
            value = body.get(field)
            if not isinstance(value, int | float) or isinstance(value, bool):
                return body
            times = value * factor
            return body | {field: round(times) if kind.type == "integer" else round(times, kind.scale or 6)}

        stage.each(change)

    return inject, _has(field)


def _outage(_: Mapping[str, Any], __: Mapping[str, Drill]) -> tuple[Inject, Applies]:
    def inject(stage: Stage) -> None:
        stage.at(BEFORE_THE_END, stage.close)

    return inject, lambda _: ""


def _like(told: Mapping[str, Any], known: Mapping[str, Drill]) -> tuple[Inject, Applies]:
    drill = known[str(told["like"]).lower()]
    return drill.inject, drill.applies


def _has(field: str) -> Applies:
    def applies(contract: Contract) -> str:
        return "" if any(item.name == field for item in contract.deciding.fields) else f"there is no field {field}"

    return applies


_MAKE: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Drill]], tuple[Inject, Applies]]] = {
    "rename": _rename, "units": _units, "outage": _outage, "like": _like,
}  # fmt: skip
