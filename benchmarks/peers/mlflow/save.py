"""The model as `mlflow models serve` wants it, with a signature: without one a null becomes an object column, which
LightGBM refuses.

    python save.py FOLDER
"""

import json
import sys
from pathlib import Path

import lightgbm
import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

folder = Path(sys.argv[1])
names = json.loads((folder / "features.json").read_text())
inputs = Schema([ColSpec(DataType.double, name, required=False) for name in names])
mlflow.lightgbm.save_model(
    lightgbm.Booster(model_file=folder / "model.txt"), folder / "mlflow", signature=ModelSignature(inputs=inputs)
)
