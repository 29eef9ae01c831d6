"""Triton's own HTTP client speaks the Open Inference Protocol to us, in JSON and in binary."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tests.serving.clients.events import bits, events, kept, predicted
from tests.serving.shop import Server
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


def tensor(name: str, **changes: Any) -> Row:
    return {"name": name, "shape": [1], "datatype": "FP64", "data": [1.5]} | changes


MALFORMED: tuple[Row, ...] = (
    {},
    {"inputs": []},
    {"inputs": {}},
    {"inputs": [1]},
    {"inputs": [tensor("amount", shape=[2])]},
    {"inputs": [tensor("amount", shape=[1, 2])]},
    {"inputs": [tensor("amount", shape=[-1])]},
    {"inputs": [tensor("amount", shape=[10_001])]},
    {"inputs": [tensor("amount", shape=[True])]},
    {"inputs": [tensor("amount", datatype="FP65")]},
    {"inputs": [tensor("amount", datatype=["FP64"])]},
    {"inputs": [tensor("amount", data=["1.5"])]},
    {"inputs": [tensor("amount", data=[True])]},
    {"inputs": [tensor("amount", data={"0": 1.5})]},
    {"inputs": [tensor("amount", datatype="INT64")]},
    {"inputs": [tensor("amount", datatype="INT8", data=[128])]},
    {"inputs": [tensor("amount", datatype="UINT64", data=[-1])]},
    {"inputs": [tensor("amount", datatype="FP32", data=[1e39])]},
    {"inputs": [tensor("amount", datatype="FP16", data=[1e9])]},
    {"inputs": [tensor("amount", datatype="BOOL", data=[1])]},
    {"inputs": [tensor("amount", datatype="BYTES", data=[1.5])]},
    {"inputs": [tensor("amount"), tensor("amount")]},
    {"inputs": [tensor("amount"), tensor("hour", shape=[2], data=[1, 2])]},
    {"inputs": [tensor("amount", parameters=[])]},
    {"inputs": [tensor("amount", parameters={"binary_data_size": 8})]},
    {"inputs": [tensor("amount", parameters={"shared_memory_region": "a"})]},
    {"inputs": [tensor("amount")], "outputs": [{"name": "nothing"}]},
    {"inputs": [tensor("amount")], "outputs": [7]},
    {"inputs": [tensor("amount")], "outputs": {"name": "probability"}},
    {"inputs": [tensor("amount")], "outputs": [{"name": "probability", "parameters": {"classification": 2}}]},
    {"inputs": [tensor("amount")], "parameters": 3},
    {"inputs": [tensor("amount")], "id": 3},
)


@pytest.mark.parametrize("body", MALFORMED)
def test_malformed_requests_are_refused_in_the_protocols_shape(server: Server, body: Row) -> None:
    reply = server.post("/v2/models/fraud/infer", body)
    assert reply.status_code in (400, 413), reply.text
    assert reply.json().keys() == {"error"}
    assert reply.json()["error"]


@pytest.mark.parametrize(
    ("header", "rest"),
    [("-1", b""), ("9999", b""), ("x", b""), ("0", b""), (None, b"\x00"), ("all", b"\x01"), ("all", b"\x00" * 9)],
)
def test_binary_data_that_does_not_fit_is_refused(server: Server, header: str | None, rest: bytes) -> None:
    head = b'{"inputs":[{"name":"amount","shape":[1],"datatype":"FP64","parameters":{"binary_data_size":8}}]}'
    told = str(len(head)) if header == "all" else header
    headers = {} if told is None else {"inference-header-content-length": told}
    reply = server.post("/v2/models/fraud/infer", head + rest, headers=headers)
    assert (reply.status_code, reply.json().keys()) == (400, {"error"})


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
