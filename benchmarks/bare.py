"""Servers of ours that leave work out, to show what it costs: run as `python -m benchmarks.bare KIND FOLDER PORT`.

``floor``: features come ready-made, LightGBM's single-row call answers; nothing is checked, read or kept.
``constant``: the same server and body, a constant reply.
``unkept``: Holdfast whole, except that no decision is written, neither to disk nor to state.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from holdfast.bundle.predictors.lightgbm import LightGBM
from holdfast.features.kernel.sigmoid import sigmoid
from holdfast.serving import run
from holdfast.serving.wire import App, read_body, send_json

Reply = Callable[[bytes], bytes]


def floor(folder: Path) -> Reply:
    """Decode, score, encode."""
    names: list[str] = json.loads((folder / "features.json").read_text())
    row: type[Any] = msgspec.defstruct("Row", [(name, float | None) for name in names])
    decode, encode = msgspec.json.Decoder(row).decode, msgspec.json.Encoder().encode
    cells = msgspec.structs.astuple
    score = LightGBM((folder / "model.txt").read_bytes(), len(names)).score
    nothing = float("nan")

    def reply(body: bytes) -> bytes:
        values = [nothing if cell is None else cell for cell in cells(decode(body))]
        probability = sigmoid(score(values))
        return encode({"probability": probability, "decision": probability >= 0.5})

    return reply


def constant(folder: Path) -> Reply:
    """As long as Holdfast's answer."""
    fixed = json.dumps({"probability": 0.25, "filler": "x" * 330}).encode()
    return lambda body: fixed


def plain(reply: Reply) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send_json(send, 200, reply(await read_body(receive, 1_000_000)))

    return app


def unkept(folder: str, port: str) -> None:
    """`holdfast serve`, whose writer lets every record go."""
    from holdfast.cli.main import main as holdfast
    from holdfast.ledger.writer import LedgerWriter

    LedgerWriter.settle = lambda self, records, *_: list(records)  # type: ignore[method-assign]
    sys.argv = ["holdfast", "-C", folder, "serve", "--port", port]
    holdfast()


def main(kind: str, folder: str, port: str) -> None:
    if kind == "unkept":
        unkept(folder, port)
        return
    made = {"floor": floor, "constant": constant}[kind](Path(folder))
    with run.listen("127.0.0.1", int(port)) as bound:
        uvicorn.Server(run.config(plain(made))).run(sockets=[bound])


if __name__ == "__main__":
    main(*sys.argv[1:])
