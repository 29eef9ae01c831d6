"""What the guard adds to one request, in µs of processor time: on an open server, by a key, and by a key with a limit.

`python benchmarks/guard.py [--requests N]`. The application behind it answers at once: nothing else is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from holdfast.access import keys
from holdfast.access.recognise import Access
from holdfast.serving.guard import Declared, Guard
from holdfast.serving.metrics import Counts
from holdfast.serving.wire import App

HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"user-agent", b"python-httpx/0.28"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"content-type", b"application/json"),
    (b"content-length", b"200"),
]
ROUNDS = 5


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def nothing(message: Any = None) -> Any:
    return None


async def each(app: App, headers: list[tuple[bytes, bytes]], requests: int) -> float:
    """µs for one request."""
    began = time.process_time()
    for _ in range(requests):
        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers, "state": {}}
        await app(scope, nothing, nothing)
    return (time.process_time() - began) / requests * 1e6


def measure(kind: str, requests: int) -> float:
    """µs that the guard adds: the best of some rounds with it, less the best without."""
    with tempfile.TemporaryDirectory() as folder:
        home, headers = Path(folder), list(HEADERS)
        if kind != "open":
            rate = 1e8 if kind == "key and limit" else 0.0
            text = keys.create(home, "bench", ["scorer"], by="bench", rate=rate)[1]
            headers.append((b"authorization", b"Bearer " + text.encode()))
        routes = [Declared("/predict", answer, ["POST"], "predict")]
        guard = Guard(answer, lambda: routes, Access(home), Counts())

        async def run() -> float:
            await each(guard, headers, 10)
            found = [
                (await each(answer, headers, requests), await each(guard, headers, requests)) for _ in range(ROUNDS)
            ]
            return min(item[1] for item in found) - min(item[0] for item in found)

        return asyncio.run(run())


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--requests", type=int, default=50_000)
    requests = words.parse_args().requests
    for kind in ("open", "key", "key and limit"):
        print(f"the guard adds {measure(kind, requests):.2f} µs to a request ({kind})", flush=True)


if __name__ == "__main__":
    main()
