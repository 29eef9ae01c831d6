"""Tokens: the right one is accepted, and each way of making one up is refused for its own reason."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from tests.access.issuer import AUDIENCE, Issuer, issuing, jwk, private_key, public_pem

from holdfast.access.callers import Caller, KeysWanted, Unknown
from holdfast.access.oidc import Issuer as Known
from holdfast.access.tokens import Shared, Tokens
from holdfast.errors import HoldfastError

SECRET = "a secret of the house, 32 bytes or more"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing("one", "two") as running:
        running.keys += [jwk("curve", "ES256"), jwk("edwards", "EdDSA"), jwk("weak-rsa"), jwk("seal", use="enc")]
        yield running


@pytest.fixture(scope="module")
def tokens(issuer: Issuer) -> Tokens:
    known = Known(issuer.address)
    known.refresh()
    return Tokens(known, AUDIENCE, Shared(SECRET.encode(), "house", "house-scoring"), leeway=5)


def recognised(tokens: Tokens, text: str) -> Caller:
    try:
        return tokens.recognise(text)
    except KeysWanted as wanted:
        wanted.refresh()
        return tokens.recognise(text, asked=True)


def code(tokens: Tokens, text: str) -> str:
    with pytest.raises(Unknown) as found:
        recognised(tokens, text)
    for part in text.split("."):
        assert not part or part not in found.value.what
    return found.value.code


def part(shape: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(shape).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("name", "kind"), [("one", "RS256"), ("two", "RS256"), ("curve", "ES256"), ("edwards", "EdDSA")]
)
def test_a_token_of_the_issuer_is_accepted_whatever_key_it_chose(
    tokens: Tokens, issuer: Issuer, name: str, kind: str
) -> None:
    caller = recognised(tokens, issuer.token(name, kind))
    assert (caller.name, caller.roles) == ("jwt:machine-7", frozenset({"scorer"}))
    assert caller.held == {"predict", "explain", "record"}
    assert 290 < caller.until - time.time() < 310


def test_a_token_of_the_shared_secret_is_accepted(tokens: Tokens) -> None:
    claims = {"iss": "house", "aud": "house-scoring", "sub": "till", "exp": time.time() + 60, "roles": "viewer other"}
    caller = recognised(tokens, jwt.encode(claims, SECRET, algorithm="HS256"))
    assert (caller.name, caller.held) == ("jwt:till", frozenset({"metrics", "log"}))


def made_up(issuer: Issuer) -> dict[str, tuple[str, str]]:
    """Each forged or spoilt token, with the code of its refusal."""
    now = int(time.time())
    claims = {"iss": issuer.address, "aud": AUDIENCE, "sub": "x", "exp": now + 300, "roles": ["admin"]}
    public = public_pem(private_key("one"))

    def signed_with_public(header: dict[str, Any]) -> str:
        body = f"{part(header)}.{part(claims)}"
        mac = hmac.new(public, body.encode(), hashlib.sha256).digest()
        return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    head, body, mark = issuer.token().split(".")
    stolen = issuer.token(sub="somebody").split(".")
    house = {"iss": "house", "aud": "house-scoring", "sub": "x", "exp": now + 60, "roles": ["admin"]}
    return {
        "alg=none": (f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.", "wrong_algorithm"),
        "alg=None": (f"{part({'alg': 'nOnE', 'kid': 'one'})}.{part(claims)}.", "wrong_algorithm"),
        "no alg": (f"{part({'kid': 'one'})}.{part(claims)}.", "wrong_algorithm"),
        "HS256 with the public key": (signed_with_public({"alg": "HS256", "kid": "one"}), "wrong_signature"),
        "HS512 with the public key": (signed_with_public({"alg": "HS512", "kid": "one"}), "wrong_algorithm"),
        "other key, known name": (issuer.token("stranger", header={"kid": "one"}), "wrong_signature"),
        "other key, unknown name": (issuer.token("stranger"), "unknown_signer"),
        "no name among several keys": (
            jwt.encode(claims, private_key("one"), algorithm="RS256"),
            "unknown_signer",
        ),
        "another algorithm than the key is listed for": (issuer.token("one", "RS512"), "unknown_signer"),
        "the name of a key of another kind": (issuer.token("one", header={"kid": "curve"}), "unknown_signer"),
        "a key that is listed for encryption": (issuer.token("seal"), "unknown_signer"),
        "a key of 1024 bits": (issuer.token("weak-rsa"), "weak_key"),
        "keys in its own header": (
            issuer.token("stranger", header={"jku": f"{issuer.address}/keys", "jwk": jwk("stranger")}),
            "unknown_signer",
        ),
        "another audience": (issuer.token(aud="another"), "wrong_audience"),
        "no audience": (issuer.token(aud=...), "missing_claim"),
        "another issuer": (issuer.token(iss="https://example.org"), "wrong_issuer"),
        "the issuer's address spelled otherwise": (issuer.token(iss=issuer.address + "/"), "wrong_issuer"),
        "no issuer": (issuer.token(iss=...), "missing_claim"),
        "expired": (issuer.token(exp=now - 10), "expired_token"),
        "never expires": (issuer.token(exp=...), "missing_claim"),
        "expires at no number": (issuer.token(exp="tomorrow"), "not_a_token"),
        "expires at infinity": (issuer.token(exp=float("inf")), "not_a_token"),
        "not yet valid": (issuer.token(nbf=now + 60), "token_not_yet_valid"),
        "issued in the future": (issuer.token(iat=now + 60), "token_not_yet_valid"),
        "no subject": (issuer.token(sub=...), "missing_claim"),
        "a subject that is a number": (issuer.token(sub=7), "not_a_token"),
        "changed claims": (f"{head}.{part(claims)}.{mark}", "wrong_signature"),
        "another token's signature": (f"{head}.{body}.{stolen[2]}", "wrong_signature"),
        "no signature": (f"{head}.{body}.", "wrong_signature"),
        "the secret's token with another secret": (jwt.encode(house, "x" * 40, algorithm="HS256"), "wrong_signature"),
        "the secret for the issuer's name": (jwt.encode(claims, SECRET, algorithm="HS256"), "wrong_issuer"),
        "the secret with HS384": (jwt.encode(house, SECRET + "x" * 10, algorithm="HS384"), "wrong_algorithm"),
        "a name that is no text": (f"{part({'alg': 'RS256', 'kid': 7})}.{body}.{mark}", "not_a_token"),
        "nothing": ("", "not_a_token"),
        "no token": ("abc", "not_a_token"),
        "dots": ("..", "not_a_token"),
        "no JSON": ("####.####.####", "not_a_token"),
        "deep": (f"{base64.urlsafe_b64encode(b'[' * 5_000).decode()}.e30.x", "not_a_token"),
        "long": (issuer.token(pad="x" * 9_000), "not_a_token"),
    }


def test_every_forged_or_spoilt_token_is_refused_for_its_own_reason(tokens: Tokens, issuer: Issuer) -> None:
    tried = made_up(issuer)
    wrong = {name: (code(tokens, text), expected) for name, (text, expected) in tried.items()}
    wrong = {name: pair for name, pair in wrong.items() if pair[0] != pair[1]}
    print(f"{len(tried)} tokens made up, all refused, {len(wrong)} for another reason than expected")
    assert wrong == {}


def test_a_clock_may_differ_by_the_leeway_and_no_more(tokens: Tokens, issuer: Issuer) -> None:
    now = int(time.time())
    recognised(tokens, issuer.token(exp=now - 2))
    recognised(tokens, issuer.token(nbf=now + 3))
    assert code(tokens, issuer.token(exp=now - 7)) == "expired_token"


def test_roles_come_from_the_claim_that_the_settings_name(issuer: Issuer) -> None:
    known = Known(issuer.address)
    known.refresh()
    inside = Tokens(known, AUDIENCE, None, roles_claim="realm_access.roles")
    assert recognised(inside, issuer.token()).held == frozenset()
    told = issuer.token(roles=["admin"], realm_access={"roles": ["viewer", "offline_access", 7]})
    assert recognised(inside, told).held == {"metrics", "log"}
    for odd in (None, 7, ["viewer"], {"roles": {"viewer": True}}, {"roles": None}):
        assert recognised(inside, issuer.token(realm_access=odd)).held == frozenset()


def test_a_refused_combination_of_roles_permits_nothing_and_says_why(tokens: Tokens, issuer: Issuer) -> None:
    caller = recognised(tokens, issuer.token(roles=["scorer", "admin"]))
    assert caller.held == frozenset()
    assert "not held together" in caller.trouble


def test_a_persons_name_does_not_become_a_callers_name(tokens: Tokens, issuer: Issuer) -> None:
    named = recognised(tokens, issuer.token(sub="ann.bell@example.org"))
    assert named.name.startswith("jwt:sha256:")
    assert "ann" not in named.name
    assert recognised(tokens, issuer.token(sub="ann.bell@example.org")).name == named.name
    assert recognised(tokens, issuer.token(sub="bob.bell@example.org")).name != named.name


def test_settings_that_would_let_strangers_in_are_refused_all_at_once() -> None:
    with pytest.raises(HoldfastError) as found:
        Tokens(Known("https://login.example.org"), "", Shared(b"short", "", ""))
    assert [problem.field for problem in found.value.problems] == [
        "access.oidc_audience", "access.jwt_secret", "access.jwt_issuer", "access.jwt_audience"
    ]  # fmt: skip
    with pytest.raises(HoldfastError, match="PEM"):
        Tokens(None, "", Shared(public_pem(private_key("one")), "house", "x"))
