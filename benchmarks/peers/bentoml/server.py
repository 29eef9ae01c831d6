"""BentoML: one worker, an async endpoint, LightGBM on a numpy row; no access log, no metrics.

PEER_FOLDER=… bentoml serve server:Scorer
"""

import json
import os
from pathlib import Path
from typing import Any

import bentoml
import lightgbm
import numpy as np
from pydantic import create_model

folder = Path(os.environ["PEER_FOLDER"])
names: list[str] = json.loads((folder / "features.json").read_text())
fields: dict[str, Any] = dict.fromkeys(names, (float | None, None))
Row: Any = create_model("Row", **fields)


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Scorer:
    def __init__(self) -> None:
        self.booster = lightgbm.Booster(model_file=folder / "model.txt")

    @bentoml.api(route="/predict", input_spec=Row)
    async def predict(self, **row: Any) -> dict[str, Any]:
        matrix = np.array([[row[name] for name in names]], dtype=np.float64)
        probability = float(self.booster.predict(matrix, num_threads=1)[0])
        return {"probability": probability, "decision": probability >= 0.5}
