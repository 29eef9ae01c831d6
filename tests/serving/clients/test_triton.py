"""Triton's own HTTP client speaks the Open Inference Protocol to us, in JSON and in binary."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import tritonclient.http as triton
from tests.serving.clients.events import bits, events, kept, predicted
from tests.serving.shop import Server, payment
from tritonclient.utils import InferenceServerException

Row = dict[str, Any]
DATATYPES = {"O": "BYTES", "f": "FP64", "i": "INT64", "b": "BOOL"}


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    with triton.InferenceServerClient(server.address.removeprefix("http://")) as connected:
        yield connected


def tensors(rows: list[Row], *, binary: bool, wide: bool = False, **kinds: str) -> list[Any]:
    """A tensor for each field of the rows; `kinds` names numpy types other than the natural ones."""
    inputs = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        column = np.array(values, dtype=kinds.get(name, object if isinstance(values[0], str) else None))
        column = column.reshape(-1, 1) if wide else column
        datatype = "FP32" if column.dtype == np.float32 else DATATYPES[column.dtype.kind]
        tensor = triton.InferInput(name, list(column.shape), datatype)
        inputs.append(tensor.set_data_from_numpy(column, binary_data=binary))
    return inputs


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("wide", [True, False])
def test_tritons_client_gets_the_bits_of_predict(server: Server, client: Any, binary: bool, wide: bool) -> None:
    rows = events(f"triton-{binary}-{wide}")
    reply = client.infer("fraud", tensors(rows, binary=binary, wide=wide), request_id="seven")
    first = predicted(server, rows)
    assert [value.hex() for value in reply.as_numpy("probability").tolist()] == bits(first)
    assert [text.decode() for text in reply.as_numpy("prediction_id").tolist()] == [
        one["prediction_id"] for one in first
    ]
    assert reply.as_numpy("decision").tolist() == [one["decision"] for one in first]
    assert (reply.get_response()["id"], reply.get_response()["model_version"]) == ("seven", "1")


def test_what_predict_decided_first_is_tritons_answer_too(server: Server, client: Any) -> None:
    rows = events("triton-again")
    first = predicted(server, rows)
    wanted = [
        triton.InferRequestedOutput("prediction_id", binary_data=False),
        triton.InferRequestedOutput("probability"),
    ]
    reply = client.infer("fraud", tensors(rows, binary=True), outputs=wanted, model_version="1")
    assert reply.as_numpy("prediction_id").tolist() == [one["prediction_id"] for one in first]
    assert reply.as_numpy("label") is None
    assert [value.hex() for value in reply.as_numpy("probability").tolist()] == bits(first)


@pytest.mark.parametrize("binary", [True, False])
def test_a_decimal_is_exact_as_a_double_and_as_text(server: Server, client: Any, binary: bool) -> None:
    rows = events(f"exact-{binary}")
    first = predicted(server, rows)
    for kind in ("float64", "object"):
        given = [row | {"amount": f"{row['amount']:.2f}" if kind == "object" else row["amount"]} for row in rows]
        reply = client.infer("fraud", tensors(given, binary=binary, amount=kind))
        assert reply.as_numpy("prediction_id").tolist() == [one["prediction_id"].encode() for one in first]


def test_a_double_a_hair_off_its_cents_is_those_cents_and_a_tenth_of_a_cent_is_refused(
    server: Server, client: Any
) -> None:
    rows = events("hair", 1)
    first = predicted(server, [rows[0] | {"amount": 0.3}])
    reply = client.infer("fraud", tensors([rows[0] | {"amount": 0.1 + 0.2}], binary=True))
    assert reply.as_numpy("prediction_id").tolist() == [first[0]["prediction_id"].encode()]
    for amount in (0.301, 0.30001):
        with pytest.raises(InferenceServerException, match="more than 2 digits"):
            client.infer("fraud", tensors([events("tenth", 1)[0] | {"amount": amount}], binary=True))


@pytest.mark.parametrize("binary", [True, False])
def test_single_precision_is_too_coarse_for_money(client: Any, binary: bool) -> None:
    with pytest.raises(InferenceServerException, match="float32") as told:
        client.infer("fraud", tensors(events("single", 1), binary=binary, amount="float32"))
    assert told.value.status() == "400"


@pytest.mark.parametrize("binary", [True, False])
def test_nan_is_null_and_empty_bytes_leave_a_generated_field_out(server: Server, client: Any, binary: bool) -> None:
    rows = [row | {"occurred_at": ""} for row in events(f"null-{binary}", 2)]
    assert client.infer("fraud", tensors(rows, binary=binary)).as_numpy("probability").shape == (2,)
    rows = [row | {"amount": float("nan")} for row in events("null", 2)]
    with pytest.raises(InferenceServerException, match=r"rows\[1\].amount: is null"):
        client.infer("fraud", tensors(rows, binary=binary))


def test_an_instant_may_be_microseconds(server: Server, client: Any) -> None:
    (row,) = events("micros", 1)
    first = predicted(server, [row])
    instant = np.datetime64(row["occurred_at"].removesuffix("Z"), "us").astype("int64")
    reply = client.infer("fraud", tensors([row | {"occurred_at": int(instant)}], binary=True))
    assert reply.as_numpy("prediction_id").tolist() == [first[0]["prediction_id"].encode()]


def test_one_bad_row_refuses_all_and_keeps_none(server: Server, client: Any) -> None:
    rows = events("triton-none")
    rows[2]["hour"] = 99
    with pytest.raises(InferenceServerException, match=r"rows\[2\].hour") as told:
        client.infer("fraud", tensors(rows, binary=True))
    assert told.value.status() == "400"
    assert not any(kept(server, row) for row in rows)


def test_health_and_metadata_are_the_live_contracts(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("fraud")
    assert client.is_model_ready("fraud", "1")
    assert not client.is_model_ready("fraud", "2")
    assert not client.is_model_ready("another")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    told = client.get_model_metadata("fraud")
    assert {one["name"]: one["datatype"] for one in told["inputs"]} == {
        "payment_id": "BYTES",
        "occurred_at": "BYTES",
        "card_id": "BYTES",
        "amount": "FP64",
        "hour": "INT64",
        "merchant_category": "BYTES",
    }
    reply = client.infer("fraud", tensors(events("metadata", 1), binary=False))
    for output in told["outputs"]:
        assert reply.get_output(output["name"])["datatype"] == output["datatype"]


@pytest.mark.parametrize(("name", "version"), [("another", ""), ("fraud", "2")])
def test_an_unknown_model_is_404_in_the_protocols_shape(client: Any, name: str, version: str) -> None:
    with pytest.raises(InferenceServerException, match="ask for 'fraud'") as told:
        client.infer(name, tensors(events("unknown", 1), binary=True), model_version=version)
    assert told.value.status() == "404"


def good(**amount: Any) -> Row:
    """A whole request in JSON, of an event nobody sent before, with changes to its tensor of the amount."""
    row = payment(uuid4().hex)
    kinds = {str: "BYTES", int: "INT64", float: "FP64"}
    inputs = [
        {"name": name, "shape": [1], "datatype": kinds[type(value)], "data": [value]} for name, value in row.items()
    ]
    at = next(at for at, one in enumerate(inputs) if one["name"] == "amount")
    inputs[at] = {name: value for name, value in (inputs[at] | amount).items() if value is not ...}
    return {"inputs": inputs}


def also(**request: Any) -> Row:
    return good() | request


@pytest.mark.parametrize(
    "body",
    [
        good(),
        good(shape=[1, 1]),
        good(data=[[12.5]]),
        good(datatype="INT64", data=[12]),
        good(datatype="BYTES", data=["12.5"]),
        good(parameters=None),
        good(parameters={"unknown": "means nothing"}),
        also(outputs=[{"name": "label"}, {"name": "probability"}]),
        also(outputs=[], id="seven", parameters={"priority": 1, "sequence_id": 7}),
        also(id=None, outputs=None, parameters=None),
    ],
)
def test_whole_requests_are_answered(server: Server, body: Row) -> None:
    reply = server.post("/v2/models/fraud/infer", body)
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"inputs": []},
        {"inputs": {}},
        {"inputs": [1]},
        {"inputs": [*good()["inputs"], 1]},
        {"inputs": [*good()["inputs"], {"name": 3, "shape": [1], "datatype": "FP64", "data": [1]}]},
        {"inputs": [*good()["inputs"], {"name": "hour", "shape": [1], "datatype": "INT64", "data": [1]}]},
        {"inputs": [*good()["inputs"], {"name": "colour", "shape": [1], "datatype": "INT64", "data": [1]}]},
        good(shape=[2]),
        good(shape=[2], data=[1.5, 1.5]),
        good(shape=[1, 2], data=[1.5, 1.5]),
        good(shape=[]),
        good(shape=1),
        good(shape=[-1]),
        good(shape=[10_001]),
        good(shape=[True]),
        good(datatype="FP65"),
        good(datatype=["FP64"]),
        good(datatype=...),
        good(shape=...),
        good(data=...),
        good(data=["1.5"]),
        good(data=[True]),
        good(data={"0": 1.5}),
        good(data=[1.5, 2.5]),
        good(data=[10**400]),
        good(datatype="INT64"),
        good(datatype="INT8", data=[128]),
        good(datatype="UINT64", data=[-1]),
        good(datatype="FP32", data=[1e39]),
        good(datatype="FP32", data=[1.5]),
        good(datatype="FP16", data=[1e9]),
        good(datatype="BOOL", data=[1]),
        good(datatype="BOOL", data=[True]),
        good(datatype="BYTES", data=[1.5]),
        good(parameters=[]),
        good(parameters={"binary_data_size": 8}),
        good(parameters={"binary_data_size": 8}, data=...),
        good(parameters={"binary_data_size": -1}, data=...),
        good(parameters={"binary_data_size": True}, data=...),
        good(parameters={"shared_memory_region": "a"}),
        also(outputs=[{"name": "nothing"}]),
        also(outputs=[7]),
        also(outputs={"name": "probability"}),
        also(outputs=[{"name": "probability", "parameters": []}]),
        also(outputs=[{"name": "probability", "parameters": {"classification": 2}}]),
        also(outputs=[{"name": "probability", "parameters": {"shared_memory_region": "a"}}]),
        also(parameters=3),
        also(id=3),
    ],
)
def test_malformed_requests_are_refused_in_the_protocols_shape(server: Server, body: Row) -> None:
    reply = server.post("/v2/models/fraud/infer", body)
    assert reply.status_code in (400, 413), reply.text
    assert reply.json().keys() == {"error"}
    assert reply.json()["error"]


def with_binary_amount(size: int) -> bytes:
    return json.dumps(good(data=..., parameters={"binary_data_size": size})).encode()


@pytest.mark.parametrize(
    ("length", "rest", "size", "status"),
    [
        ("whole", struct.pack("<d", 12.5), 8, 200),
        ("whole", struct.pack("<d", 12.5) + b"\x00", 8, 400),
        ("whole", struct.pack("<d", 12.5)[:-1], 8, 400),
        ("whole", struct.pack("<d", 12.5)[:-1], 7, 400),
        ("whole", struct.pack("<d", math.inf), 8, 400),
        ("-1", struct.pack("<d", 12.5), 8, 400),
        ("0", struct.pack("<d", 12.5), 8, 400),
        ("99999", struct.pack("<d", 12.5), 8, 400),
        ("x", struct.pack("<d", 12.5), 8, 400),
        ("9" * 30, struct.pack("<d", 12.5), 8, 400),
        (None, b"", 8, 400),
    ],
)
def test_binary_data_must_fit(server: Server, length: str | None, rest: bytes, size: int, status: int) -> None:
    head = with_binary_amount(size)
    told = str(len(head)) if length == "whole" else length
    headers = {} if told is None else {"inference-header-content-length": told}
    reply = server.post("/v2/models/fraud/infer", head + rest, headers=headers)
    assert reply.status_code == status, reply.text
    assert status == 200 or reply.json().keys() == {"error"}


def test_a_size_must_be_that_of_the_data(server: Server) -> None:
    body = good()
    text = body["inputs"][-1]
    assert text["datatype"] == "BYTES"
    packed = struct.pack("<I", 6) + b"online"
    for size, beside, status in ((10, {}, 200), (11, {}, 400), (10, {"data": ["online"]}, 400)):
        tensor = {"name": text["name"], "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": size}}
        head = json.dumps({"inputs": [*good()["inputs"][:-1], tensor | beside]}).encode()
        headers = {"inference-header-content-length": str(len(head))}
        reply = server.post("/v2/models/fraud/infer", head + packed, headers=headers)
        assert reply.status_code == status, reply.text


def test_a_length_beyond_the_body_is_refused_though_all_is_json(server: Server) -> None:
    body = json.dumps(good()).encode()
    headers = {"inference-header-content-length": str(len(body) + 1)}
    reply = server.post("/v2/models/fraud/infer", body, headers=headers)
    assert (reply.status_code, reply.json().keys()) == (400, {"error"})


def test_what_is_infinite_is_said_to_be(client: Any) -> None:
    with pytest.raises(InferenceServerException, match="amount: value 0 is infinite"):
        client.infer("fraud", tensors([row | {"amount": -math.inf} for row in events("inf", 2)], binary=True)[:4])


@pytest.mark.parametrize(
    "data", [b"\x01", struct.pack("<I", 9) + b"short", struct.pack("<I", 1) + b"\xff", struct.pack("<I", 0) * 2]
)
def test_binary_texts_that_do_not_fit_are_refused(server: Server, data: bytes) -> None:
    size = b'"parameters":{"binary_data_size":%d}' % len(data)
    head = b'{"inputs":[{"name":"card_id","shape":[1],"datatype":"BYTES",%b}]}' % size
    headers = {"inference-header-content-length": str(len(head))}
    reply = server.post("/v2/models/fraud/infer", head + data, headers=headers)
    assert (reply.status_code, reply.json().keys()) == (400, {"error"})
    assert "card_id" in reply.json()["error"]


def test_a_compressed_body_is_refused_and_says_so(client: Any) -> None:
    with pytest.raises(InferenceServerException, match="compressed"):
        client.infer("fraud", tensors(events("zip", 1), binary=True), request_compression_algorithm="gzip")
