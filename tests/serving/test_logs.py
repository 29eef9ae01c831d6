"""The log of a real server: one JSON object a line, of listed fields, with the reply's own request id."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.serving.shop import ROOT, make_ready, pack_model, payment, promote, second, serving, shop

from holdfast.errors import HoldfastError
from holdfast.serving.chores import tell_refusals
from holdfast.serving.logs import FIELDS, Lines, Logs, Plain, shape
from holdfast.serving.metrics import Counts

BEFORE = """
from holdfast.serving import logs
from holdfast.serving.watch import Watch
logs.begin(logs.Logs(level="info", format="json", file={file!r}))
"""
FAIL = """
from holdfast.serving import decide
real = decide.Decider.decide
def broken(self, live, raw, body, snapshot, *more, **rest):
    if b"break-the-model" in body:
        raise ValueError(f"cannot use {body!r}")
    return real(self, live, raw, body, snapshot, *more, **rest)
decide.Decider.decide = broken
"""


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_request_is_a_line_with_the_request_id_of_its_reply(tmp_path: Path) -> None:
    home, file = tmp_path / ".holdfast", tmp_path / "log"
    shop(home)
    with serving(home, before=BEFORE.format(file=str(file)), more="watch=Watch(lines=True)") as server:
        good = server.post("/predict", payment(1))
        bad = server.post("/predict", payment(2, hour=99))
        gone = server.get("/no/such/route")
        server.get("/health")
    told = {line.get("request_id", ""): line for line in lines(file) if line["event"] == "request"}
    line = told[good.headers["x-request-id"]]
    assert line.keys() <= FIELDS.keys()
    assert (line["route"], line["method"], line["status"], line["level"]) == ("/predict", "POST", 200, "info")
    assert (line["version"], line["variant"], line["decision"]) == ("1", "champion", good.json()["decision"])
    assert 0 < line["duration_ms"] < 20_000
    assert told[bad.headers["x-request-id"]]["problems"] == ["range"]
    assert told[gone.headers["x-request-id"]]["route"] == "(guard)"
    assert {line["route"] for line in told.values()} == {"/predict", "(guard)", "/health"}


def test_life_is_told_and_requests_are_not_unless_wanted(tmp_path: Path) -> None:
    home, file = tmp_path / ".holdfast", tmp_path / "log"
    shop(home)
    with serving(home, before=BEFORE.format(file=str(file)) + FAIL) as server:
        server.post("/predict", payment(1))
        server.post("/predict", payment(2, hour=99))
        fault = server.post("/predict", payment("break-the-model"))
        make_ready(home, second())
        promote(home, second(), pack_model(home, second()), "2")
        server.wait_for_version("2")
    found = lines(file)
    assert [line["event"] for line in found] == ["serving", "fault", "promoted", "draining", "ended", "refusals"]
    assert found[1]["request_id"] == fault.headers["x-request-id"]
    assert fault.status_code == 500
    assert found[1]["error"] == "ValueError"
    assert found[1]["where"][-1] == "<string>:9" or found[1]["where"][-1].startswith("<string>:")
    assert any(where.startswith("holdfast/serving/durable.py:") for where in found[1]["where"])
    assert (found[2]["version"], found[5]["problems"]) == ("2", {"range": 1})
    assert all(line.keys() <= FIELDS.keys() for line in found)


def test_the_command_logs_as_the_settings_say_in_every_process(tmp_path: Path) -> None:
    shop(tmp_path / ".holdfast")
    (tmp_path / "holdfast.toml").write_text('name = "fraud"\n[serving]\nworkers = 2\n[log]\nfile = "told.jsonl"\n')
    words = [sys.executable, "-m", "holdfast.cli.main", "-C", str(tmp_path), "serve", "--port", "0", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.terminate()
        assert process.wait(20) == 0
    found = lines(tmp_path / "told.jsonl")
    assert sorted(line["event"] for line in found) == ["draining"] * 2 + ["ended"] * 2 + ["open"] + ["serving"] * 2
    assert len({line["process"] for line in found}) == 3  # the supervisor speaks, too
    misled = {**environment, "HOLDFAST_TRACE_ENDPOINT": "collector"}
    done = subprocess.run(words, capture_output=True, text=True, env=misled)
    assert (done.returncode, "trace.endpoint" in done.stdout + done.stderr) == (2, True)
    done = subprocess.run(words, capture_output=True, text=True, env={**environment, "HOLDFAST_LOG_LEVEL": "loud"})
    assert done.returncode == 2
    assert "log.level" in done.stdout + done.stderr


def record(name: str, text: str, *args: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, "f", 1, text, args, None)
    made.__dict__.update(more)
    return made


def test_what_another_library_says_is_told_without_what_it_put_in() -> None:
    card = "4929-0071"
    told = shape(record("urllib3.pool", "retry %s", card))
    assert told["what"] == "retry %s"
    assert card not in Lines().format(record("asyncio", f"Task failed: {card}"))
    assert card not in Plain().format(record("asyncio", f"Task failed: {card}"))
    # The control: ours is told, so its messages must be clean, and they are (see test_personal).
    assert card in Lines().format(record("holdfast.serving", "version %s", card))


def test_a_field_that_is_not_listed_is_not_written() -> None:
    made = record("holdfast.serving", "hello", card_id="4929-0071", version="3")
    told = shape(made)
    assert told["version"] == "3"
    assert "4929-0071" not in Lines().format(made)


def test_an_exception_is_its_types_and_places() -> None:
    try:
        try:
            raise KeyError("4929-0071")
        except KeyError as cause:
            raise RuntimeError("for 4929-0071") from cause
    except RuntimeError as error:
        made = record("holdfast.serving", "it failed")
        made.exc_info = (type(error), error, error.__traceback__)
    told = shape(made)
    assert told["error"] == "RuntimeError < KeyError"
    assert told["where"][-1].startswith("tests/serving/test_logs.py:")
    for form in (Lines(), Plain()):
        assert "4929-0071" not in form.format(made)
    assert "4929-0071" in logging.Formatter().format(made)  # as everyone's formatter has it


def test_the_subject_of_a_token_is_told_as_a_digest() -> None:
    told = shape(record("holdfast.requests", "x", caller="jwt:anna@example.org"))
    assert told["caller"].startswith("jwt:")
    assert "anna" not in told["caller"]
    assert shape(record("holdfast.requests", "x", caller="till"))["caller"] == "till"


def test_plain_text_has_the_sentence_first() -> None:
    told = Plain().format(record("holdfast.serving", "version %s answers", "3", event="promoted", version="3"))
    assert " WARNING version 3 answers (version=3)" in told


def test_refusals_are_summed_up_once(caplog: pytest.LogCaptureFixture) -> None:
    counts = Counts()
    counts.refusals["range"] = 2
    chore = tell_refusals(counts)
    with caplog.at_level(logging.INFO):
        chore.run()
        counts.refusals["range"] += 3
        counts.turned_away["busy"] += 1
        chore.run()
        chore.run()
    (line,) = caplog.records
    assert shape(line).items() >= {"problems": {"range": 3}, "turned_away": {"busy": 1}}.items()


def test_a_level_or_form_that_there_is_not_is_refused() -> None:
    with pytest.raises(HoldfastError, match="no level"):
        Logs(level="loud")
    with pytest.raises(HoldfastError, match="no format"):
        Logs(format="xml")
