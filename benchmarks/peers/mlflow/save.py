"""The model as `mlflow models serve` wants it.

python save.py FOLDER
"""

import sys
from pathlib import Path

import lightgbm
import mlflow

folder = Path(sys.argv[1])
mlflow.lightgbm.save_model(lightgbm.Booster(model_file=folder / "model.txt"), folder / "mlflow")
