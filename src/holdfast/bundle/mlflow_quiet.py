"""Import MLflow without its chatter: no telemetry, no progress bars, no printed links, and no pickle.

MLflow reads these settings when it is imported, so they are set first; what a user has set stays.
"""

from __future__ import annotations

import logging
import os
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
