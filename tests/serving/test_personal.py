"""Personal values sent through every route and into every fault: none comes back, none is logged, none is counted.

Each value is one of a kind, so that finding it anywhere is a leak. The control takes the marks off, and finds them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from tests.serving.shop import ROOT, command, pack_model, promote, stamp

from holdfast.contract import Contract, Events, category, days, decimal, text, timestamp
from holdfast.contract.model import Contract as Frozen

CARD = "4929-0071"
"""What every personal value here begins with."""

BREAK = """
from holdfast.serving import decide, explain, events
real = decide.Decider.decide
def broken(self, live, raw, body, snapshot, *more, **rest):
    if b"break-the-model" in body:
        raise ValueError(f"cannot use {body!r}")
    return real(self, live, raw, body, snapshot, *more, **rest)
decide.Decider.decide = broken
prepare = events.Events.__call__
async def falls(self, body):
    if b"break-the-model" in body:
        try:
            raise KeyError(body)
        except KeyError as cause:
            raise RuntimeError(f"while at {body!r}") from cause
    return await prepare(self, body)
events.Events.__call__ = falls
"""


def contract(*, personal: bool) -> Frozen:
    """Payments whose id, card, e-mail, birthday, country and salary are personal."""
    payments = Events(
        "payments",
        id="payment_id",
        time="occurred_at",
        fields={
            "payment_id": text(personal=personal),
            "occurred_at": timestamp(),
            "card_id": text(personal=personal, former=("card",)),
            "email": text(personal=personal, max_length=40),
            "born": timestamp(personal=personal, nullable=True),
            "country": category("here", "there", personal=personal),
            "salary": decimal(scale=2, above=0, at_most=1_000_000, personal=personal),
            "amount": decimal(scale=2, above=0),
        },
    )
    is_fraud = payments.label("is_fraud", known_after=days(7))
    features = {"amount": payments.amount, "seen": payments.per("card_id").count(over=days(7))}
    return Contract("fraud", decide_on=payments, label=is_fraud, features=features).freeze()


@dataclass
class Sent:
    """Sends one request after another and keeps what came back."""

    client: httpx.Client
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    told: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def card(self) -> str:
        return f"{CARD}-{next(self.numbers):06d}"

    def body(self, **changes: Any) -> dict[str, Any]:
        card = self.card()
        shape = {
            "payment_id": f"p-{card}", "occurred_at": stamp(), "card_id": card, "email": f"{card}@example.org",
            "born": "1970-01-01T00:00:00Z", "country": "here", "salary": 1_234.56, "amount": 12.5,
        }  # fmt: skip
        shape |= changes
        return {name: value for name, value in shape.items() if value is not ...}

    def send(self, method: str, path: str, content: Any = None, **headers: str) -> httpx.Response:
        """A body that is bytes goes as it is. What a reply says, its headers too, is kept for the search."""
        data = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
        reply = self.client.request(method, path, content=data, headers=headers)
        heads = "\n".join(f"{name}: {value}" for name, value in reply.headers.items())
        self.told.append(f"{method} {reply.status_code}\n{heads}\n{reply.text}")
        self.statuses.append(reply.status_code)
        return reply


def provoke(sent: Sent) -> None:
    """Every route of the document, and everything that can be wrong with a request."""
    bad: list[dict[str, Any]] = [
        {"amount": -1}, {"amount": "x"}, {"amount": ...}, {"card_id": ...}, {"card_id": 7}, {"card_id": None},
        {"card_id": [sent.card()]}, {"card_id": {"number": sent.card()}}, {"email": sent.card() * 10},
        {"born": sent.card()}, {"born": "1970-01-01"}, {"country": sent.card()}, {"salary": sent.card()},
        {"salary": 4_929_007_100_000_001}, {"salary": 49290071.123456}, {"payment_id": sent.card() * 40},
        {"payment_id": [sent.card()]}, {"occurred_at": "2999-01-01T00:00:00Z"},
        {"nickname": sent.card()}, {"crad_id": sent.card()}, {"card": sent.card()},
    ]  # fmt: skip
    for changes in bad:
        body = sent.body(**changes)
        sent.send("POST", "/predict", body)
        sent.send("POST", "/predict/batch", {"rows": [body, sent.card(), 7]})
        sent.send("POST", "/events", {"event": body})
        sent.send("POST", "/explain", body)
    whole = sent.body()
    for body in (whole, {**whole, "amount": 99}):  # the second is a conflict
        for path, shape in (
            ("/predict", body), ("/predict/batch", {"rows": [body]}), ("/events", {"event": body}), ("/explain", body)
        ):  # fmt: skip
            sent.send("POST", path, shape)
    row = sent.body()
    sent.send("POST", "/events", {"source": sent.card(), "event": row})
    sent.send("POST", "/events", {sent_name(): sent.card()})
    for asked in ("prediction_id", "event_id"):
        sent.send("POST", "/explain", {asked: sent.card()})
        sent.send("POST", "/outcomes", {asked: sent.card(), "value": sent.card()})
        sent.send("POST", "/outcomes", {asked: sent.card(), "value": True, "label": sent.card(), "note": sent.card()})
        sent.send("POST", "/outcomes", {asked: [sent.card()], "value": True, "version": sent.card()})
    for broken in ('{"card_id": "%s"', '{"card_id": "%s", "card_id": 1}', '"%s"', "%s", '{"card_id": "%s\\ud800"}',
                   '{"card_id": NaN, "email": "%s"}', "[" * 200 + '"%s"'):  # fmt: skip
        for path in ("/predict", "/predict/batch", "/events", "/outcomes", "/explain", "/invocations"):
            sent.send("POST", path, (broken % sent.card()).encode())
    sent.send("POST", "/predict", b"\xff\xfe" + sent.card().encode())
    with httpx.Client(base_url=sent.client.base_url) as other:  # refused before it is whole, its connection ends
        large = Sent(other, sent.numbers, sent.told, sent.statuses)
        large.send("POST", "/predict", {"card_id": sent.card(), "pad": "x" * 300_000})
    for path in ("/invocations", "/v2/models/fraud/infer", "/v1/models/fraud:predict", "/v1/models/fraud:explain"):
        for body in protocol_bodies(sent):
            sent.send("POST", path, body)
        sent.send("POST", path, f"card_id,amount\n{sent.card()},x\n".encode(), **{"content-type": "text/csv"})
    # Where nobody should put them, and somebody will.
    for path in ("/predict", "/events", "/no-such-route", "/v2/models", "/v1/models", "/docs", "/metrics", "/readyz"):
        sent.send("GET", f"{path}/{sent.card()}")
        sent.send("POST", f"{path}?card_id={sent.card()}&reasons={sent.card()}", sent.body())
        sent.send("GET", f"{path}?{sent.card()}", **{"x-request-id": sent.card(), "x-card": sent.card()})
        sent.send("DELETE", f"{path}", authorization=f"Bearer {sent.card()}", cookie=sent.card())
    sent.send("GET", f"/v2/models/{sent.card()}/infer")
    sent.send("POST", f"/v2/models/{sent.card()}/infer", {"inputs": []})
    sent.send("POST", f"/v1/models/{sent.card()}:predict", {"instances": []})
    sent.send("GET", "/livez", host=f"{sent.card()}.example.org")
    sent.send("GET", "/livez", origin=f"https://{sent.card()}.example.org")
    faulty = sent.body(email="break-the-model")
    for path, wrap in (("/predict", ""), ("/explain", ""), ("/events", "event"), ("/predict/batch", "rows")):
        sent.send("POST", path, {wrap: [faulty] if wrap == "rows" else faulty} if wrap else faulty)
    sent.send("GET", "/metrics")
    sent.send("GET", "/health")
    sent.send("GET", "/model-info")


def sent_name() -> str:
    return "event_of_a_person"


def protocol_bodies(sent: Sent) -> list[Any]:
    row = sent.body()
    tensor = [{"name": "card_id", "shape": [1], "datatype": "BYTES", "data": [sent.card()]}]
    return [
        {"dataframe_records": [sent.body(amount=-1)]},
        {"dataframe_split": {"columns": list(row), "data": [list(sent.body(salary="x").values())]}},
        {"instances": [sent.body(country=sent.card())]},
        {"inputs": tensor},
        {"inputs": [{**tensor[0], "datatype": "FP64"}]},
        {"instances": sent.card()},
        {"instances": [sent.body(email="break-the-model")]},
        {"dataframe_records": [sent.body(email="break-the-model")]},
    ]


@contextmanager
def running(home: Path, frozen: Frozen, log: Path, before: str) -> Iterator[httpx.Client]:
    (home / "bundles").mkdir(parents=True)
    promote(home, frozen, pack_model(home, frozen), "1")
    with log.open("w") as told:
        process = subprocess.Popen(
            command(home, before=f"import logging\nlogging.basicConfig(level=logging.DEBUG)\n{before}"),
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
            env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        )
        assert process.stdout is not None
        try:
            with httpx.Client(base_url=process.stdout.readline().strip(), timeout=20) as client:
                yield client
        finally:
            process.terminate()
            told.write(process.stdout.read())
            process.wait(20)
            process.stdout.close()


def leaks(text: str) -> set[str]:
    return set(re.findall(r"(?:[\w\"': ,{\[]{0,40})4929-?0071[-\d.]*", text))


def tried(home: Path, *, personal: bool, before: str = BREAK) -> tuple[Sent, str]:
    """Everything sent to a server of its own; what came back, and what it logged."""
    log = home.parent / "server.log"
    with running(home, contract(personal=personal), log, before) as client:
        sent = Sent(client)
        provoke(sent)
    return sent, log.read_text()


def test_no_personal_value_comes_back_or_reaches_a_log_or_a_metric(tmp_path: Path) -> None:
    sent, log = tried(tmp_path / ".holdfast", personal=True)
    # Whoever is answered is told the id of the event that was decided on; that is the answer, not a leak.
    replies = "\n".join(
        re.sub(r'"event_id":"p-[-\d]+"', "", told) if status == 200 else told
        for told, status in zip(sent.told, sent.statuses, strict=True)
    )
    kinds = {status: sent.statuses.count(status) for status in sorted(set(sent.statuses))}
    print(f"{len(sent.told)} replies {kinds}, {len(log)} characters of log, {next(sent.numbers) - 1} personal values")
    assert {200, 400, 404, 405, 409, 413, 421, 422, 500} <= set(kinds)
    assert leaks(replies) == set()
    assert leaks(log) == set()
    assert leaks(metrics_of(sent)) == set()
    # The faults were provoked, and are told: their type, where, and which request it was.
    assert "ValueError" in log
    assert "KeyError" in log
    assert "decide" in log
    assert re.search(r"\(request [0-9a-f]{32}\)", log)


def metrics_of(sent: Sent) -> str:
    found = [told for told in sent.told if "holdfast_replies_total" in told]
    assert found
    return found[-1]


def test_without_the_marks_the_search_finds_them(tmp_path: Path) -> None:
    """The control for replies: the same values in fields that are not personal are shown back."""
    sent, _ = tried(tmp_path / ".holdfast", personal=False)
    faults = "\n".join(told for told, status in zip(sent.told, sent.statuses, strict=True) if status != 200)
    assert len(leaks(faults)) > 20


def test_with_the_words_of_exceptions_the_search_finds_them_in_the_log(tmp_path: Path) -> None:
    """The control for logs: where an exception keeps its message, personal values are in it."""
    words = BREAK + "\nfrom holdfast.serving import locked\nlocked.keep_discreet = lambda: None\n"
    _, log = tried(tmp_path / ".holdfast", personal=True, before=words)
    assert len(leaks(log)) > 3


def test_a_thread_that_ends_by_an_exception_does_not_tell_its_words(tmp_path: Path) -> None:
    script = f"""
import threading
from holdfast.serving.discreet import keep_discreet
keep_discreet()
keep_discreet()
def fall(): raise ValueError({CARD!r})
thread = threading.Thread(target=fall); thread.start(); thread.join()
class Odd:
    def __del__(self): raise ValueError({CARD!r})
del [Odd()][0]
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ended.stderr.count("ValueError") == 2
    assert leaks(ended.stderr) == set()


def test_a_record_of_an_exception_holds_nothing_that_another_formatter_could_tell() -> None:
    script = f"""
import logging
from holdfast.serving.discreet import keep_discreet
keep_discreet()
class Keeps(logging.Handler):
    def emit(self, record): print(record.exc_info, vars(record))
log = logging.getLogger("any")
log.addHandler(Keeps())
try: raise ValueError({CARD!r})
except ValueError: log.exception("it failed")
"""
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert ended.stdout.startswith("None ")
    assert "ValueError" in ended.stdout
    assert leaks(ended.stdout) == set()
