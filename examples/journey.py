"""The journey that the examples on public data share: a project in a folder of its own, by the commands a user types.

An example says which file it reads, how a row becomes an event of its contract (`prepare` adds what the data lacks),
and which AUC it must reach. Its folder holds `contract.py` and `holdfast.toml`, of which a project is made: features
are built, a model is trained, the file is scored, and the same model trained again; `holdfast check` is the next step.

The project stays in FOLDER where one is given with `--at` (new or empty). It holds a copy of the data, so keep it out
of the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Example:
    """One example: `home` is its folder, `file` the name of its data, `source` the events its contract decides on.

    `reach` is the ROC-AUC below which the journey counts as failed, `published` what others report.
    """

    home: Path
    file: str
    source: str
    prepare: Callable[[pa.Table], pa.Table]
    reach: float
    published: str

    def data(self) -> Path:
        """The file where it is kept for all. Ends the program when it is not there."""
        folder = Path(os.environ.get("HOLDFAST_SHARED_DATA", self.home.parents[1].parent / "shared" / "data"))
        path = folder / self.file
        if not path.is_file():
            sys.exit(f"{path} is not there: set HOLDFAST_SHARED_DATA to the folder that holds it, or give --data")
        return path

    @property
    def input(self) -> str:
        """Where a project keeps its events."""
        return f"data/{self.source}.parquet"

    def project(self, source: Path, folder: Path) -> None:
        """The contract, the settings, and the data with what it lacks."""
        (folder / "data").mkdir(parents=True)
        for name in ("contract.py", "holdfast.toml"):
            shutil.copy(self.home / name, folder / name)
        pq.write_table(self.prepare(pq.read_table(source)), folder / self.input)

    def journey(self, source: Path, folder: Path) -> bool:
        """Features, a model, the scored file, the same model again; what it still takes to promote it is told."""
        self.project(source, folder)
        built = holdfast(folder, "features", "build")
        print(f"  {built['rows']:,} rows x {built['features']} features, {built['positives']:,} positive")
        trained = holdfast(folder, "train")
        metrics = trained["record"]["metrics"]
        auc = metrics["test"]["roc_auc"]
        print(f"  AUC {auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f}) on rows it has not seen; ", end="")
        print(f"baseline {metrics['baseline']['roc_auc']['value']:.3f}, published {self.published}")
        version = str(trained["version"])
        holdfast(folder, "score", self.input, "scored.parquet", "--model", version, "--as", "history")
        probabilities = pq.read_table(folder / "scored.parquet").column("probability").to_numpy()
        print(f"  {len(probabilities):,} rows scored, mean probability {np.mean(probabilities):.3f}")
        again = holdfast(folder, "reproduce", version)
        print(f"  trained again: {'the same model' if again['equal'] else 'ANOTHER model'}")
        print(f"Nothing answers before it was examined and approved: holdfast check {version}, approve, promote")
        return bool(auc["value"] >= self.reach and again["equal"])

    def main(self, told: str | None) -> int:
        """Run it by the words of the command line; 0 when it reached what it must."""
        parser = argparse.ArgumentParser(description=told.splitlines()[0] if told else None)
        parser.add_argument("--data", type=Path, default=None, help=self.file)
        parser.add_argument("--at", type=Path, default=None, help="keep the project in this new folder")
        options = parser.parse_args()
        source = options.data or self.data()
        if options.at is not None:
            return 0 if self.journey(source, options.at) else 1
        with tempfile.TemporaryDirectory() as folder:
            return 0 if self.journey(source, Path(folder) / self.home.name) else 1


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


def with_times(table: pa.Table, times: datetime | list[datetime]) -> pa.Table:
    """The table with `decided_at`: one instant for all rows, or one for each."""
    each = times if isinstance(times, list) else [times] * table.num_rows
    return table.append_column("decided_at", pa.array(each, type=pa.timestamp("us", tz="UTC")))


def with_ids(table: pa.Table) -> pa.Table:
    """The table with `id`: the row's number, from 1."""
    return table.append_column("id", pa.array([str(at + 1) for at in range(table.num_rows)], type=pa.string()))


def with_target(table: pa.Table, column: str, positive: object, name: str) -> pa.Table:
    """The table with this column under another name: 1 where it is `positive`, else 0."""
    said = pc.equal(table.column(column), positive).cast(pa.int64())
    return table.drop_columns([column]).append_column(name, said)
