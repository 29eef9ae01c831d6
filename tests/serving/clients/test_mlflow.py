"""MLflow's own client, and MLflow's own scoring server beside ours."""

from __future__ import annotations

import asyncio
import csv
import io
import warnings
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from tests.serving.clients.events import bits, events, kept, predicted
from tests.serving.shop import Server, payment

from holdfast import __version__

Row = dict[str, Any]


def client_of(server: Server) -> Any:
    make: Any = ScoringServerClient  # MLflow ships no types
    return make("127.0.0.1", server.address.rsplit(":", 1)[1])


def as_csv(rows: list[Row], header: bool = True) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    if header:
        writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return out.getvalue().encode()


def columns(rows: list[Row]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


FORMS: dict[str, Callable[[list[Row]], dict[str, Any]]] = {
    "dataframe_split": lambda rows: {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]},
    "dataframe_records": lambda rows: rows,  # type: ignore[dict-item, return-value]
    "instances": lambda rows: rows,  # type: ignore[dict-item, return-value]
    "inputs": columns,
}


def test_mlflows_client_gets_the_bits_of_predict(server: Server) -> None:
    rows = events("mlflow")
    client = client_of(server)
    client.wait_server_ready(timeout=10)
    asked = client.invoke(pd.DataFrame(rows)).get_predictions("ndarray", np.dtype("float64"))
    assert [value.hex() for value in asked.tolist()] == bits(predicted(server, rows))
    assert client.get_version() == __version__


def test_what_predict_decided_first_is_mlflows_answer_too(server: Server) -> None:
    rows = events("mlflow-again")
    first = predicted(server, rows)
    told = client_of(server).invoke(pd.DataFrame(rows), params={"output": "decision"})
    assert told["predictions"] == first
    assert client_of(server).invoke(rows, params={"output": "label"})["predictions"] == [one["label"] for one in first]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_table_is_the_same_events(server: Server, form: str) -> None:
    rows = events(f"form-{form}")
    told = server.post("/invocations", {form: FORMS[form](rows), "params": {"output": "decision"}}).json()
    assert told["predictions"] == predicted(server, rows)


@pytest.mark.parametrize("header", [True, False])
def test_csv_is_the_same_events(server: Server, header: bool) -> None:
    rows = events(f"csv-{header}")
    kind = "text/csv; charset=utf-8" if header else "text/csv;header=absent"
    reply = server.post("/invocations", as_csv(rows, header), headers={"content-type": kind})
    assert reply.status_code == 200, reply.text
    assert [value.hex() for value in reply.json()["predictions"]] == bits(predicted(server, rows))


def test_a_data_frames_own_csv_is_read_without_its_index(server: Server) -> None:
    rows = events("to-csv")
    frame = pd.DataFrame(rows)
    headers = {"content-type": "text/csv"}
    reply = server.post("/invocations", frame.to_csv(index=False).encode(), headers=headers)
    assert [value.hex() for value in reply.json()["predictions"]] == bits(predicted(server, rows))
    indexed = pd.DataFrame(events("indexed")).to_csv().encode()
    refused = server.post("/invocations", indexed, headers=headers)
    assert {item["code"] for item in refused.json()["problems"]} == {"unknown_field"}


def test_a_number_in_csv_keeps_every_digit(server: Server) -> None:
    rows = [row | {"amount": "19.990000000000000001"} for row in events("digits", 1)]
    reply = server.post("/invocations", as_csv(rows), headers={"content-type": "text/csv"})
    assert [item["code"] for item in reply.json()["problems"]] == ["scale"]
    exact = [row | {"amount": "19.99000"} for row in rows]
    reply = server.post("/invocations", as_csv(exact), headers={"content-type": "text/csv"})
    assert [value.hex() for value in reply.json()["predictions"]] == bits(
        predicted(server, [row | {"amount": 19.99} for row in rows])
    )


def test_nan_is_null_and_leaves_a_generated_field_to_the_server(server: Server) -> None:
    frame = pd.DataFrame(events("nan"))
    frame["payment_id"] = np.nan
    assert len(client_of(server).invoke(frame)["predictions"]) == len(frame)
    frame["amount"] = np.nan
    with pytest.raises(Exception, match=r"dataframe_split\[4\].amount: is null"):
        client_of(server).invoke(frame)


def test_one_bad_row_refuses_all_and_keeps_none(server: Server) -> None:
    rows = events("all-or-none")
    rows[3] |= {"hour": 77, "amount": -1}
    reply = server.post("/invocations", {"instances": rows})
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "BAD_REQUEST"
    assert {item["field"] for item in reply.json()["problems"]} == {"instances[3].hour", "instances[3].amount"}
    assert not any(kept(server, row) for row in rows)
    predicted(server, rows[:3])
    assert all(kept(server, row) for row in rows[:3])  # the same look finds what is kept


def test_an_id_with_two_bodies_refuses_all_and_keeps_none(server: Server) -> None:
    rows = events("two-bodies", 2)
    rows[1]["payment_id"] = rows[0]["payment_id"]
    reply = server.post("/invocations", {"instances": rows})
    assert (reply.status_code, reply.json()["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert not kept(server, rows[0])
    predicted(server, rows[:1])
    reply = server.post("/invocations", {"instances": [rows[1], *events("beside", 1)]})
    assert (reply.status_code, reply.json()["problems"][0]["field"]) == (409, "instances[0]")
    assert not kept(server, events("beside", 1)[0])


def test_an_event_twice_in_one_table_is_one_decision(server: Server) -> None:
    (row,) = events("twice-in-one", 1)
    told = server.post("/invocations", {"instances": [row, row], "params": {"output": "decision"}}).json()
    assert told["predictions"][0] == told["predictions"][1]


def test_too_many_rows_and_too_many_bytes_are_413(server: Server) -> None:
    assert server.post("/invocations", {"instances": [{}] * 10_001}).status_code == 413
    assert server.post("/invocations", {"inputs": {"hour": [1] * 10_001}}).status_code == 413
    headers = {"content-type": "text/csv"}
    assert server.post("/invocations", b"hour\n" + b"1\n" * 10_001, headers=headers).status_code == 413
    reply = server.post("/invocations", b" " * (33 * 1024 * 1024))
    assert (reply.status_code, reply.json()["error_code"]) == (413, "BAD_REQUEST")


def test_personal_values_are_not_shown_in_a_refusal(server: Server) -> None:
    row = payment("personal", card_id=["secret-card"], card="secret-card")
    reply = server.post("/invocations", {"instances": [row]})
    assert reply.status_code == 400
    assert "secret-card" not in reply.text


class Theirs:
    """MLflow's scoring server, asked without a network."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://theirs") as client:
                return await client.request(method, path, content=body, headers={"content-type": kind})

        return asyncio.run(asked())


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Theirs:
    """MLflow's scoring server, with a model that answers a half to everything."""
    import mlflow
    from mlflow.pyfunc import scoring_server

    class Half(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]  # MLflow ships no types
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return [0.5] * len(model_input)

    place = tmp_path_factory.mktemp("mlflow") / "model"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants type hints, which would make it check what we send
        mlflow.pyfunc.save_model(str(place), python_model=Half(), pip_requirements=[])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")  # a model of our own, made a moment ago
        return Theirs(scoring_server.init(mlflow.pyfunc.load_model(str(place))))


MALFORMED: tuple[tuple[bytes, str], ...] = (
    (b"", "application/json"),
    (b"[1]", "application/json"),
    (b"\xff", "application/json"),
    (b"{}", "application/json"),
    (b'{"instances": [], "inputs": []}', "application/json"),
    (b'{"dataframe_split": []}', "application/json"),
    (b'{"dataframe_split": {"columns": ["a"]}}', "application/json"),
    (b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', "application/json"),
    (b'{"dataframe_records": {"a": [1]}}', "application/json"),
    (b"\xff\xfe", "text/csv"),
    (b"", "text/csv"),
    (b"a,b\n1,2,3\n4,5\n6,7,8,9\n", "text/csv"),
    (b"{}", "text/plain"),
    (b"{}", "application/json; charset=latin-1"),
    (b"{}", "application/json; format=pandas-split"),
)


@pytest.mark.parametrize(("body", "kind"), MALFORMED)
def test_malformed_payloads_are_refused_as_mlflow_refuses_them(
    server: Server, theirs: Theirs, body: bytes, kind: str
) -> None:
    ours = server.post("/invocations", body, headers={"content-type": kind})
    other = theirs.ask("POST", "/invocations", body, kind)
    assert ours.status_code == other.status_code
    assert ours.headers["content-type"].partition(";")[0] == other.headers["content-type"].partition(";")[0]
    if other.status_code == 400:
        assert ours.json()["error_code"] == other.json()["error_code"]
        assert isinstance(ours.json()["message"], str)


def test_ping_and_version_look_like_mlflows(server: Server, theirs: Theirs) -> None:
    for path in ("/ping", "/version"):
        ours, other = server.get(path), theirs.ask("GET", path)
        assert (ours.status_code, ours.headers["content-type"]) == (other.status_code, other.headers["content-type"])
    assert server.get("/ping").text == theirs.ask("GET", "/ping").text
