"""Power cuts, simulated (`fire/power.py`): nothing acknowledged is missing afterwards, and a lie about it shows."""

from __future__ import annotations

from pathlib import Path

from fire.power import survives

IMAGES = 1_000


def test_no_acknowledged_record_is_lost_in_a_thousand_power_cuts(tmp_path: Path) -> None:
    assert [seed for seed in range(IMAGES) if not survives(seed, tmp_path / str(seed))] == []


def test_without_sync_the_same_power_cuts_lose_records(tmp_path: Path) -> None:
    survivors = [seed for seed in range(100) if survives(seed, tmp_path / str(seed), honest=False)]
    assert len(survivors) < 50
