"""Keys in their file: what is kept, what is refused, and how it is compared."""

from __future__ import annotations

import hmac
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.access import keys
from holdfast.access.callers import Unknown
from holdfast.access.recognise import Access
from holdfast.errors import HoldfastError


def refused(home: Path, text: str, now: float) -> str:
    with pytest.raises(Unknown) as found:
        keys.read(home).recognise(text, now)
    assert text not in found.value.what
    return found.value.code


def test_a_key_is_recognised_and_its_secret_is_nowhere_in_the_file(tmp_path: Path) -> None:
    made, text = keys.create(tmp_path, "shop", ["scorer"], by="ann", now=1_000)
    caller = keys.read(tmp_path).recognise(text, 1_001)
    assert (caller.name, caller.held) == ("shop", frozenset({"predict", "explain", "record"}))
    kept = (tmp_path / keys.FILE).read_text()
    secret = text.rpartition("_")[2]
    assert len(bytes.fromhex(secret)) == 32
    assert secret not in kept
    assert made.digest in kept


def test_the_file_is_its_owners_alone_also_when_it_is_changed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        keys.create(tmp_path, name, ["viewer"], by="ann")
        assert stat.S_IMODE((tmp_path / keys.FILE).stat().st_mode) == 0o600
    assert not (tmp_path / f"{keys.FILE}.new").exists()


def test_expired_revoked_unknown_and_altered_keys_are_refused_each_for_its_reason(tmp_path: Path) -> None:
    _, short = keys.create(tmp_path, "short", ["scorer"], by="ann", lives=100, now=1_000)
    _, ended = keys.create(tmp_path, "ended", ["scorer"], by="ann", now=1_000)
    keys.read(tmp_path).recognise(short, 1_099)
    keys.read(tmp_path).recognise(ended, 1_099)
    keys.revoke(tmp_path, "ended", by="bob", now=1_050)
    assert refused(tmp_path, short, 1_100) == "expired_key"
    assert refused(tmp_path, ended, 1_051) == "revoked_key"
    assert refused(tmp_path, short[:-1] + ("0" if short[-1] != "0" else "1"), 1_001) == "unknown_key"
    other = short.split("_")[1]
    assert refused(tmp_path, f"hf_{other}_{ended.rpartition('_')[2]}", 1_001) == "unknown_key"
    for text in ("hf_", "hf__", f"hf_{other}", f"hf_{other}_", "hf_nobody_" + "0" * 64, f"hf_{other}_\udc80é"):
        with pytest.raises(Unknown):
            keys.read(tmp_path).recognise(text, 1_001)


def test_several_keys_of_one_name_are_one_caller_and_end_one_by_one(tmp_path: Path) -> None:
    first, old = keys.create(tmp_path, "shop", ["scorer"], by="ann")
    _, new = keys.create(tmp_path, "shop", ["scorer"], by="ann")
    assert [key.id for key in keys.revoke(tmp_path, first.id, by="ann")] == [first.id]
    assert keys.read(tmp_path).recognise(new, 2_000_000_000).name == "shop"
    assert refused(tmp_path, old, 2_000_000_000) == "revoked_key"
    assert len(keys.revoke(tmp_path, "shop", by="ann")) == 1
    assert keys.revoke(tmp_path, "shop", by="ann") == []
    with pytest.raises(HoldfastError, match="no key"):
        keys.revoke(tmp_path, "nobody", by="ann")


def test_everything_wrong_with_a_new_key_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(HoldfastError) as found:
        keys.create(tmp_path, "a b:c", ["scorer", "king", "admin"], by="ann", lives=0, rate=-1)
    assert {problem.code for problem in found.value.problems} == {"name", "unknown_value", "apart", "range"}
    assert len(found.value.problems) == 5
    assert not (tmp_path / keys.FILE).exists()


def test_keys_made_at_once_by_several_processes_are_all_kept(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from holdfast.access import keys\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for at in range(40): keys.create(Path(sys.argv[1]), f'{sys.argv[2]}-{at}', ['viewer'], by='t')"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:  # all are there: now at once
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert {key.name for key in keys.read(tmp_path).all} == {f"{name}-{at}" for name in "abc" for at in range(40)}


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"format": 2, "keys": []}', '{"format": 1, "keys": [{"id": "x"}]}', '{"format": 1}']
)
def test_a_damaged_file_stops_the_start_and_leaves_a_running_server_its_keys(tmp_path: Path, damage: str) -> None:
    _, text = keys.create(tmp_path, "shop", ["scorer"], by="ann")
    access = Access(tmp_path)
    (tmp_path / keys.FILE).write_text(damage)
    access.look()
    assert access.recognise(text).name == "shop"
    with pytest.raises(HoldfastError, match="cannot be read"):
        Access(tmp_path)


def test_removing_the_file_opens_no_running_server(tmp_path: Path) -> None:
    _, text = keys.create(tmp_path, "shop", ["scorer"], by="ann")
    access = Access(tmp_path)
    (tmp_path / keys.FILE).unlink()
    access.look()
    assert access.locked
    with pytest.raises(Unknown):
        access.recognise(text)


def test_the_first_key_locks_a_running_server_and_revoking_the_last_does_not_open_it(tmp_path: Path) -> None:
    access = Access(tmp_path)
    access.look()
    assert access.locked is False
    _, text = keys.create(tmp_path, "shop", ["scorer"], by="ann")
    access.look()
    assert access.recognise(text).name == "shop"
    edition = access.edition
    keys.revoke(tmp_path, "shop", by="ann")
    access.look()
    assert access.edition > edition
    assert not access.callers
    assert [access.locked, Access(tmp_path).locked] == [True, True]


def test_every_comparison_is_of_two_digests_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known id or not, right secret or not: one comparison of 32 with 32 bytes by the function made for it."""
    _, text = keys.create(tmp_path, "shop", ["scorer"], by="ann", now=1_000)
    name = text.split("_")[1]
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    book = keys.read(tmp_path)
    for attempt in (text, f"hf_{name}_{'0' * 64}", f"hf_nobody_{'0' * 64}", f"hf_{name}_", "hf_"):
        compared.clear()
        try:
            book.recognise(attempt, 1_001)
            assert attempt == text
        except Unknown:
            assert attempt != text
        assert compared == [(32, 32)]


def test_what_the_file_holds_does_not_let_anyone_in(tmp_path: Path) -> None:
    made, _ = keys.create(tmp_path, "shop", ["scorer"], by="ann", now=1_000)
    kept = json.loads((tmp_path / keys.FILE).read_text())["keys"][0]
    assert refused(tmp_path, f"hf_{kept['id']}_{kept['digest']}", 1_001) == "unknown_key"
    assert made.state(1_001) == "valid"
