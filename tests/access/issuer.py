"""A real OpenID Connect issuer on loopback: discovery, a key set that rotates, tokens signed with its private keys."""

from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.warnings import InsecureKeyLengthWarning

AUDIENCE = "holdfast-test"
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def private_key(name: str, kind: str = "RS256") -> Private:
    """A key by name, made once in a run."""
    return _made(name, kind[:2])


@lru_cache
def _made(name: str, family: str) -> Private:
    if family in ("RS", "PS"):
        return rsa.generate_private_key(65_537, 1024 if "weak" in name else 2048)
    return ed25519.Ed25519PrivateKey.generate() if family == "Ed" else ec.generate_private_key(ec.SECP256R1())


def public_pem(key: Private) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def jwk(name: str, kind: str = "RS256", **more: Any) -> dict[str, Any]:
    """The public half, as an issuer lists it."""
    public = private_key(name, kind).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        told = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        told = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        told = OKPAlgorithm.to_jwk(public, as_dict=True)
    return {**told, "kid": name, "use": "sig", "alg": kind, **more}


@dataclass
class Issuer:
    """What it lists and how often it was asked. `fault` makes it answer 500."""

    address: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    fault: bool = False

    def token(
        self, name: str = "one", kind: str = "RS256", *, header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token as this issuer signs it; a claim given as ``...`` is left out."""
        now = int(time.time())
        told = {"iss": self.address, "aud": AUDIENCE, "sub": "machine-7", "iat": now, "exp": now + 300}
        told |= {"roles": ["scorer"], **claims}
        kept = {claim: value for claim, value in told.items() if value is not ...}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # a weak key is one of the things to be refused
            return jwt.encode(kept, private_key(name, kind), algorithm=kind, headers={"kid": name, **(header or {})})


@contextmanager
def issuing(*names: str) -> Iterator[Issuer]:
    """The issuer, answering until the block ends, with an RS256 key for each name."""
    issuer = Issuer(keys=[jwk(name) for name in names])

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            known = {
                "/.well-known/openid-configuration": {
                    "issuer": issuer.address,
                    "jwks_uri": f"{issuer.address}/keys",
                    **issuer.about,
                },
                "/keys": {"keys": issuer.keys},
            }
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("location", f"{issuer.address}/keys")
                self.end_headers()
                return
            found = known.get(self.path)
            status = 500 if issuer.fault else 404 if found is None else 200
            body = json.dumps(found if status == 200 else {}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    issuer.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
