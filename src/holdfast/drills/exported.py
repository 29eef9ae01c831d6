"""What a place that is not ours would export, made from the copy's own ledger: rows with features, scores and labels,
and the circumstances they were computed in. The doctor compares two of them.
"""

from __future__ import annotations

import json
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import FIRST_CODE, NULL_CODE
from holdfast.explain.words import vocabulary
from holdfast.ledger.records import Decision, Outcome
from holdfast.project.project import Project

MOST = 3_000


@dataclass(frozen=True)
class Export:
    """Columns of equal length, the matrix of features they were made from, and the facts beside them."""

    bundle: Bundle
    matrix: Any
    columns: Mapping[str, Any]
    facts: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.matrix)

    def put(self, **columns: Any) -> Export:
        return replace(self, columns={**self.columns, **columns})

    def told(self, **facts: Any) -> Export:
        return replace(self, facts={**self.facts, **facts})

    def take(self, rows: Any) -> Export:
        kept = {name: values[rows] for name, values in self.columns.items()}
        return replace(self, matrix=self.matrix[rows], columns=kept)

    def scored(self, noise: float, chance: np.random.Generator) -> Export:
        score = np.clip(self.columns["score"] + chance.normal(0, noise, len(self)), 0, 1)
        return self.put(score=score, score_again=score.copy())

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "environment.json").write_text(json.dumps(self.facts), encoding="utf-8")
        table = pa.table({name: pa.array(list(values), from_pandas=True) for name, values in self.columns.items()})
        pyarrow.parquet.write_table(table, folder / "rows.parquet")
        return folder


def export(project: Project, bundle: Bundle, most: int = MOST) -> Export:
    """The newest answers of the ledger, with outcomes where they are known."""
    decisions, outcomes = list[Decision](), dict[str, int]()
    for record in project.reader.records():
        if isinstance(record, Decision):
            decisions.append(record)
        elif isinstance(record, Outcome):
            outcomes[record.event_id] = int(bool(record.value))
    decisions = decisions[-most:]
    width = len(bundle.features)
    matrix = np.array([struct.unpack(f"<{width}d", item.features) for item in decisions]).reshape(-1, width)
    score = np.array([item.probability for item in decisions])
    columns: dict[str, Any] = {
        "id": np.array([item.event_id for item in decisions], dtype=object),
        "time": np.array([item.time for item in decisions], dtype=np.int64),
        "score": score,
        "score_again": score.copy(),
        "label": np.array([outcomes.get(item.event_id, np.nan) for item in decisions]),
        "split": np.array(["test" if at % 5 == 0 else "train" for at in range(len(decisions))], dtype=object),
    }
    columns |= _features(bundle, matrix)
    training = bundle.manifest.training
    facts = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "libraries": {"numpy": np.__version__, "pyarrow": pa.__version__},
        "seed": training.get("settings", {}).get("seed", 0),
        "sources": {bundle.contract.decide_on: {"path": "warehouse", "fingerprint": "5e1f", "rows": len(decisions)}},
        "model": {"name": bundle.name, "hash": bundle.hash, "threshold": bundle.threshold.value,
                  "features": list(bundle.features)},
    }  # fmt: skip
    return Export(bundle, matrix, columns, facts)


def _features(bundle: Bundle, matrix: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for at, feature in enumerate(bundle.contract.features):
        values = matrix[:, at]
        if feature.expr.kind == "category":
            words = tuple(vocabulary(bundle.contract, feature))
            values = np.array(
                [None if code <= NULL_CODE else _word(words, int(code)) for code in values.tolist()], dtype=object
            )
        found[feature.name] = values
    return found


def _word(words: tuple[str, ...], code: int) -> str:
    at = code - FIRST_CODE
    return words[at] if 0 <= at < len(words) else f"code {code}"
