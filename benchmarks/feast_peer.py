"""Feast beside us: a point-in-time join of ten finished features, and an online read of them. Runs in Feast's own
environment (`benchmarks/peers/feast/requirements.txt`), prints one JSON object.

Feast joins features that somebody has already computed; our figure beside it computes the windows too.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64, Int64
from feast.value_type import ValueType

FEATURES = [f"feature_{i}" for i in range(10)]


def _store(folder: Path, rows: int, cards: int) -> tuple[FeatureStore, pd.DataFrame]:
    random = np.random.default_rng(7)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    frame = pd.DataFrame({"card_id": random.integers(0, cards, rows)})
    frame["event_timestamp"] = pd.to_datetime([start] * rows, utc=True) + pd.to_timedelta(
        random.integers(0, 180 * 86_400, rows), unit="s"
    )
    for name in FEATURES:
        frame[name] = random.random(rows)
    frame["event_timestamp"] = frame["event_timestamp"].astype("datetime64[us, UTC]")  # DuckDB 2.0 casts no finer ones
    frame.to_parquet(folder / "features.parquet")
    (folder / "feature_store.yaml").write_text(
        "project: bench\nprovider: local\nregistry: registry.db\noffline_store:\n  type: duckdb\n"
        "online_store:\n  type: sqlite\n  path: online.db\nentity_key_serialization_version: 3\n"
    )
    store = FeatureStore(repo_path=str(folder))
    card = Entity(name="card", join_keys=["card_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="card_features",
        entities=[card],
        ttl=timedelta(days=365),
        schema=[Field(name="card_id", dtype=Int64), *(Field(name=name, dtype=Float64) for name in FEATURES)],
        source=FileSource(path=str(folder / "features.parquet"), timestamp_field="event_timestamp"),
        online=True,
    )
    store.apply([card, view])
    asked = frame[["card_id", "event_timestamp"]].copy()
    return store, asked


def main(rows: int, cards: int, reads: int) -> None:
    names = [f"card_features:{name}" for name in FEATURES]
    with tempfile.TemporaryDirectory() as place:
        store, asked = _store(Path(place), rows, cards)
        began = time.perf_counter()
        answered = store.get_historical_features(entity_df=asked, features=names).to_df()
        historical = time.perf_counter() - began
        store.materialize(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC))
        taken = []
        random = np.random.default_rng(8)
        for card in random.integers(0, cards, reads):
            began = time.perf_counter()
            store.get_online_features(features=names, entity_rows=[{"card_id": int(card)}]).to_dict()
            taken.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "historical_s": round(historical, 2),
                "historical_rows": len(answered),
                "peak_mb": round(peak),
                "online_us_p50": round(float(np.median(taken)) * 1e6),
                "online_us_p99": round(float(np.quantile(taken, 0.99)) * 1e6),
            }
        )
    )


if __name__ == "__main__":
    main(*(int(item) for item in sys.argv[1:4]))
