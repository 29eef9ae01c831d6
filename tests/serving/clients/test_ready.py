"""Readiness in every protocol's words, on a disk that is full for a while."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from tests.serving.shop import payment, serving, shop


def test_ping_is_503_while_nothing_can_be_written_and_200_again_after(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        assert server.get("/ping").status_code == 200
        size = max(path.stat().st_size for path in (home / "ledger").glob("*.log"))
        before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 100, before[1]))
        reply = server.post("/invocations", {"instances": [payment("full")]})
        assert (reply.status_code, reply.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert reply.headers["retry-after"]
        assert [server.get(path).status_code for path in ("/ping", "/v2/health/ready", "/v2/models/fraud/ready")] == [
            503
        ] * 3
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)
        until = time.monotonic() + 20
        while server.post("/invocations", {"instances": [payment("full")]}).status_code != 200:
            assert time.monotonic() < until, "it does not recover"
            time.sleep(0.2)
        assert server.get("/ping").status_code == 200
