"""Times as Arrow stores them to microseconds UTC: with an offset as they are, naive ones by the field's zone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.contract.model import SECOND, Field, Zone
from holdfast.features.numbers import matches, numpy_of, only

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_CLOCK = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_PER_MICRO = {"s": 1_000_000, "ms": 1_000, "us": 1}


def plain_instants(field: Field, array: pa.Array) -> tuple[Ints, Flags]:
    """Microseconds UTC, and where they are certain: naive times of a zone that has them exactly once."""
    if pa.types.is_timestamp(array.type):
        values, plain = _micros(array)
        if array.type.tz is None:
            values, once = from_local(field.calendar, values)
            plain &= once
        return values, plain
    if pa.types.is_large_string(array.type):
        return _from_text(field, array)
    return np.zeros(len(array), dtype=np.int64), np.zeros(len(array), dtype=np.bool_)


def from_local(zone: Zone | None, local: Ints) -> tuple[Ints, Flags]:
    """Instants of local times (µs as if they were UTC), and which of them the zone has exactly once."""
    if zone is None:
        return local, np.zeros(len(local), dtype=np.bool_)
    if not zone.transitions:
        return local - zone.offsets[0] * SECOND, np.ones(len(local), dtype=np.bool_)
    transitions = np.array(zone.transitions, dtype=np.int64)
    offsets = np.array(zone.offsets, dtype=np.int64) * SECOND
    near = np.searchsorted(transitions, local, side="right")
    instants = np.zeros(len(local), dtype=np.int64)
    times = np.zeros(len(local), dtype=np.int64)
    for step in (-2, -1, 0, 1, 2):
        span = near + step
        inside = (span >= 0) & (span < len(offsets))
        candidate = local - offsets[np.clip(span, 0, len(offsets) - 1)]
        found = inside & (np.searchsorted(transitions, candidate, side="right") == span)
        instants = np.where(found & (times == 0), candidate, instants)
        times += found
    return instants, times == 1


def _micros(array: pa.Array) -> tuple[Ints, Flags]:
    raw = numpy_of(array.cast(pa.int64())).astype(np.int64)
    if array.type.unit == "ns":
        micros, finer = np.divmod(raw, 1_000)
        return micros, finer == 0
    factor = _PER_MICRO[array.type.unit]
    plain = np.abs(raw) < 2**62 // factor
    return np.where(plain, raw, 0) * np.int64(factor), plain


def _from_text(field: Field, array: pa.Array) -> tuple[Ints, Flags]:
    """The usual spellings at once; anything else is left to the scalar reader."""
    zoned = matches(array, _CLOCK + r"(Z|[+-][0-9]{2}:[0-9]{2})$")
    values = np.zeros(len(array), dtype=np.int64)
    plain = np.zeros(len(array), dtype=np.bool_)
    if zoned.any():
        try:
            found = only(array, zoned).cast(pa.timestamp("us", tz="UTC"))
        except pa.ArrowInvalid:
            return values, plain  # a day or an hour that does not exist: the scalar reader names it
        values, plain = numpy_of(found.cast(pa.int64())).astype(np.int64), zoned
    local = matches(array, _CLOCK + "$") if field.calendar is not None else np.zeros(0, dtype=np.bool_)
    if local.any():
        try:
            found = only(array, local).cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            return values, plain
        instants, once = from_local(field.calendar, numpy_of(found.cast(pa.int64())).astype(np.int64))
        values = np.where(local, instants, values)
        plain = plain | (local & once)
    return values, plain
