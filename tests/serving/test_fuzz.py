"""Whatever is sent, the answer is a 2xx or a 4xx in the one shape, and the server lives on."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serving.shop import Server, payment, stamp

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(
        ["online", "grocery", "", "p1", stamp(), "2999-01-01T00:00:00Z", 10**400, -(10**400), 1e-320, -0.0]
    )
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
WORDS = (
    "channel card rows event events source outcomes value version prediction_id event_id label is_fraud notice_id risk"
)
NAMES = st.sampled_from([*payment(0), *WORDS.split()]) | st.text(max_size=8)
BODIES = st.dictionaries(NAMES, VALUES, max_size=8) | st.builds(
    lambda changes: payment("fuzz", **changes), st.dictionaries(st.sampled_from(list(payment(0))), VALUES, max_size=3)
)
NESTED = st.builds(
    lambda name, rows: {name: rows},
    st.sampled_from(["rows", "events", "outcomes"]),
    st.lists(BODIES | LEAVES, max_size=3),
)
PATHS = st.sampled_from(["/predict", "/predict?reasons=3", "/predict/batch", "/events", "/outcomes", "/explain"])


def spelled(body: Any) -> bytes:
    """JSON as a careless client writes it: NaN, Infinity and half characters included."""
    return json.dumps(body).encode()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=PATHS, body=BODIES | NESTED | VALUES)
def test_no_json_gets_a_5xx(server: Server, path: str, body: Any) -> None:
    reply = server.post(path, spelled(body))
    assert reply.status_code < 500, reply.text
    if reply.status_code >= 400:
        assert reply.json()["detail"].keys() == {"message", "errors", "problems", "input"}
        assert reply.json()["detail"]["errors"]
    elif path.startswith("/predict") and "batch" not in path:
        assert math.isfinite(reply.json()["probability"])


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=PATHS, body=st.binary(max_size=200))
def test_no_bytes_get_a_5xx(server: Server, path: str, body: bytes) -> None:
    assert 400 <= server.post(path, body).status_code < 500
