"""Where a real server may listen, and TLS: a real certificate, its renewal, what is refused."""

from __future__ import annotations

import datetime
import ipaddress
import os
import signal
import socket
import ssl
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.serving.shop import payment, serving, shop

from holdfast.access import keys
from holdfast.access.binding import Tls
from holdfast.access.recognise import Locks
from holdfast.errors import HoldfastError
from holdfast.serving.locked import renewal
from holdfast.serving.run import serve

BEFORE = "from holdfast.access.recognise import Locks\nfrom holdfast.access.binding import Tls"


def seen(true: Any, what: str, patience: float = 10.0) -> None:
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until, f"not within {patience} s: {what}"
        time.sleep(0.02)


def certificate(folder: Path, name: str) -> Tls:
    """A self-signed certificate for loopback, and its key, in files."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    places = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(places), critical=False)
        .sign(key, hashes.SHA256())
    )
    tls = Tls(folder / "server.crt", folder / "server.key")
    tls.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    tls.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return tls


def test_tls_with_a_real_certificate_and_its_renewal(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    _, text = keys.create(home, "shop", ["scorer"], by="test")
    tls = certificate(tmp_path, "first")
    locks = f"locks=Locks(tls=Tls(Path({str(tls.certificate)!r}), Path({str(tls.key)!r}))), host='0.0.0.0'"
    with serving(home, before=BEFORE, more=locks) as server:
        assert server.address.startswith("https://0.0.0.0:")
        port = int(server.address.rpartition(":")[2])
        trust = ssl.create_default_context(cafile=str(tls.certificate))
        heads = {"authorization": f"Bearer {text}"}
        with httpx.Client(base_url=f"https://localhost:{port}", verify=trust, timeout=20) as client:
            assert client.post("/predict", json=payment(1), headers=heads).status_code == 200
            assert client.post("/predict", json=payment(1)).status_code == 401
            assert client.get("/livez", headers={"host": "10.1.2.3"}).status_code == 200, "a probe by address"
            assert client.get("/livez", headers={"host": "evil.example"}).status_code == 421
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/livez", timeout=5)
        old = ssl.create_default_context()
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"https://localhost:{port}/livez", verify=old)
        weak = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        weak.check_hostname = False
        weak.verify_mode = ssl.CERT_NONE
        weak.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # being outdated is the point
            weak.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", port)) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
            weak.wrap_socket(raw)
        certificate(tmp_path, "second")
        seen(lambda: "second" in subject(port), "the renewed certificate is shown")


def subject(port: int) -> str:
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    return x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string()


def test_a_broken_renewal_leaves_the_certificate_that_works(tmp_path: Path) -> None:
    tls = certificate(tmp_path, "first")
    context = tls.context()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    look = renewal(tls, context)
    tls.certificate.write_text("broken")
    with pytest.raises(HoldfastError, match="TLS cannot begin"):
        look()
    certificate(tmp_path, "second")
    look()
    other = certificate(tmp_path, "third")
    mixed = tmp_path / "other"
    mixed.mkdir()
    stranger = certificate(mixed, "stranger")
    with pytest.raises(HoldfastError):
        Tls(other.certificate, stranger.key).context()
    with pytest.raises(HoldfastError):
        Tls(tmp_path / "nothing.crt", other.key).context()


def test_no_handshake_fails_while_the_certificate_is_renewed(tmp_path: Path) -> None:
    """Hundreds of handshakes between hundreds of renewals, in memory: each shows a whole certificate, in the end the
    last one.
    """
    tls = certificate(tmp_path, "renewed-0")
    context = tls.context()
    look = renewal(tls, context)
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE

    def renew() -> None:
        for turn in range(1, 300):
            certificate(tmp_path, f"renewed-{turn}")
            look()

    shown = ["renewed-0"]
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(renew)
        while not renewing.done():
            shown.append(handshake(context, anyone))
        renewing.result()
    assert len(set(shown)) > 20, "the test asks nothing unless many certificates were met"
    assert handshake(context, anyone) == "renewed-299"


def handshake(context: ssl.SSLContext, anyone: ssl.SSLContext) -> str:
    """The name in the certificate that a new connection is shown, without a server name."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = anyone.wrap_bio(back, there)
    server = context.wrap_bio(there, back, server_side=True)
    while not all([_done(client), _done(server)]):
        continue
    shown = client.getpeercert(binary_form=True)
    assert shown is not None
    (name,) = x509.load_der_x509_certificate(shown).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def _done(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


@pytest.mark.parametrize(
    ("made", "locks", "missing"),
    [
        ([], Locks(), {"access", "serving.tls_certificate"}),
        ([{}], Locks(), {"serving.tls_certificate"}),
        ([], Locks(tls_in_front=True), {"access"}),
        ([{"lives": 1, "now": 1_000}], Locks(tls_in_front=True), {"access"}),
    ],
)
def test_it_does_not_start_unprotected_where_others_can_reach_it(
    tmp_path: Path, made: list[dict[str, Any]], locks: Locks, missing: set[str]
) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    for more in made:
        keys.create(home, "shop", ["scorer"], by="test", **more)

    def end(*_: object) -> None:  # should it start after all, it must end for this test to fail
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(HoldfastError, match="not protected") as found:
        serve(home, host="0.0.0.0", port=0, locks=locks, announce=end)
    assert {problem.field for problem in found.value.problems} == missing
    assert all(problem.mend for problem in found.value.problems)


@pytest.mark.parametrize(
    "locks",
    ["Locks(tls_in_front=True, oidc_issuer='https://x.example', oidc_audience='x')", "Locks(tls_in_front=True)"],
)
def test_it_starts_there_with_callers_and_tls_in_front(tmp_path: Path, locks: str) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    if "oidc" not in locks:
        keys.create(home, "shop", ["scorer"], by="test")
    with serving(home, before=BEFORE, more=f"host='0.0.0.0', locks={locks}") as server:
        port = server.address.rpartition(":")[2]
        assert httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
        assert httpx.post(f"http://127.0.0.1:{port}/predict", json=payment(1)).status_code == 401
