"""The issuer's keys: fetched when needed, not more often, and from nobody else."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.access.issuer import issuing, jwk

from holdfast.access.callers import Unchecked, Unknown
from holdfast.access.oidc import AGAIN, FRESH, STALE, Issuer, fetch_json, require_https, signs_with
from holdfast.errors import HoldfastError


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_key_that_the_issuer_rotates_in_is_found_and_one_that_it_takes_back_is_not() -> None:
    clock = Clock()
    with issuing("old") as server:
        known = Issuer(server.address, clock=clock)
        assert known.due("old")
        known.refresh()
        known.find("old", "RS256")
        server.keys = [jwk("new")]
        assert not known.due("new"), "it was asked just now"
        with pytest.raises(Unknown):
            known.find("new", "RS256")
        clock.now += AGAIN
        assert known.due("new")
        known.refresh()
        known.find("new", "RS256")
        with pytest.raises(Unknown):
            known.find("old", "RS256")


def test_a_flood_of_unknown_names_asks_the_issuer_once_in_ten_seconds() -> None:
    clock = Clock()
    with issuing("one") as server:
        known = Issuer(server.address, clock=clock)
        for at in range(1_000):
            if known.due(f"made-up-{at}"):
                known.refresh()
            clock.now += 0.01
        assert len(server.asked) == 2, "one discovery document, one key set"


def test_who_comes_while_keys_are_fetched_is_put_off_and_not_refused() -> None:
    clock, begun, go_on = Clock(), threading.Event(), threading.Event()
    with issuing("one") as server:

        def fetch(address: str) -> Mapping[str, Any]:
            begun.set()
            go_on.wait(10)
            return fetch_json(address)

        known = Issuer(server.address, fetch=fetch, clock=clock)
        go_on.set()
        known.refresh()
        server.keys.append(jwk("two"))
        clock.now += AGAIN
        go_on.clear()
        begun.clear()
        fetching = threading.Thread(target=known.refresh)
        fetching.start()
        begun.wait(10)
        known.find("one", "RS256")
        with pytest.raises(Unchecked):
            known.find("two", "RS256")
        go_on.set()
        fetching.join()
        known.find("two", "RS256")
        with pytest.raises(Unknown):
            known.find("three", "RS256")


def test_known_keys_are_looked_at_again_when_they_are_old() -> None:
    clock = Clock()
    with issuing("one") as server:
        known = Issuer(server.address, clock=clock)
        known.refresh()
        clock.now += FRESH - 1
        assert not known.due("one")
        clock.now += 1
        assert known.due("one")


def test_an_issuer_that_is_away_is_believed_for_an_hour_and_then_nobody_is() -> None:
    clock = Clock()
    with issuing("one") as server:
        known = Issuer(server.address, clock=clock)
        with pytest.raises(Unchecked):
            known.find("one", "RS256")
        known.refresh()
        server.fault = True
        clock.now += STALE
        known.refresh()
        known.find("one", "RS256")
        clock.now += 1
        with pytest.raises(Unchecked):
            known.find("one", "RS256")
        server.fault = False
        clock.now += AGAIN
        known.refresh()
        known.find("one", "RS256")


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://login.example.org"},
        {"issuer": None},
        {"jwks_uri": "http://login.example.org/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
def test_a_discovery_document_that_leads_elsewhere_is_not_followed(about: dict[str, Any]) -> None:
    with issuing("one") as server:
        server.about = about
        known = Issuer(server.address)
        known.refresh()
        assert server.asked == ["/.well-known/openid-configuration"]
        with pytest.raises(Unchecked):
            known.find("one", "RS256")


def test_keys_are_read_from_no_file_though_one_lies_there(tmp_path: Path) -> None:
    place = tmp_path / "keys.json"
    place.write_text(json.dumps({"keys": [jwk("one")]}))
    with issuing() as server:
        server.about = {"jwks_uri": place.as_uri()}
        known = Issuer(server.address)
        known.refresh()
        with pytest.raises(Unchecked):
            known.find("one", "RS256")


def test_a_redirect_is_not_followed() -> None:
    with issuing("one") as server:
        with pytest.raises(OSError, match="302"):
            fetch_json(f"{server.address}/elsewhere")
        assert server.asked == ["/elsewhere"]


@pytest.mark.parametrize(
    "address",
    [
        "http://login.example.org",
        "ftp://127.0.0.1/",
        "login.example.org",
        "",
        "http://10.0.0.1/",
        "http://localhost.example.org",
    ],
)
def test_an_issuer_without_https_is_refused(address: str) -> None:
    with pytest.raises(HoldfastError, match="not an https address"):
        Issuer(address)


def test_https_and_this_machine_are_accepted() -> None:
    for address in (
        "https://login.example.org/realms/main",
        "http://127.0.0.1:9/",
        "http://localhost:9",
        "http://[::1]:9",
    ):
        require_https(address, "x")


def test_only_keys_that_sign_are_used_and_never_a_shared_secret() -> None:
    assert signs_with({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}) == frozenset()
    assert signs_with({"kty": "RSA", "alg": "HS256"}) == frozenset()
    assert signs_with({"kty": "RSA", "use": "enc"}) == frozenset()
    assert signs_with({"kty": "RSA", "key_ops": ["sign"]}) == frozenset()
    assert signs_with({"kty": "EC", "crv": "secp256k1"}) == frozenset()
    assert signs_with({}) == frozenset()
    assert "RS256" in signs_with({"kty": "RSA"})
    assert signs_with({"kty": "EC", "crv": "P-256"}) == {"ES256"}
