"""The whole journey on the UCI credit card data, by the commands a user would type, in a folder of its own.

    python examples/credit_default/run.py [--data FILE] [--at FOLDER]

Makes a project from `contract.py` and `holdfast.toml`, adds the instant of the decision to the data, then builds the
features, trains, promotes the version, scores the file, and trains again to the same model. The project stays in
FOLDER where one is given (new or empty); it holds a copy of the data, so keep it out of the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
LABEL = "default payment next month"
PUBLISHED = 0.76
"""AUC of the model in the article that came with the data (Yeh and Lien, 2009)."""


def data() -> Path:
    folder = Path(os.environ.get("HOLDFAST_SHARED_DATA", HERE.parents[1].parent / "shared" / "data"))
    path = folder / "default_credit_card_clients.parquet"
    if not path.is_file():
        sys.exit(f"{path} is not there: set HOLDFAST_SHARED_DATA to the folder that holds it, or give --data")
    return path


def project(source: Path, folder: Path) -> None:
    """The contract, the settings, and the data with the time it speaks of."""
    (folder / "data").mkdir(parents=True)
    for name in ("contract.py", "holdfast.toml"):
        shutil.copy(HERE / name, folder / name)
    table = pq.read_table(source)
    decided = datetime(2005, 9, 30, tzinfo=UTC)
    moments = pa.array([decided] * table.num_rows, type=pa.timestamp("us", tz="UTC"))
    pq.write_table(table.append_column("decided_at", moments), folder / "data" / "customers.parquet")


def holdfast(folder: Path, *words: str) -> dict[str, Any]:
    """One command in the project; its JSON answer."""
    print(f"$ holdfast {' '.join(words)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "holdfast.cli.main", *words, "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"it ended with {done.returncode}: {done.stdout}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def journey(source: Path, folder: Path) -> bool:
    project(source, folder)
    built = holdfast(folder, "features", "build")
    print(f"  {built['rows']:,} rows x {built['features']} features, {built['positives']:,} defaults")
    trained = holdfast(folder, "train")
    metrics = trained["record"]["metrics"]
    auc = metrics["test"]["roc_auc"]
    print(f"  AUC {auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f}) on customers it has not seen; ", end="")
    print(f"baseline {metrics['baseline']['roc_auc']['value']:.3f}, published about {PUBLISHED}")
    version = str(trained["version"])
    holdfast(folder, "promote", version, "--why", "the first model")
    holdfast(folder, "score", "data/customers.parquet", "scored.parquet")
    scored = pq.read_table(folder / "scored.parquet")
    probabilities = scored.column("probability").to_numpy()
    print(f"  {len(probabilities):,} customers scored, mean probability {np.mean(probabilities):.3f}")
    again = holdfast(folder, "reproduce", version)
    print(f"  trained again: {'the same model' if again['equal'] else 'ANOTHER model'}")
    return bool(auc["value"] >= PUBLISHED and again["equal"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=None, help="default_credit_card_clients.parquet")
    parser.add_argument("--at", type=Path, default=None, help="keep the project in this new folder")
    options = parser.parse_args()
    source = options.data or data()
    if options.at is not None:
        return 0 if journey(source, options.at) else 1
    with tempfile.TemporaryDirectory() as folder:
        return 0 if journey(source, Path(folder) / "credit_default") else 1


if __name__ == "__main__":
    sys.exit(main())
