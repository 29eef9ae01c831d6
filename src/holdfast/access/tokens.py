"""JSON Web Tokens: whose they are and what they permit, or exactly why they are refused.

The server, not the token, says which algorithm goes with which key: asymmetric ones with the keys of the OIDC issuer,
HS256 with a secret from the settings. Addresses and keys that a token's own header brings along are never looked at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from holdfast.access.callers import Caller, KeysWanted, Unknown, caller
from holdfast.access.oidc import ALGORITHMS, Issuer
from holdfast.errors import HoldfastError, Problem

SHORTEST_SECRET = 32
"""Bytes. Shorter ones can be searched for by whoever holds one token."""
LONGEST = 8_192
REQUIRED = ["exp", "aud", "iss", "sub"]
PLAIN_SUBJECT = re.compile(r"[A-Za-z0-9._:/|-]{1,128}")
"""A subject that is recorded as it is. Any other (an e-mail address, a name) is recorded as its hash: the ledger is
kept for years and must not name people."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Tokens that another program of the same house signs with a secret."""

    secret: bytes
    issuer: str
    audience: str


class Tokens:
    """Verifies tokens of an OIDC issuer, of a shared secret, or of both. `leeway` is seconds that clocks may differ."""

    def __init__(
        self, oidc: Issuer | None, audience: str, shared: Shared | None, *, roles_claim: str = "roles", leeway: int = 30
    ) -> None:
        problems = []
        if oidc is not None and not audience:
            problems.append(Problem("access.oidc_audience", "missing", "is missing", "what its tokens say as `aud`"))
        if shared is not None:
            if len(shared.secret) < SHORTEST_SECRET:
                what = f"has {len(shared.secret)} bytes, fewer than {SHORTEST_SECRET}"
                problems.append(Problem("access.jwt_secret", "length", what, "openssl rand -hex 32"))
            if b"-----BEGIN" in shared.secret:
                what = "is a key in PEM, which others may know, and no secret"
                problems.append(Problem("access.jwt_secret", "kind", what, "openssl rand -hex 32"))
            for name, value in (("jwt_issuer", shared.issuer), ("jwt_audience", shared.audience)):
                if not value:
                    problems.append(Problem(f"access.{name}", "missing", "is missing", "what the tokens must say"))
        if problems:
            raise HoldfastError("tokens cannot be accepted with these settings", problems=problems)
        self._oidc = oidc
        self._audience = audience
        self._shared = shared
        self._claim = roles_claim.split(".")
        self._leeway = leeway

    def warm(self) -> None:
        """Fetches the issuer's keys; waits for it."""
        if self._oidc is not None:
            self._oidc.refresh()

    def recognise(self, text: str, *, asked: bool = False) -> Caller:
        """Whose token it is. Raises Unknown, Unchecked, or (unless the issuer was `asked` just now) KeysWanted."""
        if len(text) > LONGEST:
            raise _not_a_token()
        try:
            header = jwt.get_unverified_header(text)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise _not_a_token() from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if self._shared is not None and algorithm == "HS256":
            return self._caller(
                self._claims(text, self._shared.secret, "HS256", self._shared.issuer, self._shared.audience)
            )
        if self._oidc is None or algorithm not in ALGORITHMS:
            raise Unknown("wrong_algorithm", "the token's algorithm is not accepted here")
        if kid is not None and not isinstance(kid, str):
            raise _not_a_token()
        if not asked and self._oidc.due(kid):
            raise KeysWanted(self._oidc.refresh)
        key = self._oidc.find(kid, algorithm)
        return self._caller(self._claims(text, key, algorithm, self._oidc.name, self._audience))

    def _claims(self, text: str, key: Any, algorithm: str, issuer: str, audience: str) -> Mapping[str, Any]:
        try:
            return jwt.decode(
                text,
                key,
                algorithms=[algorithm],
                issuer=issuer,
                audience=audience,
                leeway=self._leeway,
                options={"require": REQUIRED, "enforce_minimum_key_length": True},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            # The library's own words may quote the token.
            raise _refused(error) from None

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        subject = claims["sub"]
        if not PLAIN_SUBJECT.fullmatch(subject):
            subject = "sha256:" + hashlib.sha256(f"{claims['iss']}\0{subject}".encode()).hexdigest()[:32]
        name = f"jwt:{subject}"
        return caller(name, name, self._roles(claims), float(claims["exp"]) + self._leeway)

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """What the claim says: a list, or text with spaces as OAuth's scopes have it. Dots lead into objects."""
        found: Any = claims
        for part in self._claim:
            found = found.get(part) if isinstance(found, Mapping) else None
        if isinstance(found, str):
            found = found.split()
        return frozenset(item for item in found if isinstance(item, str)) if isinstance(found, list) else frozenset()


_WHY: tuple[tuple[type[Exception], str, str], ...] = (
    (jwt.ExpiredSignatureError, "expired_token", "the token has expired"),
    (jwt.ImmatureSignatureError, "token_not_yet_valid", "the token is not valid yet"),
    (jwt.InvalidAudienceError, "wrong_audience", "the token is meant for another audience"),
    (jwt.InvalidIssuerError, "wrong_issuer", "the token comes from another issuer"),
    (jwt.InvalidSignatureError, "wrong_signature", "the token's signature is wrong"),
    (jwt.InvalidAlgorithmError, "wrong_algorithm", "the token's algorithm is not accepted here"),
    (jwt.InvalidKeyError, "weak_key", "the token's key is too short to be trusted"),
)


def _refused(error: Exception) -> Unknown:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return Unknown("missing_claim", f"the token has no claim {error.claim}")
    for kind, code, what in _WHY:
        if isinstance(error, kind):
            return Unknown(code, what)
    return _not_a_token()


def _not_a_token() -> Unknown:
    return Unknown("not_a_token", "this is neither a key nor a token")
