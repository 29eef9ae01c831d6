"""Ray Serve: one replica, LightGBM on a numpy row.

python server.py FOLDER PORT
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import ray
from ray import serve
from starlette.requests import Request

folder = Path(sys.argv[1])


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Scorer:
    def __init__(self, place: str) -> None:
        self.names = json.loads((Path(place) / "features.json").read_text())
        self.booster = lightgbm.Booster(model_file=Path(place) / "model.txt")

    async def __call__(self, request: Request) -> dict[str, Any]:
        row = await request.json()
        matrix = np.array([[row[name] for name in self.names]], dtype=np.float64)
        probability = float(self.booster.predict(matrix, num_threads=1)[0])
        return {"probability": probability, "decision": probability >= 0.5}


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, logging_level="error", log_to_driver=False)
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(sys.argv[2])}, logging_config={"enable_access_log": False}
    )
    serve.run(Scorer.bind(str(folder.resolve())), route_prefix="/predict")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()
