"""The log of shadows: goes on where it stood, and never stands in anybody's way."""

from __future__ import annotations

from pathlib import Path

from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Shadow
from holdfast.ledger.shadows import ShadowLog

DAY = 86_400_000_000


def shadow(decision: int, version: str = "2") -> Shadow:
    return Shadow(
        decision_seq=decision, event_id=f"e{decision}", read_seq=decision, contract="c", model="m", version=version,
        experiment=1, features=b"", score=0.5, probability=0.5, threshold=0.5, decision=True,
    )  # fmt: skip


def kept(place: Path) -> list[tuple[int, int]]:
    return [(item.seq, item.decision_seq) for item in LedgerReader(place).records() if isinstance(item, Shadow)]


def test_it_goes_on_where_it_stood_over_days(tmp_path: Path) -> None:
    place = tmp_path / "shadows"
    for day, decisions in enumerate([(3, 4), (7,), (9, 12)], start=1):
        log = ShadowLog(place, clock=lambda now=day * DAY: now)  # type: ignore[misc]  # its own day
        assert log.done == (0, 4, 7)[day - 1]
        log.append([shadow(number) for number in decisions])
        log.close()
    assert kept(place) == [(1, 3), (2, 4), (3, 7), (4, 9), (5, 12)]
    assert len(list(place.glob("*.log"))) == 3


def test_what_was_being_written_when_it_died_is_written_again(tmp_path: Path) -> None:
    place = tmp_path / "shadows"
    log = ShadowLog(place)
    log.append([shadow(1)])
    log.append([shadow(2), shadow(3)])
    log.close()
    (segment,) = place.glob("*.log")
    segment.write_bytes(segment.read_bytes()[:-5])
    log = ShadowLog(place)
    assert log.done == 1
    log.append([shadow(2), shadow(3)])
    assert kept(place) == [(1, 1), (2, 2), (3, 3)]
    log.close()


def test_a_segment_that_had_only_begun_is_no_beginning(tmp_path: Path) -> None:
    place = tmp_path / "shadows"
    log = ShadowLog(place, clock=lambda: DAY)
    log.append([shadow(1)])
    log.close()
    (place / "0000000000000002-19700103.log").write_bytes(b"")
    log = ShadowLog(place, clock=lambda: 2 * DAY)
    assert log.done == 1
    log.append([shadow(5)])
    assert kept(place) == [(1, 1), (2, 5)]
    log.close()


def test_damage_is_put_aside_and_told(tmp_path: Path) -> None:
    place = tmp_path / "shadows"
    log = ShadowLog(place)
    for number in (1, 2, 3):
        log.append([shadow(number)])
    log.close()
    (segment,) = place.glob("*.log")
    data = bytearray(segment.read_bytes())
    data[40] ^= 1
    segment.write_bytes(data)
    log = ShadowLog(place)
    assert log.done == 0
    log.append([shadow(4)])
    assert kept(place) == [(1, 4)]
    (aside,) = tmp_path.glob("shadows.damaged-*")
    assert next(aside.glob("*.log")).read_bytes() == data
    log.close()
