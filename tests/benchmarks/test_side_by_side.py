"""The benchmark of a request measures what it says, and says what it could not measure. Nothing here is timed."""

from __future__ import annotations

import argparse
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pytest
from benchmarks.clients import load, whole
from benchmarks.contenders import CONSTANT, CONTENDERS, FLOOR, HOLDFAST, UNKEPT
from benchmarks.report import ratios, report, write_into
from benchmarks.side_by_side import Setting, project, setting, table

from benchmarks import environments
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    place = tmp_path_factory.mktemp("bench")
    told = argparse.Namespace(rows=50, clients=[1, 4], seconds=0.3)
    return setting(place, project(place, 300), told)


def decisions(tiny: Setting) -> int:
    return sum(isinstance(item, Decision) for item in LedgerReader(tiny.folder / ".holdfast" / "ledger").records())


def test_holdfast_floor_and_constant_are_asked_in_turn_and_all_answer(tiny: Setting) -> None:
    contenders = (HOLDFAST, FLOOR, CONSTANT)
    found = table(contenders, tiny, rounds=1)
    for name, seen in found.items():
        assert not seen.missing, f"{name} {seen.missing}"
        assert seen.failed == 0, seen.first_failure
        assert set(seen.rates) == {1, 4}
        assert seen.answered > 0
        assert seen.memory[0] > 1
        assert seen.cold[0] > 0
    # Each of its answers is a decision on disk; there were more, while it started and warmed.
    assert decisions(tiny) >= found["Holdfast"].answered
    assert set(ratios(contenders, found, 4)) == {"floor", "constant reply"}
    told = report(contenders, found, tiny.clients)
    assert "| **Holdfast** |" in told[0]
    assert len({line.count("|") for line in told[0].splitlines()}) == 1
    assert told[1].startswith("Holdfast at 1: ")


def test_without_the_ledger_the_same_server_answers_and_keeps_nothing(tiny: Setting) -> None:
    before = decisions(tiny)
    seen = table((UNKEPT,), tiny, rounds=1)[UNKEPT.name]
    assert not seen.missing
    assert seen.failed == 0
    assert seen.answered > 0
    assert decisions(tiny) == before


def test_a_server_with_another_answer_than_the_models_is_not_measured(tiny: Setting) -> None:
    wrong = replace(CONSTANT, name="wrong", answer=lambda reply: float(reply["probability"]))
    seen = table((wrong,), tiny, rounds=1)["wrong"]
    assert "where the model says" in seen.missing
    assert not seen.rates


def test_a_server_that_does_not_start_says_what_it_said(tiny: Setting) -> None:
    broken = replace(FLOOR, name="broken", start=lambda python, *_: ([python, "-c", "raise SystemExit('no port')"], {}))
    assert "no port" in table((broken,), tiny, rounds=1)["broken"].missing


def test_a_peer_that_cannot_be_installed_says_why_and_stops_nobody(
    tiny: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "peers" / "nobody").mkdir(parents=True)
    (tmp_path / "peers" / "nobody" / "requirements.txt").write_text("./not-here.whl\n")
    monkeypatch.setattr(environments, "HERE", tmp_path / "peers")
    monkeypatch.setattr(environments, "PEERS", tmp_path / "peers")
    found = table((replace(FLOOR, name="nobody", env="nobody"), FLOOR), tiny, rounds=1)
    assert found["nobody"].missing.startswith("could not be installed: ")
    assert found["floor"].answered > 0
    told = report((FLOOR, replace(FLOOR, name="nobody")), found, tiny.clients)
    assert any(line.startswith("Not measured: nobody could not be installed") for line in told)


def test_tables_go_between_their_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- cards -->\nold\n<!-- /cards -->\nz\n")
    for text in ("first", "second"):
        write_into(page, "cards", text)
    assert page.read_text() == "a\n<!-- cards -->\n\nsecond\n\n<!-- /cards -->\nz\n"
    with pytest.raises(SystemExit, match="no place for wide"):
        write_into(page, "wide", "text")


@pytest.fixture
def grudging() -> Iterator[int]:
    """A server that answers each connection once, refuses once, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as bound:

        def serve() -> None:
            taken, _ = bound.accept()
            with taken:
                taken.recv(65_536)
                taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{")
                taken.sendall(b"}")
                taken.recv(65_536)
                taken.sendall(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
                taken.recv(65_536)

        threading.Thread(target=serve, daemon=True).start()
        yield bound.getsockname()[1]


def test_refused_requests_and_hung_up_connections_are_failures(grudging: int) -> None:
    seen = load(grudging, "/", repeat(b"{}"), clients=1, seconds=0.3, core=0)
    assert len(seen.waits) == 2
    assert [answer[:12] for answer in seen.failed] == [b"HTTP/1.1 503", b"the server h"]


@pytest.mark.parametrize(
    ("got", "is_whole"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nx: y\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", False),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n", False),
    ],
)
def test_an_answer_is_whole_when_its_length_has_come(got: bytes, is_whole: bool) -> None:
    assert whole(got) is is_whole


def test_each_peer_has_locked_requirements_without_addresses_or_paths() -> None:
    wanted = {item.env for item in CONTENDERS if item.env}
    assert wanted <= set(environments.names())
    for name in environments.names():
        text = (environments.folder(name) / "requirements.txt").read_text()
        assert text.count("==") > 1, name
        assert "--hash=sha256:" in text, name
        assert "://" not in text, name
        assert not any(f"/{place}/" in text for place in ("opt", "home", "root", "tmp")), name
