"""Import MLflow without its chatter: no telemetry, no progress bars, no printed links, and no pickle.

MLflow reads these settings when it is imported, so they are set first; what a user has set stays.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SETTINGS = (
    ("MLFLOW_DISABLE_TELEMETRY", "true"),
    ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
    ("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true"),
    ("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false"),
    ("MLFLOW_DEFAULT_PREDICTION_DEVICE", "cpu"),
    # A registry that is away is said to be away within seconds, not after minutes of retries.
    ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2"),
    ("MLFLOW_HTTP_REQUEST_TIMEOUT", "10"),
)


def open_mlflow() -> Any:
    """The `mlflow` module. Raises ImportError where it is not installed."""
    for name, value in _SETTINGS:
        os.environ.setdefault(name, value)
    import mlflow

    for name in ("mlflow", "alembic", "alembic.runtime.migration"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


_pointing = threading.RLock()


@contextmanager
def pointed_at(uri: str) -> Iterator[Any]:
    """The `mlflow` module with its process-wide store set to `uri`; the one before is put back.

    Parts of MLflow look only there, whatever a client was told. One thread at a time.
    """
    mlflow = open_mlflow()
    with _pointing:
        before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
        if before == uri:
            yield mlflow
            return
        mlflow.set_tracking_uri(uri)
        try:
            yield mlflow
        finally:
            mlflow.set_tracking_uri(before)
