"""`holdfast key`, and a server that `holdfast serve` starts with and without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serving.shop import payment, shop

from .conftest import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    (place / "holdfast.toml").write_text('name = "fraud"\n')
    return place


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(folder: Path, run: Run) -> None:
    made = run("-C", folder, "key", "create", "till", "--role", "scorer", "--expires", "90d", "--rate", "5", "--json")
    assert made.code == 0
    told = made.document
    assert told["key"].startswith(f"hf_{told['id']}_")
    assert (told["roles"], told["state"], told["requests_per_second"]) == (["scorer"], "valid", 5)
    listed = run("-C", folder, "key", "list", "--json")
    assert [entry["id"] for entry in listed.document["keys"]] == [told["id"]]
    secret = told["key"].rpartition("_")[2]
    assert secret not in listed.out + run("-C", folder, "key", "list").out
    assert "key" not in listed.document["keys"][0]
    ended = run("-C", folder, "key", "revoke", told["id"], "--json").document
    assert [entry["state"] for entry in ended["revoked"]] == ["revoked"]
    assert run("-C", folder, "key", "revoke", told["id"]).out.strip() == "it was revoked before"
    assert run("-C", folder, "key", "list", "--json").document["keys"][0]["revoked_by"]


def test_a_key_for_people_is_plain_on_its_own_line(folder: Path, run: Run) -> None:
    lines = run("-C", folder, "key", "create", "ann", "--role", "viewer", "--role", "approver").out.splitlines()
    assert lines[0].startswith("hf_")
    assert lines[0] == lines[0].strip()
    assert "cannot be shown again" in lines[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "x", "--role", "king"], "no role 'king'"),
        (["create", "x", "--role", "scorer", "--role", "admin"], "not held together"),
        (["create", "x y", "--role", "scorer"], "is not a name"),
        (["create", "x", "--role", "scorer", "--expires", "soon"], "is not a duration"),
        (["create", "x", "--role", "scorer", "--expires", "0d"], "expired already"),
        (["create", "x"], "--role"),
        (["revoke", "nobody"], "no key 'nobody'"),
    ],
)
def test_misuse_says_what_to_do_and_makes_nothing(folder: Path, run: Run, words: list[str], said: str) -> None:
    answer = run("-C", folder, "key", *words, "--json")
    assert answer.code == 2
    assert said in answer.out
    assert not (folder / ".holdfast" / "keys.json").exists()


@contextmanager
def served(folder: Path, *words: str, **environment: str) -> Iterator[tuple[dict[str, Any], Path]]:
    """`holdfast serve` as a user starts it: what it announced, and the file of what it said beside."""
    said = folder / "said.txt"
    with said.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.cli.main", "-C", str(folder), "serve", "--port", "0", "--json", *words],
            stdout=subprocess.PIPE, stderr=file, text=True, env={**os.environ, **environment},
        )  # fmt: skip
        assert process.stdout is not None
        try:
            told = process.stdout.readline()
            if not told.startswith('{"address"'):
                told += process.stdout.read()
                process.wait(30)
            yield json.loads(told), said
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()


def test_a_fresh_project_is_open_on_loopback_and_says_so_in_one_line(folder: Path) -> None:
    shop(folder / ".holdfast")
    with served(folder) as (told, said):
        assert httpx.post(f"{told['address']}/predict", json=payment(1)).status_code == 200
        until = time.monotonic() + 10
        while "open to everyone on this machine" not in said.read_text():
            assert time.monotonic() < until
        lines = [json.loads(line) for line in said.read_text().splitlines()]
        assert [line["event"] for line in lines] == ["serving", "open"]


def test_several_workers_are_locked_by_the_same_keys(folder: Path, run: Run) -> None:
    shop(folder / ".holdfast")
    text = run("-C", folder, "key", "create", "till", "--role", "scorer", "--json").document["key"]
    with served(folder, "--workers", "2") as (told, said):
        address, heads = told["address"], {"authorization": f"Bearer {text}"}
        for at in range(6):  # each with a connection of its own, so that both workers are asked
            assert httpx.post(f"{address}/predict", json=payment(at)).status_code == 401
            assert httpx.post(f"{address}/predict", json=payment(at), headers=heads).status_code == 200
        assert run("-C", folder, "key", "revoke", "till").code == 0
        until, refused = time.monotonic() + 10, 0
        while refused < 8:
            status = httpx.post(f"{address}/predict", json=payment("late"), headers=heads).status_code
            refused = refused + 1 if status == 401 else 0
            assert time.monotonic() < until, "a revoked key is still let in by a worker"
            time.sleep(0.02)
        assert "open to everyone" not in said.read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_elsewhere_than_on_loopback_it_does_not_start_and_says_how(folder: Path, workers: str) -> None:
    shop(folder / ".holdfast")
    with served(folder, "--host", "0.0.0.0", "--workers", workers) as (told, _):
        assert "not protected" in told["error"]["what"]
        assert [problem["field"] for problem in told["error"]["problems"]] == ["access", "serving.tls_certificate"]
        assert "holdfast key create" in told["error"]["problems"][0]["mend"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"HOLDFAST_SERVING_TLS_KEY": "server.key"}, "TLS needs a certificate and its key"),
        ({"HOLDFAST_SERVING_TLS_KEY": "no.key", "HOLDFAST_SERVING_TLS_CERTIFICATE": "no.crt"}, "TLS cannot begin"),
        ({"HOLDFAST_ACCESS_OIDC_ISSUER": "http://login.example.org"}, "not an https address"),
        ({"HOLDFAST_ACCESS_OIDC_ISSUER": "https://login.example.org"}, "cannot be accepted"),
        ({"HOLDFAST_ACCESS_JWT_SECRET": "short-and-secret"}, "cannot be accepted"),
    ],
)
def test_settings_that_do_not_lock_stop_the_start(folder: Path, environment: dict[str, str], said: str) -> None:
    shop(folder / ".holdfast")
    with served(folder, **environment) as (told, _):
        assert said in told["error"]["what"]
        assert "short-and-secret" not in json.dumps(told)
