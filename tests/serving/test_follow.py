"""Promotions: followed under load between different contracts, refused when broken."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from tests.serving.shop import Server, first, make_ready, pack_model, payment, promote, second, serving, shop

from holdfast.contract.model import Source
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Promotion
from holdfast.serving.follow import Course


@contextmanager
def traffic(server: Server, clients: int = 4) -> Iterator[list[tuple[int, str]]]:
    """Clients that send payments of both contracts without a pause; (status, version) of every answer."""
    answers: list[tuple[int, str]] = []
    stop = threading.Event()

    def run(number: int) -> None:
        with httpx.Client(base_url=server.address, timeout=20) as client:
            at = 0
            while not stop.is_set():
                at += 1
                body = payment(f"{number}-{at}", channel="web")
                try:
                    reply = client.post("/predict", content=json.dumps(body).encode())
                    version = reply.json().get("model", {}).get("version", reply.text)
                    answers.append((reply.status_code, version))
                except Exception as error:
                    answers.append((0, repr(error)))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_promotions_between_contracts_fail_no_request_and_are_quick(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    old = shop(home)
    new = pack_model(home, second())
    with serving(home) as server:
        # Both contracts must have been live for both fields to be known.
        promote(home, second(), new, "2")
        server.wait_for_version("2")
        waits = []
        with traffic(server) as answers:
            for number in range(6):
                contract, bundle, version = (first(), old, "1") if number % 2 == 0 else (second(), new, "2")
                promote(home, contract, bundle, version)
                waits.append(server.wait_for_version(version))
                time.sleep(0.3)
    assert [item for item in answers if item[0] != 200] == []
    assert {version for _, version in answers} == {"1", "2"}
    assert max(waits) < 2
    print(f"{len(answers)} requests, 6 promotions, 0 failed, slowest swap {max(waits):.2f} s")
    decisions = [item for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)]
    contracts = {"1": first(), "2": second()}
    assert len(decisions) == len(answers)
    assert all(
        item.contract == contracts[item.version].hash
        and len(item.features) == 8 * len(contracts[item.version].features)
        for item in decisions
    )


def test_fields_of_the_champion_before_are_accepted_and_ignored(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    with serving(home) as server:
        assert server.post("/predict", payment(1, channel="web")).status_code == 422
        promote(home, second(), pack_model(home, second()), "2")
        server.wait_for_version("2")
        assert server.post("/predict", payment(2, channel="web")).status_code == 200
        assert server.post("/predict", payment(3, channel="web", hour="ignored")).status_code == 200
        assert server.post("/predict", payment(4, channel="web", colour=1)).status_code == 422
        document = server.get("/openapi.json").json()
        assert "channel" in document["components"]["schemas"]["Event"]["properties"]


def test_a_broken_bundle_is_refused_and_the_old_version_goes_on(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    new = pack_model(home, second())
    model = home / "bundles" / new / "model.json"
    sound = model.read_bytes()
    model.write_bytes(sound.replace(b"-1.0", b"-2.0", 1))
    assert model.read_bytes() != sound
    with serving(home) as server:
        promote(home, second(), new, "2")
        told = wait_for_problem(server)
        assert "version 2" in told
        assert server.get("/readyz").json()["problems"] == [told]
        assert server.get("/readyz").status_code == 200
        assert server.post("/predict", payment(1)).json()["model"]["version"] == "1"
    with serving(home) as server:
        assert server.get("/model-info").json()["version"] == "1"
        assert "version 2" in server.get("/health").json()["problems"][0]
        model.write_bytes(sound)
        server.wait_for_version("2", seconds=10)
        assert server.get("/health").json()["problems"] == []


def test_a_version_whose_state_is_not_built_waits_for_it(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    wider = replace(second(), sources=_with_higher_bound(second().sources))
    with serving(home) as server:
        assert server.post("/predict", payment(1)).status_code == 200
        promote(home, wider, pack_model(home, wider), "2", ready=False)
        assert "still being built" in wait_for_problem(server)
        assert server.post("/predict", payment(2)).json()["model"]["version"] == "1"
        make_ready(home, wider)
        server.wait_for_version("2")
        assert server.get("/readyz").json() == {"ready": True, "checks": {"model": "ok", "state": "ok", "ledger": "ok"}}


def _with_higher_bound(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """The same sources with another bound on the amount: every series that uses it is another one."""
    return tuple(
        replace(
            source,
            fields=tuple(replace(item, at_most="60000") if item.name == "amount" else item for item in source.fields),
        )
        for source in sources
    )


def wait_for_problem(server: Server) -> str:
    for _ in range(200):
        problems: list[str] = server.get("/health").json()["problems"]
        if problems:
            return problems[0]
        time.sleep(0.02)
    raise AssertionError("nothing was told")


def test_the_registry_being_away_is_told_and_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    away = "def away():\n    raise OSError('no route to the registry')"
    with serving(home, before=away, more="probe=away") as server:
        assert server.post("/predict", payment(1)).status_code == 200
        for _ in range(200):
            told = server.get("/health").json()["registry"]
            if told["reachable"] is not None:
                break
            time.sleep(0.02)
        assert told == {"reachable": False, "why": "no route to the registry"}
        assert server.get("/readyz").status_code == 200


def test_an_alias_moved_by_other_means_is_told_and_not_followed(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    moved = "def moved():\n    return {'reachable': True, 'aliases': {'champion': '7'}}"
    with serving(home, before=moved, more="probe=moved") as server:
        for _ in range(200):
            told = server.get("/health").json()["registry"]
            if told["reachable"]:
                break
            time.sleep(0.02)
        assert "version 7" in told["note"]
        assert told["stale_seconds"] < 6
        assert server.post("/predict", payment(1)).json()["model"]["version"] == "1"


def step(seq: int, bundle: str, version: str, alias: str = "champion") -> Promotion:
    return Promotion(
        seq=seq, action="promote", alias=alias, version=version, bundle=bundle, contract="c", who="", why=""
    )  # fmt: skip


def test_the_champion_before_is_the_last_other_bundle() -> None:
    course = Course()
    steps = [step(1, "a", "1"), step(2, "b", "2"), step(3, "x", "9", "challenger"), step(4, "b", "2")]
    course.take(lambda since: (steps, 17))
    assert course.seq == 17
    assert [item.bundle for item in course.steps] == ["a", "b", "b"]
    found = course.before(2)
    assert found is not None
    assert found.bundle == "a"
    assert course.before(0) is None
    asked: list[int] = []
    course.take(lambda since: (asked.append(since), ([], 18))[1])  # type: ignore[func-returns-value]
    assert (asked, course.seq, len(course.steps)) == ([17], 18, 3)
