"""Where a server may listen, and which names it answers to."""

from __future__ import annotations

import pytest

from holdfast.access.binding import Hosts, host_name, is_loopback, require_protection, trusted
from holdfast.errors import HoldfastError


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_needs_nothing(address: str) -> None:
    assert is_loopback(address)
    require_protection(address, callers=False, encrypted=False)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "10.0.0.1", "192.168.1.5", "::ffff:10.0.0.1", "fe80::1%eth0", "host", ""]
)
def test_any_other_address_needs_callers_and_encryption(address: str) -> None:
    wanted = {(True, True): 0, (True, False): 1, (False, True): 1, (False, False): 2}
    for (callers, encrypted), missing in wanted.items():
        if not missing:
            require_protection(address, callers=callers, encrypted=encrypted)
            continue
        with pytest.raises(HoldfastError, match="not protected") as found:
            require_protection(address, callers=callers, encrypted=encrypted)
        assert len(found.value.problems) == missing


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"localhost", "localhost"), (b"LocalHost:8000", "localhost"), (b"api.example.org.", "api.example.org"),
        (b"[::1]:80", "::1"), (b"[::1]", "::1"), (b"10.0.0.1:", "10.0.0.1"), (b"a_b:1", "a_b"),
        (b"", None), (b":80", None), (b"a b", None), (b"a:80:90", None), (b"a:x", None), (b"[::1", None),
        (b"[::1]x", None),
        (b"a/b", None), (b"a@b", None), ("ä".encode(), None), (b"\0", None), (b"a" * 300, None), (b"a,b", None),
    ],
)  # fmt: skip
def test_a_host_header_is_read_strictly(header: bytes, name: str | None) -> None:
    assert host_name(header) == name


def test_on_loopback_only_its_own_names_are_answered() -> None:
    hosts = trusted("127.0.0.1")
    for good in (b"localhost:8000", b"127.0.0.1:8000", b"LOCALHOST", b"[::1]:1", b"localhost:8000"):
        assert hosts.accept(good)
    for bad in (b"rebound.example.org:8000", b"10.0.0.1:8000", b"127.0.0.1.example.org", b"localhost.example.org", b""):
        assert not hosts.accept(bad)


def test_elsewhere_addresses_are_answered_and_strange_names_are_not() -> None:
    hosts = trusted("0.0.0.0", ["api.example.org", " "])
    for good in (b"10.1.2.3:80", b"[fe80::2]", b"api.example.org", b"API.example.org:443"):
        assert hosts.accept(good)
    for bad in (b"example.org", b"xapi.example.org", b"rebound.example.net"):
        assert not hosts.accept(bad)


def test_any_name_must_be_asked_for_and_still_be_well_formed() -> None:
    hosts = trusted("0.0.0.0", ["*"])
    assert hosts.accept(b"whatever.example.net")
    assert not hosts.accept(b"a b")


def test_spellings_do_not_fill_memory() -> None:
    hosts = Hosts(["a"], any_name=True)
    for at in range(10_000):
        assert hosts.accept(b"name%d" % at)
    assert len(hosts._known) <= 256
