"""What happened, as the project's own history tells it: the records that features were computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.contract.model import Field

if TYPE_CHECKING:
    from holdfast.checks.subject import Subject
    from holdfast.features.columns import Column
    from holdfast.features.history import Events


@dataclass(frozen=True)
class Asked:
    """The deciding source's events that stand in the training table, one for each of its rows, in their order."""

    fields: Mapping[str, Field]
    cells: Mapping[str, Column]

    def values(self, name: str) -> NDArray[Any]:
        """A field as numbers (null is NaN), category codes, or texts (null is None)."""
        column, field = self.cells[name], self.fields[name]
        if column.values.dtype == object or field.type == "category":
            return column.values
        numbers = column.values / 10.0**field.scale if field.type == "decimal" else column.values.astype(np.float64)
        return numbers if column.valid is None else np.where(column.valid, numbers, np.nan)


def asked(subject: Subject) -> Asked | None:
    """The event of each row; None where there is no project, or its history holds other decisions than the table."""
    if subject.project is None:
        return None
    contract = subject.bundle.contract
    events = subject.told.events[contract.decide_on]
    at = _where(events, subject.rows.ids)
    if at is None:
        return None
    fields = {item.name: item for item in contract.deciding.fields}
    if len(at) != len(events) or not (at == np.arange(len(at))).all():
        events = events.take(at)
    return Asked(fields, events.cells)


def _where(events: Events, ids: NDArray[np.str_]) -> NDArray[np.int64] | None:
    from holdfast.features.history import positions

    at = positions(ids.tolist(), events.ids)
    return None if (at < 0).any() else at
