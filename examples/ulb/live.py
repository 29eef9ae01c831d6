"""A week of payments sent over HTTP by four concurrent clients, then computed again at the recorded cut-offs by batch.

Everything before the week is imported history. Prints how many bits differ (none may), and the arrival skew: what
concurrency changed, because a payment under way is not yet known to the one beside it. Exit code 1 when a bit differs.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from data import HERE, payments

from holdfast.features.batch import build
from holdfast.ledger.records import Decision
from holdfast.ledger.replay import unpack
from holdfast.project.build import build as build_features
from holdfast.project.project import Project
from holdfast.project.promote import promote
from holdfast.project.replay import replay
from holdfast.project.server import Server
from holdfast.project.traffic import Traffic
from holdfast.project.train import train

WEEK = datetime(2018, 9, 24)  # naive, as the file's own times are; the contract says they are UTC
SETTINGS = """\
name = "ulb"
contract = "contract.py"

[inputs]
payments = "history.parquet"

[training]
family = "decision_tree"
split = "time"
train_days = 7
test_days = 7
threshold = "f1"

[serving]
backdate_seconds = 1000000000  # the payments are of 2018; the server is not
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payments", type=int, default=None, help="only the first so many of the week")
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    whole = pq.read_table(payments())
    when = whole["TX_DATETIME"]
    week = whole.filter(pc.and_(pc.greater_equal(when, WEEK), pc.less(when, WEEK + timedelta(days=7))))
    week = week.sort_by([("TX_DATETIME", "ascending"), ("TRANSACTION_ID", "ascending")])[: options.payments]
    # State is mapped into memory, so it lies on the repository's disk: /tmp may be memory already.
    beside = HERE.parents[1] / "build"
    beside.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ulb-", dir=beside) as place:
        folder = Path(place)
        shutil.copy(HERE / "contract.py", folder)
        (folder / "holdfast.toml").write_text(SETTINGS)
        history = whole.filter(pc.less(when, WEEK))
        pq.write_table(history, folder / "history.parquet")
        project = Project.open(folder)
        began = time.perf_counter()
        build_features(project)
        version = train(project).version
        promote(project, version, why="to answer a week over HTTP", who="example")
        print(f"features, model and state of {len(history):,} payments: {time.perf_counter() - began:.0f} s")
        with Server(folder) as server:
            sent = Traffic(server.port, _bodies(week), clients=options.clients).start().finish()
        rate = len(sent.answered) / sent.seconds
        print(
            f"{len(sent.answered):,} answered by {options.clients} clients at {rate:,.0f}/s, {len(sent.failed)} failed"
        )
        report = replay(project)
        print(report)
        _skew(project, whole, week)
        return 0 if report.ok and not sent.failed else 1


def _bodies(week: pa.Table) -> list[dict[str, Any]]:
    rows = week.select(["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT"]).to_pylist()
    return [
        {
            "TRANSACTION_ID": str(row["TRANSACTION_ID"]),
            "TX_DATETIME": row["TX_DATETIME"].replace(tzinfo=UTC).isoformat(),
            "CUSTOMER_ID": int(row["CUSTOMER_ID"]),
            "TERMINAL_ID": int(row["TERMINAL_ID"]),
            "TX_AMOUNT": round(row["TX_AMOUNT"], 2),
        }
        for row in rows
    ]


def _skew(project: Project, whole: pa.Table, week: pa.Table) -> None:
    """What batch says of the same payments with the payment's own time as its cut."""
    last = pc.max(week["TX_DATETIME"])
    table = build(project.contract, {"payments": whole.filter(pc.less_equal(whole["TX_DATETIME"], last))})
    wanted = {name: i for i, name in enumerate(table.ids.tolist())}
    apart = values = 0
    for record in project.reader.records():
        if isinstance(record, Decision):
            served = np.array(unpack(record.features))
            differs = served.view(np.uint64) != table.matrix[wanted[record.event_id]].view(np.uint64)
            values += int(differs.sum())
            apart += bool(differs.any())
    print(f"arrival skew: {apart:,} rows, {values:,} values that the payment before was not yet known to")


if __name__ == "__main__":
    raise SystemExit(main())
