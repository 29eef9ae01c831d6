"""Spans of a real server at a real receiver: whole, in place, without a client's words; and never in the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as families
from tests.serving.collector import Collector, collecting, values
from tests.serving.shop import ROOT, Server, payment, serving, shop

from holdfast.errors import HoldfastError
from holdfast.serving.metrics import Counts
from holdfast.serving.told import Told
from holdfast.serving.traces import MOST, Finished, Place, Tracer, Traces, address

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = PARENT[:-1] + "0"
IMPORT = "from holdfast.serving.watch import Watch\nfrom holdfast.serving.traces import Traces\n"


def traced(collector: Collector, ratio: float = 1.0) -> dict[str, str]:
    more = f"watch=Watch(traces=Traces({collector.address!r}, {ratio}, 'till'))"
    return {"before": IMPORT, "more": more}


def spans_of(server: Server) -> dict[str, float]:
    found = {family.name: family for family in families(server.get("/metrics").text)}
    return {sample.labels["fate"]: sample.value for sample in found["holdfast_spans"].samples}


def test_a_request_is_one_span_with_its_stages_under_it(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with collecting() as collector, serving(home, **traced(collector)) as server:  # type: ignore[arg-type]  # texts all
        reply = server.post("/predict", payment(1), headers={"traceparent": PARENT})
        assert reply.status_code == 200
        collector.wait(lambda: len(collector.spans) >= 5)
        (root,) = collector.named("POST /predict")
        assert root.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
        assert root.parent_span_id.hex() == "b7ad6b7169203331"
        assert root.kind == 2  # a server's
        told = values(root.attributes)
        assert told == {
            "http.request.method": "POST",
            "http.route": "/predict",
            "http.response.status_code": 200,
            "holdfast.request_id": reply.headers["x-request-id"],
            "holdfast.version": "1",
            "holdfast.variant": "champion",
            "holdfast.decision": reply.json()["decision"],
            "holdfast.repeated": False,
        }
        stages = [span for span in collector.spans if span is not root]
        assert [span.name for span in stages] == ["wait", "decide", "commit", "reply"]
        assert {span.parent_span_id for span in stages} == {root.span_id}
        assert {span.trace_id for span in stages} == {root.trace_id}
        moments = [root.start_time_unix_nano, *(span.start_time_unix_nano for span in stages), root.end_time_unix_nano]
        assert moments == sorted(moments)
        assert values(stages[2].attributes) == {"holdfast.batch.requests": 1, "holdfast.batch.records": 1}
        assert collector.resources[0].items() >= {"service.name": "till"}.items()
        assert collector.paths == {"/v1/traces"}


def test_what_is_refused_says_why_in_codes_and_never_what_was_sent(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    secret = "4929-0071-1234"
    with collecting() as collector, serving(home, **traced(collector)) as server:  # type: ignore[arg-type]
        body = payment(secret, card_id=secret, hour=99, merchant_category=secret)
        server.post("/predict", body, headers={"tracestate": f"card={secret}", "x-card": secret})
        server.post("/predict/batch", {"rows": [body, payment(2), payment(3)]})
        server.get(f"/no-such-route/{secret}")
        collector.wait(lambda: bool(collector.named("GET (guard)") and collector.named("POST /predict/batch")))
        (refused,) = collector.named("POST /predict")
        assert values(refused.attributes)["holdfast.problems"] == ["range", "unknown_value"]
        assert values(refused.attributes)["http.response.status_code"] == 400
        (many,) = collector.named("POST /predict/batch")
        assert values(many.attributes)["holdfast.rows"] == 2
        everything = "".join(map(str, collector.spans))
        assert secret not in everything
        assert "range" in everything  # the search would have found it


def test_a_caller_that_does_not_trace_is_not_traced_and_nonsense_is_ignored(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    nonsense = ["", "ff" + PARENT[2:], PARENT.replace("b7ad6b7169203331", "0" * 16), PARENT + "-x", "4929-0071"]
    with collecting() as collector, serving(home, **traced(collector, 0.0)) as server:  # type: ignore[arg-type]
        server.post("/predict", payment(1), headers={"traceparent": UNSAMPLED})
        server.post("/predict", payment(2))
        for number, header in enumerate(nonsense):
            assert server.post("/predict", payment(f"n{number}"), headers={"traceparent": header}).status_code == 200
        server.post("/predict", payment(3), headers={"traceparent": PARENT})
        collector.wait(lambda: bool(collector.spans))
        assert len(collector.named("POST /predict")) == 1
        assert spans_of(server)["sent"] == 5
        # The control: with the whole share, nonsense starts a trace of its own.
    assert Tracer(Traces("http://h", 1.0), None, Counts()).place(b"4929-0071") is not None  # type: ignore[arg-type]
    assert Tracer(Traces("http://h", 1.0), None, Counts()).place(UNSAMPLED.encode()) is None  # type: ignore[arg-type]


def test_answers_come_while_the_receiver_hangs(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with collecting() as collector, serving(home, **traced(collector)) as server:  # type: ignore[arg-type]
        collector.free.clear()
        server.post("/predict", payment("first"))
        collector.wait(lambda: collector.asked == 1)
        for number in range(200):
            assert server.post("/predict", payment(number)).status_code == 200
        # All of these were answered while the one sending still waits for its answer.
        assert (collector.asked, collector.spans) == (1, [])
        assert spans_of(server) == {"sent": 0, "failed": 0, "dropped": 0}
        collector.free.set()
        collector.wait(lambda: len(collector.named("POST /predict")) >= 201)


def test_a_dead_receiver_breaks_nothing_and_its_loss_is_counted(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with collecting() as gone:
        pass
    with serving(home, **traced(gone)) as server:  # type: ignore[arg-type]
        for number in range(20):
            assert server.post("/predict", payment(number)).status_code == 200
        gone.wait(lambda: spans_of(server)["failed"] >= 100)
        assert spans_of(server)["sent"] == 0


def test_what_there_is_no_room_for_is_dropped_and_counted() -> None:
    counts = Counts()
    made = Tracer(Traces("http://127.0.0.1:9"), None, counts)  # type: ignore[arg-type]  # it is never started
    told = Told()
    for _ in range(MOST + 3):
        made.put(Finished(Place(1, 0), "POST", "/predict", 200, "", told, 0, 0.0, 0.0))
    assert counts.spans["dropped"] == 3


def test_without_an_endpoint_nothing_of_it_is_imported() -> None:
    """And with one, it is: the search would notice. (The bare API is FastAPI's own import, where it is installed.)"""
    script = (
        "import sys\nSENDS = ('opentelemetry.sdk', 'opentelemetry.exporter', 'requests')\n"
        "from holdfast.serving import run\n{more}\n"
        "print(sorted(name for name in sys.modules if name.startswith(SENDS)) != [])"
    )
    for more, imported in (("", "False"), ("import holdfast.serving.spans", "True")):
        done = subprocess.run(
            [sys.executable, "-c", script.format(more=more)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": str(ROOT / "src")},
        )
        assert done.stdout.strip() == imported


PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=open({file!r}, "a"))))
trace.set_tracer_provider(provider)
"""


def test_the_frameworks_own_telemetry_stays_silent(tmp_path: Path) -> None:
    """It would tell paths and exceptions as they came to any provider that this process has."""
    home, file = tmp_path / ".holdfast", tmp_path / "spans"
    shop(home)
    before = PROVIDER.format(file=str(file))
    with serving(home, before=before) as server:
        server.get("/health")
        server.post("/events", {"event": payment(1)})
    assert file.read_text() == ""
    told = before + "from holdfast.serving import app\napp.NO_TELEMETRY = {}\n"
    with serving(home, before=told) as server:
        server.get("/health?card=4929-0071")
    assert "4929-0071" in file.read_text()


def test_settings_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(HoldfastError, match="no address"):
        Traces("localhost:4318")
    with pytest.raises(HoldfastError, match="no share"):
        Traces("http://localhost:4318", 1.5)
    assert address("http://h:4318") == "http://h:4318/v1/traces"
    assert address("https://h/otlp/v1/traces") == "https://h/otlp/v1/traces"
