"""Whatever is sent in a foreign protocol, the answer is a 200 with sound numbers or a 4xx in that protocol's shape."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serving.shop import Server, payment, stamp

CALM = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["online", "", "p1", stamp(), "12.5", "1e400", 10**400, 1e-320, -0.0, "NaN", "\ud800"])
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
NAMES = st.sampled_from([*payment(0), "card", "channel", "", "index"]) | st.text(max_size=6)
ROW = st.dictionaries(NAMES, VALUES, max_size=7) | st.builds(
    lambda changes: payment("fuzz", **changes), st.dictionaries(st.sampled_from(list(payment(0))), VALUES, max_size=2)
)
ROWS = st.lists(ROW | VALUES, max_size=3)
SPLIT = st.fixed_dictionaries(
    {"columns": st.lists(NAMES | VALUES, max_size=4), "data": st.lists(st.lists(VALUES, max_size=4), max_size=3)},
    optional={"index": VALUES, "more": VALUES},
)
COLUMNS = st.dictionaries(NAMES, st.lists(VALUES, max_size=3) | VALUES, max_size=7)
FORMS = st.dictionaries(
    st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs", "params", "parameters", "x"]),
    ROWS | SPLIT | COLUMNS | VALUES,
    max_size=2,
)
DATATYPES = ["BOOL", "UINT8", "UINT64", "INT8", "INT64", "FP16", "FP32", "FP64", "BYTES", "BF16"]
TENSOR = st.fixed_dictionaries(
    {
        "name": st.sampled_from(list(payment(0))) | NAMES,
        "shape": st.sampled_from([[0], [1], [2], [2, 1]]) | st.lists(st.integers(-1, 3), max_size=3) | VALUES,
        "datatype": st.sampled_from(DATATYPES) | VALUES,
    },
    optional={
        "data": st.lists(VALUES, max_size=3) | VALUES,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": st.integers(-1, 40) | VALUES}) | VALUES,
    },
)
OUTPUT = st.fixed_dictionaries(
    {"name": st.sampled_from(["probability", "label", "none"]) | VALUES},
    optional={"parameters": st.fixed_dictionaries({"binary_data": st.booleans() | VALUES}) | VALUES},
)
INFER = st.fixed_dictionaries(
    {"inputs": st.lists(TENSOR | VALUES, max_size=7) | VALUES},
    optional={"outputs": st.lists(OUTPUT | VALUES, max_size=3) | VALUES, "id": VALUES, "parameters": VALUES},
)
KINDS = ["text/csv", "text/csv;header=absent", "application/json", "text/plain", "", ";;=", "text/csv;a=b"]


def spelled(body: Any) -> bytes:
    """JSON as a careless client writes it: NaN, Infinity and half characters included."""
    return json.dumps(body).encode()


def sound(reply: httpx.Response, shape: set[str]) -> None:
    """A 4xx in its shape; the server lives on either way."""
    assert 400 <= reply.status_code < 500, reply.text
    if reply.status_code != 415 or reply.headers["content-type"].startswith("application/json"):
        assert shape <= reply.json().keys()
        assert all(isinstance(reply.json()[name], str) and reply.json()[name] for name in shape)


def probabilities(values: list[Any]) -> bool:
    return all(isinstance(value, float) and math.isfinite(value) and 0 <= value <= 1 for value in values)


@CALM
@given(body=FORMS | VALUES)
def test_no_json_gets_a_5xx_from_invocations(server: Server, body: Any) -> None:
    reply = server.post("/invocations", spelled(body))
    if reply.status_code == 200:
        assert probabilities(reply.json()["predictions"]) or "params" in body
    else:
        sound(reply, {"error_code", "message"})


@CALM
@given(
    body=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    kind=st.sampled_from(
        ["text/csv", "text/csv;header=absent", "application/json", "text/plain", "", ";;=", "text/csv;a=b"]
    ),
)
def test_no_bytes_get_a_5xx_from_invocations(server: Server, body: bytes, kind: str) -> None:
    reply = server.post("/invocations", body, headers={"content-type": kind})
    if reply.status_code == 200:  # a table without rows
        assert reply.json() == {"predictions": []}
    else:
        sound(reply, {"error_code", "message"})


@CALM
@given(rows=st.lists(st.dictionaries(NAMES, LEAVES.map(str), min_size=1, max_size=7), min_size=1, max_size=2))
def test_no_csv_gets_a_5xx_from_invocations(server: Server, rows: list[dict[str, str]]) -> None:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    body = "\n".join(lines).encode("utf-8", "replace")
    reply = server.post("/invocations", body, headers={"content-type": "text/csv"})
    if reply.status_code == 200:
        assert probabilities(reply.json()["predictions"])
    else:
        sound(reply, {"error_code", "message"})


@CALM
@given(body=FORMS | VALUES, verb=st.sampled_from(["predict", "explain"]))
def test_no_json_gets_a_5xx_from_v1(server: Server, body: Any, verb: str) -> None:
    reply = server.post(f"/v1/models/fraud:{verb}", spelled(body))
    if reply.status_code == 200:
        assert reply.json().keys() in ({"predictions"}, {"explanations"})
    else:
        sound(reply, {"error"})


@CALM
@given(body=INFER | VALUES, tail=st.binary(max_size=60), length=st.none() | st.integers(-1, 400) | st.just("whole"))
def test_nothing_gets_a_5xx_from_infer(server: Server, body: Any, tail: bytes, length: int | str | None) -> None:
    head = spelled(body)
    told = {None: {}, "whole": {"inference-header-content-length": str(len(head))}}
    headers = told.get(length, {"inference-header-content-length": str(length)})  # type: ignore[arg-type]
    reply = server.post("/v2/models/fraud/infer", head + (tail if length is not None else b""), headers=headers)
    if reply.status_code == 200:
        assert "outputs" in reply.json() or reply.headers["content-type"] == "application/octet-stream"
    else:
        sound(reply, {"error"})


def text(value: bytes) -> bytes:
    """A text as binary tensors hold it."""
    return struct.pack("<I", len(value)) + value


@CALM
@given(
    amount=st.floats(allow_nan=True, allow_infinity=True, width=64),
    hour=st.integers(-(2**63), 2**63 - 1),
    category=st.binary(max_size=12) | st.just(b"online"),
    binary=st.booleans(),
)
def test_whatever_a_tensor_holds_the_contract_has_the_last_word(
    server: Server, amount: float, hour: int, category: bytes, binary: bool
) -> None:
    good = payment("tensor")
    columns: list[tuple[str, str, Any, bytes]] = [
        ("amount", "FP64", amount, struct.pack("<d", amount)),
        ("hour", "INT64", hour, struct.pack("<q", hour)),
        (
            "merchant_category",
            "BYTES",
            category.decode("utf-8", "replace"),
            struct.pack("<I", len(category)) + category,
        ),
        ("card_id", "BYTES", good["card_id"], struct.pack("<I", len(good["card_id"])) + good["card_id"].encode()),
    ]
    inputs = []
    for name, datatype, value, packed in columns:
        more: dict[str, Any] = {"parameters": {"binary_data_size": len(packed)}} if binary else {"data": [value]}
        inputs.append({"name": name, "datatype": datatype, "shape": [1], **more})
    head = spelled({"inputs": inputs})
    tail = b"".join(packed for *_, packed in columns) if binary else b""
    headers = {"inference-header-content-length": str(len(head))}
    reply = server.post("/v2/models/fraud/infer", head + tail, headers=headers)
    cents = amount * 100 if math.isfinite(amount) else math.nan
    near = abs(cents - round(cents)) <= 1e-6 if math.isfinite(cents) else False
    accepted = (
        near and 0 < round(cents) <= 5_000_000 and 0 <= hour <= 23 and category in (b"online", b"grocery", b"travel")
    )
    assert (reply.status_code == 200) is accepted, reply.text
    if not accepted:
        sound(reply, {"error"})


@settings(CALM, max_examples=60)
@given(cents=st.integers(1, 5_000_000), away=st.floats(-2e-6, 2e-6))
def test_a_double_is_the_cents_it_is_near_to_and_no_others(server: Server, cents: int, away: float) -> None:
    amount = (cents + away) / 100
    wanted = abs(amount * 100.0 - round(amount * 100.0)) <= 1e-6
    body = payment(f"near-{cents}-{away!r}", amount=amount)
    inputs = [
        {
            "name": name,
            "shape": [1],
            "data": [value],
            "datatype": {str: "BYTES", int: "INT64", float: "FP64"}[type(value)],
        }
        for name, value in body.items()
    ]
    reply = server.post("/v2/models/fraud/infer", {"inputs": inputs})
    assert (reply.status_code == 200) is wanted, reply.text
    if wanted:  # and it is recorded as exactly these cents
        again = server.post("/predict", body | {"amount": round(amount * 100.0) / 100})
        assert (
            again.json()["prediction_id"]
            == {one["name"]: one for one in reply.json()["outputs"]}["prediction_id"]["data"][0]
        )
