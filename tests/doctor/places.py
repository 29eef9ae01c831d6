"""Two places made by hand: a notebook's export and a live system's, and faults put into one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

START = 1_700_000_000_000_000
DAY = 86_400_000_000
FACTS: dict[str, Any] = {
    "python": "3.11.9",
    "platform": "Linux x86_64",
    "libraries": {"numpy": "2.1.3", "pandas": "2.2.3", "scikit-learn": "1.6.1", "requests": "2.32.0"},
    "seed": 42,
    "sources": {"payments": {"path": "warehouse.payments", "fingerprint": "5e1f", "rows": 6000}},
    "model": {
        "name": "fraud",
        "hash": "abcdef",
        "threshold": 0.5,
        "features": ["amount", "hour", "rate", "kind", "debt"],
    },
}


@dataclass
class Place:
    """What one side exports, before it is written."""

    columns: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(FACTS)))

    def __len__(self) -> int:
        return len(self.columns["id"])

    def take(self, at: NDArray[Any]) -> Place:
        return replace(self, columns={name: values[at] for name, values in self.columns.items()})

    def put(self, **columns: Any) -> Place:
        return replace(self, columns={**self.columns, **columns})

    def without(self, *names: str) -> Place:
        return replace(self, columns={name: item for name, item in self.columns.items() if name not in names})

    def scored(self, noise: float = 0.0, seed: int = 0) -> Place:
        """Scores by the one model there is, of the features as they are."""
        score = score_of(self.columns)
        if noise:
            score = np.clip(score + np.random.default_rng(seed).normal(0, noise, len(self)), 0, 1)
        return self.put(score=score, score_again=score.copy())

    def told(self, **facts: Any) -> Place:
        return replace(self, facts={**self.facts, **facts})

    def untold(self, *names: str) -> Place:
        return replace(self, facts={name: item for name, item in self.facts.items() if name not in names})

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "environment.json").write_text(json.dumps(self.facts))
        table = pa.table({name: pa.array(values.tolist(), from_pandas=True) for name, values in self.columns.items()})
        pyarrow.parquet.write_table(table, folder / "rows.parquet")
        return folder


def score_of(columns: dict[str, Any]) -> NDArray[np.float64]:
    kind = columns.get("kind")
    z = -3 + 0.02 * np.minimum(columns["amount"], 2_000) + 0.05 * columns["hour"]
    z = z + 1.5 * np.nan_to_num(columns["rate"], nan=0.0) + 0.4 * np.nan_to_num(columns.get("debt", 0.0), nan=0.0)
    if kind is not None:
        z = z + np.where(kind == "online", 1.0, 0.0)
    return np.asarray(1 / (1 + np.exp(-z)), np.float64)


def people(rows: int, seed: int, first: int = 0) -> Place:
    """Rows of one population: what came in, the features made of it, a label, scored. `first` numbers them."""
    draw = np.random.default_rng(seed)
    raw = np.round(np.exp(draw.normal(3, 1, rows)), 2)
    asked = draw.normal(0, 1, rows)
    asked[draw.random(rows) < 0.1] = np.nan
    income = draw.normal(0, 1, rows)
    kind = draw.choice(np.array(["shop", "online", "travel", "food"], dtype=object), rows, p=[0.4, 0.3, 0.2, 0.1])
    columns: dict[str, Any] = {
        "id": np.array([f"p{first + i:06d}" for i in range(rows)], dtype=object),
        "time": START + np.sort(draw.integers(0, 60 * DAY, rows)) + first * 1_000,
        "input.amount_text": raw,
        "input.asked": asked,
        "amount": raw,
        "hour": draw.integers(0, 24, rows).astype(np.float64),
        "rate": np.where(np.isnan(asked), 0.0, asked),
        "kind": kind,
        "debt": income + draw.normal(0, 0.3, rows),
        "income": income,
    }
    place = Place(columns).scored()
    label = (draw.random(rows) < columns_score(place)).astype(np.float64)
    return place.put(label=label)


def columns_score(place: Place) -> NDArray[np.float64]:
    found: NDArray[np.float64] = place.columns["score"]
    return found


def split_by_hash(place: Place) -> Place:
    """Four in five learn, by a number in the id."""
    numbers = np.array([int(item[1:]) for item in place.columns["id"]])
    return place.put(split=np.where((numbers * 2_654_435_761) % 5 == 0, "test", "train").astype(object))


def random_split(place: Place, seed: int) -> Place:
    """By place: which rows, depends on the seed and on the order they stand in."""
    chosen = np.random.default_rng(seed).random(len(place)) < 0.2
    return place.put(split=np.where(chosen, "test", "train").astype(object))


def research(seed: int) -> Place:
    return split_by_hash(people(3_000, seed))


def live(seed: int) -> Place:
    """A thousand of research's own rows and two thousand new ones of the same population."""
    return people(2_000, seed + 10_000, first=3_000)


def both(seed: int) -> tuple[Place, Place]:
    """The clean pair: the live system scored a third of research's rows too."""
    ours = research(seed)
    shared, new = ours.without("split").take(np.arange(2_000, 3_000)), live(seed)
    columns = {name: np.concatenate([shared.columns[name], new.columns[name]]) for name in new.columns}
    return ours, replace(new, columns=columns)


def same(seed: int) -> tuple[Place, Place]:
    """The same rows in both."""
    ours = research(seed)
    return ours, replace(ours, columns=dict(ours.columns), facts=json.loads(json.dumps(ours.facts)))


def only_new(seed: int) -> tuple[Place, Place]:
    """No row in common."""
    return research(seed), live(seed)


Fault = Callable[[int], tuple[Place, Place]]
