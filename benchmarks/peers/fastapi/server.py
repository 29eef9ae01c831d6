"""FastAPI as the tutorials write it: a pydantic model of the features, an async route, LightGBM on a numpy row.

python server.py FOLDER PORT
"""

import json
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, create_model

folder = Path(sys.argv[1])
names: list[str] = json.loads((folder / "features.json").read_text())
booster = lightgbm.Booster(model_file=folder / "model.txt")

fields: dict[str, Any] = dict.fromkeys(names, (float | None, None))
Row: Any = create_model("Row", **fields)


class Answer(BaseModel):
    probability: float
    decision: bool


app = FastAPI()


@app.post("/predict")
async def predict(row: Row) -> Answer:
    matrix = np.array([[getattr(row, name) for name in names]], dtype=np.float64)
    probability = float(booster.predict(matrix, num_threads=1)[0])
    return Answer(probability=probability, decision=probability >= 0.5)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
