"""Where the keys of a token's issuer come from: its discovery document, and the key set that it names.

Fetched by the thread that calls `refresh` (never the event loop), kept for ten minutes, fetched again early when a
token names a key that is not known, but not more often than every ten seconds. An issuer that is away is no fault as
long as its last keys are younger than an hour.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import threading
import urllib.request
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import jwt

from holdfast.access.callers import Unchecked, Unknown
from holdfast.errors import HoldfastError

log = logging.getLogger("holdfast.access")

DISCOVERY = "/.well-known/openid-configuration"
FRESH = 600.0
"""Seconds after which keys are looked at again: a key the issuer took back is refused from then on."""
STALE = 3600.0
"""Seconds after which keys that could not be looked at again are no longer believed."""
AGAIN = 10.0
"""Seconds between two looks, whatever tokens say."""
PATIENCE = 5.0
LARGEST = 1 << 20

FAMILIES: Mapping[tuple[str, str], frozenset[str]] = {
    ("RSA", ""): frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}
"""What a key of a kind may have signed with. No symmetric one: a public key must never serve as a shared secret."""
ALGORITHMS = frozenset().union(*FAMILIES.values())

Fetch = Callable[[str], Mapping[str, Any]]


class Issuer:
    """The keys of one issuer. `find` only looks at what is here; `due` says whether a `refresh` is worth its wait."""

    def __init__(self, name: str, *, fetch: Fetch | None = None, clock: Callable[[], float] = monotonic) -> None:
        require_https(name, "access.oidc_issuer")
        self.name = name
        self._fetch = fetch or fetch_json
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, Mapping[str, Any]] = {}
        self._fetched = float("-inf")
        self._tried = float("-inf")

    def due(self, kid: str | None) -> bool:
        """Whether a look at the issuer may tell more about this key than is known here."""
        now = self._clock()
        known = bool(self._keys) and (kid is None or kid in self._keys)
        return now - self._tried >= AGAIN and (not known or now - self._fetched >= FRESH)

    def refresh(self) -> None:
        """Fetches the key set; waits for the issuer. Failures are logged, and the keys from before are kept."""
        with self._lock:
            if self._clock() - self._tried < AGAIN:
                return  # another thread has just been there
            self._tried = self._clock()
            try:
                self._keys = self._fetched_keys()
                self._fetched = self._clock()
            except (OSError, ValueError, TypeError, HoldfastError) as error:
                log.warning("the keys of the issuer %s cannot be fetched: %s", self.name, error)

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """The key that a token names, for its algorithm. Raises Unknown, or Unchecked when the issuer was not reached.

        A token that names none is accepted only when one key fits.
        """
        if not self._keys or self._clock() - self._fetched > STALE:
            raise Unchecked(f"the issuer {self.name} does not answer")
        fitting = [
            key for name, key in self._keys.items() if (kid is None or name == kid) and algorithm in signs_with(key)
        ]
        if not fitting and self._lock.locked():
            raise Unchecked(f"the keys of {self.name} are being fetched")
        if len(fitting) != 1:
            raise Unknown("unknown_signer", "the token is signed by a key that its issuer does not list")
        return jwt.PyJWK(dict(fitting[0]), algorithm)

    def _fetched_keys(self) -> dict[str, Mapping[str, Any]]:
        about = self._fetch(self.name.rstrip("/") + DISCOVERY)
        if about.get("issuer") != self.name:
            raise ValueError("its discovery document names another issuer")
        place = about["jwks_uri"] if isinstance(about.get("jwks_uri"), str) else ""
        require_https(place, "jwks_uri")
        keys = self._fetch(place).get("keys")
        if not isinstance(keys, list):
            raise ValueError("its key set holds no list of keys")
        usable = [key for key in keys if isinstance(key, dict) and signs_with(key)]
        # A key without a name gets one that no token can carry.
        return {str(key.get("kid", f"\0{at}")): key for at, key in enumerate(usable)}


def signs_with(key: Mapping[str, Any]) -> frozenset[str]:
    """The algorithms that a published key may be used for; none for keys that encrypt and for shared secrets."""
    if key.get("use", "sig") != "sig" or "verify" not in key.get("key_ops", ["verify"]):
        return frozenset()
    curve = key.get("crv", "") if key.get("kty") != "RSA" else ""
    family = FAMILIES.get((str(key.get("kty")), str(curve)), frozenset())
    own = key.get("alg")
    return family if own is None else family & {own}


def require_https(address: str, setting: str) -> None:
    """Raises HoldfastError unless the address is https, or http on this machine itself."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if host and (parts.scheme == "https" or (parts.scheme == "http" and _this_machine(host))):
        return
    raise HoldfastError(
        f"{address!r} is not an https address", where=setting, mend="for example https://login.example.org/realms/main"
    )


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Whoever answers for the issuer must not send us elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def fetch_json(address: str) -> Mapping[str, Any]:
    """A JSON object by GET. Raises OSError, ValueError."""
    request = urllib.request.Request(address, headers={"accept": "application/json"})  # noqa: S310 — checked above
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=PATIENCE) as reply:
            body = reply.read(LARGEST + 1)
    except HTTPError as error:
        error.close()
        raise OSError(f"status {error.code}") from None
    if len(body) > LARGEST:
        raise ValueError("the document is too large")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("the document is no object")
    return found
