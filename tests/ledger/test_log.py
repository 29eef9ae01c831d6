"""What the ledger's files survive: torn ends are cut, any other damage is refused with its place."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.ledger.files import Files
from holdfast.ledger.log import START, LedgerUnavailable, Log, Position
from holdfast.ledger.read import LedgerReader, verify
from holdfast.ledger.records import Decision, Event, Outcome, Record, decode, encode

DAY = "20261122"


def outcomes(first: int, count: int) -> list[Record]:
    return [
        Outcome(seq=seq, received_at=seq, source="s", label="l", event_id=f"e{seq}", version=1, value=0)
        for seq in range(first, first + count)
    ]


def write(log: Log, *sizes: int, day: str = DAY) -> None:
    for size in sizes:
        log.append(encode(outcomes(log.position.seq + 1, size)), size, day)


def followed(log: Log, position: Position = START) -> list[int]:
    return [record.seq for _, payload in log.follow(position) for record in decode(payload)]


def only(folder: Path) -> Path:
    (path,) = folder.glob("*.log")
    return path


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    log = Log(tmp_path)
    write(log, 1, 3, 20, 70_000)
    wanted = list(range(1, 70_025))
    assert followed(Log(tmp_path)) == wanted
    assert [record.seq for record in LedgerReader(tmp_path).records()] == wanted
    assert LedgerReader(tmp_path).last_seq() == 70_024


def test_following_from_a_place_gives_what_lies_after_it(tmp_path: Path) -> None:
    log = Log(tmp_path)
    write(log, 2, 2)
    place = log.position
    write(log, 3)
    assert followed(Log(tmp_path), place) == [5, 6, 7]
    assert followed(log, log.position) == []


def test_a_new_day_and_a_full_segment_begin_a_new_file(tmp_path: Path) -> None:
    log = Log(tmp_path, limit=200)
    write(log, 1)
    write(log, 1, day="20261123")
    write(log, *[2] * 10, day="20261123")
    names = [path.name for path in sorted(tmp_path.glob("*.log"))]
    assert names[:2] == ["0000000000000001-20261122.log", "0000000000000002-20261123.log"]
    assert len(names) > 3
    assert followed(Log(tmp_path)) == list(range(1, 23))
    assert verify(tmp_path) == 22


@pytest.mark.parametrize("cut", [1, 4, 9, 30])
def test_a_torn_end_is_cut_off_and_appending_goes_on(tmp_path: Path, cut: int) -> None:
    log = Log(tmp_path)
    write(log, 2, 2)
    path = only(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    again = Log(tmp_path)
    assert followed(again) == [1, 2]
    write(again, 1)
    assert followed(Log(tmp_path)) == [1, 2, 3]


def test_an_end_of_zeros_is_cut_off(tmp_path: Path) -> None:
    log = Log(tmp_path)
    write(log, 2)
    with only(tmp_path).open("ab") as file:
        file.write(bytes(5_000))
    assert followed(Log(tmp_path)) == [1, 2]
    assert verify(tmp_path) == 2


def test_a_segment_that_was_never_written_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / f"0000000000000001-{DAY}.log").write_bytes(b"HOLD")
    log = Log(tmp_path)
    assert followed(log) == []
    write(log, 1)
    assert followed(Log(tmp_path)) == [1]


def test_every_changed_byte_before_the_end_is_refused_with_file_and_offset(tmp_path: Path) -> None:
    log = Log(tmp_path)
    write(log, 1, 2, 1)
    path = only(tmp_path)
    whole = path.read_bytes()
    starts = [16]
    for _ in range(2):
        starts.append(starts[-1] + 8 + int.from_bytes(whole[starts[-1] : starts[-1] + 4], "little"))
    for at in range(16, starts[2]):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        with pytest.raises(HoldfastError, match=r"damaged at byte (\d+)") as refused:
            followed(Log(tmp_path))
        assert refused.value.where == str(path)
        assert f"byte {max(start for start in starts if start <= at)}:" in refused.value.what
        with pytest.raises(HoldfastError, match="damaged"):
            verify(tmp_path)
    assert path.read_bytes()[:16] == whole[:16]


def test_a_torn_segment_before_the_last_is_damage(tmp_path: Path) -> None:
    log = Log(tmp_path)
    write(log, 2)
    write(log, 1, day="20261123")
    first = min(tmp_path.glob("*.log"))
    os.truncate(first, first.stat().st_size - 3)
    with pytest.raises(HoldfastError, match="a later segment follows"):
        followed(Log(tmp_path))


def test_a_missing_segment_is_damage(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for day in ("20261122", "20261123", "20261124"):
        write(log, 1, day=day)
    sorted(tmp_path.glob("*.log"))[1].unlink()
    with pytest.raises(HoldfastError, match="record 2 should be its first"):
        followed(Log(tmp_path))


def test_bytes_inside_a_request_never_pass_for_a_batch(tmp_path: Path) -> None:
    log = Log(tmp_path)
    write(log, 1)
    inner = only(tmp_path).read_bytes()[16:]
    record = Event(seq=2, received_at=2, source="s", event_id="e", time=0, body=inner, digest=b"")
    log.append(encode([record]), 1, DAY)
    path = only(tmp_path)
    os.truncate(path, path.stat().st_size - 1)
    assert followed(Log(tmp_path)) == [1]


def test_a_file_that_is_no_segment_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.log").write_text("x")
    with pytest.raises(HoldfastError, match="no ledger segment"):
        followed(Log(tmp_path))


class Failing(Files):
    """Fails the next write or sync; a failing write leaves a part of what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.fail_write = self.fail_sync = self.fail_cut = False

    def write(self, fd: int, data: bytes, offset: int) -> None:
        if self.fail_write:
            super().write(fd, data[: len(data) // 2], offset)
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        if self.fail_sync:
            raise OSError(errno.EIO, "Input/output error")
        super().sync(fd)

    def truncate(self, fd: int, size: int) -> None:
        if self.fail_cut:
            raise OSError(errno.EIO, "Input/output error")
        super().truncate(fd, size)


def test_a_full_disk_acknowledges_nothing_and_leaves_no_part_behind(tmp_path: Path) -> None:
    files = Failing()
    log = Log(tmp_path, files=files)
    write(log, 2)
    files.fail_write = True
    for _ in range(3):
        with pytest.raises(LedgerUnavailable, match="No space left"):
            write(log, 2)
    assert followed(Log(tmp_path)) == [1, 2]
    files.fail_write = False
    write(log, 2)
    assert followed(Log(tmp_path)) == [1, 2, 3, 4]


def test_a_failed_sync_acknowledges_nothing_and_the_next_batch_begins_a_new_file(tmp_path: Path) -> None:
    files = Failing()
    log = Log(tmp_path, files=files)
    write(log, 2)
    files.fail_sync = True
    with pytest.raises(LedgerUnavailable, match="Input/output error"):
        write(log, 1)
    files.fail_sync = False
    write(log, 1)
    assert len(list(tmp_path.glob("*.log"))) == 2
    assert followed(Log(tmp_path)) == [1, 2, 3]


def test_what_could_not_be_cut_off_is_cut_off_before_the_next_batch(tmp_path: Path) -> None:
    files = Failing()
    log = Log(tmp_path, files=files)
    write(log, 2)
    files.fail_write = files.fail_cut = True
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            write(log, 2)
    files.fail_write = files.fail_cut = False
    write(log, 2)
    assert followed(Log(tmp_path)) == [1, 2, 3, 4]


def test_the_very_first_batch_may_fail_too(tmp_path: Path) -> None:
    files = Failing()
    log = Log(tmp_path, files=files)
    files.fail_sync = True
    with pytest.raises(LedgerUnavailable):
        write(log, 1)
    files.fail_sync = False
    write(log, 1)
    assert followed(Log(tmp_path)) == [1]


def test_a_reader_leaves_an_unfinished_batch_for_later(tmp_path: Path) -> None:
    log = Log(tmp_path)
    write(log, 2)
    path = only(tmp_path)
    before = path.read_bytes()
    reader = LedgerReader(tmp_path)
    write(log, 3)
    whole = path.read_bytes()
    for size in range(len(before), len(whole)):
        path.write_bytes(whole[:size])
        assert [record.seq for record in reader.records()] == [1, 2]
        assert reader.last_seq() == 2
    path.write_bytes(whole)
    assert [record.seq for record in reader.records(2)] == [3, 4, 5]


def test_any_record_is_found_by_its_seq_across_files(tmp_path: Path) -> None:
    log = Log(tmp_path, limit=50_000)
    write(log, *[100] * 60)
    reader = LedgerReader(tmp_path)
    assert len(list(tmp_path.glob("*.log"))) > 2
    for seq in (1, 2, 100, 101, 3_333, 5_999, 6_000, 1):
        found = reader.record(seq)
        assert found is not None
        assert found.seq == seq
    assert reader.record(0) is None
    assert reader.record(6_001) is None
    assert [record.seq for record in reader.records(5_990, 5_995)] == [5_991, 5_992, 5_993, 5_994, 5_995]


def test_decisions_are_counted_between_any_two_records(tmp_path: Path) -> None:
    """Most batches are not decoded for it: what looks like a decision's name in a request is none."""
    log, kinds = Log(tmp_path, limit=1_000), "ddoeddo" * 6
    for size in (1, 2, 5, 7, 1, 9, 17):
        seqs = range(log.position.seq + 1, log.position.seq + 1 + size)
        log.append(encode([record(kinds[seq - 1], seq) for seq in seqs]), size, DAY)
    assert len(list(tmp_path.glob("*.log"))) > 2
    told = [kind == "d" for kind in kinds]
    for since in range(43):
        for until in range(since, 43):
            assert LedgerReader(tmp_path).decisions(since, until) == sum(told[since:until])


def record(kind: str, seq: int) -> Record:
    named = "decision Ü¨decision"
    if kind == "o":
        return Outcome(seq=seq, source=named, label="decision", event_id=named, version=1, value=0)
    body = f'{{"id": "{named}"}}'.encode()
    if kind == "e":
        return Event(seq=seq, source=named, event_id=named, time=0, body=body, digest=b"")
    return Decision(
        seq=seq, read_seq=0, source="s", event_id=named, time=0, body=body, digest=b"", contract="c", model="decision",
        version="1", variant="champion", features=b"", score=0.0, probability=0.5, threshold=0.5, decision=True,
    )  # fmt: skip
