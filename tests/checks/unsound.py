"""Servers, models and ways that are not sound: what a version is given when a check is to find it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from holdfast.bundle.bundle import Bundle
from holdfast.project.alerts.message import Message

SLOW = """
import time
from holdfast.serving.decide import Decider
decide = Decider.decide
def slowly(*words, **more):
    time.sleep(0.06)
    return decide(*words, **more)
Decider.decide = slowly
"""

LYING = """
import msgspec
from holdfast.ledger.writer import LedgerWriter
settle = LedgerWriter.settle
def lie(self, records, read=None):
    try:
        return settle(self, records, read)
    except Exception:
        return [msgspec.structs.replace(record, seq=1) for record in records]
LedgerWriter.settle = lie
"""

ROUNDED = """
from holdfast.serving import replies
decision = replies.decision
replies.decision = lambda record, names: {**decision(record, names), "probability": record.probability + 1e-15}
"""


OTHER_SHAPE = """
from holdfast.serving import replies
replies.error_shape = lambda message, problems, shown=None: {"error": message}
"""


OTHER_FEATURES = """
from holdfast.serving import live
compile_row = live.compile_row
def shifted(contract):
    row = compile_row(contract)
    return lambda *words: [value + 1 if at == 0 else value for at, value in enumerate(row(*words))]
live.compile_row = shifted
"""

HUNDREDFOLD = OTHER_FEATURES.replace("value + 1 if at == 0", "value * 100 if at == 0")
"""The first feature comes in cents."""


class With:
    """Anything with some of its parts replaced."""

    def __init__(self, of: Any, **parts: Any) -> None:
        self._of = of
        self.__dict__.update(parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)


class Broken:
    """A model that gives up where something is missing."""

    def __init__(self, bundle: Any) -> None:
        self._bundle = bundle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bundle, name)

    def predict_matrix(self, matrix: Any) -> Any:
        scores, probabilities = self._bundle.predict_matrix(matrix)
        lacking = np.isnan(matrix).all(axis=1) | (np.abs(matrix) > 1e9).any(axis=1)
        return scores, np.where(lacking, np.nan, probabilities)


class Fragile:
    """A model that looks at the last digit of an amount."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bundle, name)

    def predict_matrix(self, matrix: Any) -> Any:
        odd = np.sin(np.round(matrix[:, 1] * 100)) > 0
        return odd.astype(float), np.where(odd, 0.9, 0.01)


def flickering(row: Any) -> list[float]:
    """Contributions whose first is another with every odd cent of the second feature."""
    parts = [0.1] * len(row)
    parts[round(row[1] * 100) % 2] = 3.0
    return parts


class Nowhere:
    """A way by which nothing arrives, and that does not say so."""

    name = "nowhere"

    def __init__(self, _: str) -> None:
        pass

    def send(self, message: Message) -> None:
        pass


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
