"""KServe's own client asks a server, in KServe's own environment: events and an address in, its answers out (JSON)."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest  # type: ignore[import-not-found]
from kserve.inference_client import RESTConfig  # type: ignore[import-not-found]

DATATYPES = {"O": "BYTES", "f": "FP64", "i": "INT64", "b": "BOOL"}


def request(model: str, events: list[dict[str, Any]], *, binary: bool) -> InferRequest:
    inputs = []
    for name in events[0]:
        values = [event[name] for event in events]
        column = np.array(values, dtype=object if isinstance(values[0], str) else None)
        tensor = InferInput(name, list(column.shape), DATATYPES[column.dtype.kind])
        tensor.set_data_from_numpy(column, binary_data=binary)
        inputs.append(tensor)
    parameters = {"binary_data_output": True} if binary else None
    return InferRequest(model, inputs, request_id="asked-by-kserve", parameters=parameters)


async def ask(address: str, model: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    second = InferenceRESTClient(RESTConfig(protocol="v2"))
    told["live"] = await second.is_server_live(address)
    told["ready"] = await second.is_server_ready(address)
    told["model_ready"] = await second.is_model_ready(address, model)
    for binary in (False, True):
        reply = await second.infer(address, request(model, events, binary=binary), model_name=model)
        outputs = {output.name: output.as_numpy().tolist() for output in reply.outputs}
        told[f"v2_binary_{binary}"] = {
            "id": reply.id,
            "probability": [value.hex() for value in outputs["probability"]],
            "prediction_id": [text.decode() if isinstance(text, bytes) else text for text in outputs["prediction_id"]],
        }
    first = InferenceRESTClient(RESTConfig(protocol="v1"))
    told["v1_ready"] = await first.is_model_ready(address, model)
    reply = await first.infer(address, {"instances": events}, model_name=model)
    told["v1"] = [value.hex() for value in reply["predictions"]]
    told["explained"] = await first.explain(address, model, {"instances": events})
    try:
        await second.infer(address, request("another", events, binary=False), model_name="another")
    except Exception as error:
        told["unknown"] = str(error)
    return told


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(asyncio.run(ask(asked["address"], asked["model"], asked["events"]))))
