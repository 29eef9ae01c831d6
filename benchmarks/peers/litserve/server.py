"""LitServe: one API process, one worker, its faster queue, LightGBM on a numpy row.

python server.py FOLDER PORT
"""

import json
import sys
from pathlib import Path
from typing import Any

import lightgbm
import litserve
import numpy as np

folder = Path(sys.argv[1])


class Scorer(litserve.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:
        self.names = json.loads((folder / "features.json").read_text())
        self.booster = lightgbm.Booster(model_file=folder / "model.txt")

    def decode_request(self, request: dict[str, Any], **context: Any) -> Any:
        return np.array([[request[name] for name in self.names]], dtype=np.float64)

    def predict(self, matrix: Any, **context: Any) -> float:
        return float(self.booster.predict(matrix, num_threads=1)[0])

    def encode_response(self, output: float, **context: Any) -> dict[str, Any]:
        return {"probability": output, "decision": output >= 0.5}


if __name__ == "__main__":
    server = litserve.LitServer(Scorer(), accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1", port=int(sys.argv[2]), num_api_servers=1, generate_client_file=False, log_level="warning",
        access_log=False,
    )  # fmt: skip
