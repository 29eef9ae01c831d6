"""X2: power cuts, simulated: what was not synced is dropped or torn, and nothing acknowledged may be missing."""

from __future__ import annotations

import random
from pathlib import Path

from fire.experiment import Plan, Result
from holdfast.errors import HoldfastError
from holdfast.ledger.files import Files
from holdfast.ledger.log import START, LedgerUnavailable, Log
from holdfast.ledger.records import Outcome, decode, encode

SECTOR = 512


class Disk(Files):
    """Writes to a cache; a sync makes them last. After a power cut each unsynced sector may be there or not.

    `honest` False: syncs do nothing, as when they are left out.
    """

    def __init__(self, dice: random.Random, *, honest: bool = True) -> None:
        super().__init__(sync=False)
        self.dice = dice
        self.honest = honest
        self.paths: dict[int, Path] = {}
        self.cached: dict[Path, bytearray] = {}
        self.durable: dict[Path, bytes] = {}
        self.named: set[Path] = set()
        self.steps_left = 10**9

    def _step(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise PowerCut

    def open(self, path: Path, *, create: bool) -> int:
        self._step()
        fd = super().open(path, create=create)
        self.paths[fd] = path
        if create:
            self.cached[path], self.durable[path] = bytearray(), b""
        return fd

    def write(self, fd: int, data: bytes, offset: int) -> None:
        self._step()
        cached = self.cached[self.paths[fd]]
        cached[offset : offset + len(data)] = data
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._step()
        if self.honest:
            path = self.paths[fd]
            self.durable[path] = bytes(self.cached[path])

    def truncate(self, fd: int, size: int) -> None:
        self._step()
        del self.cached[self.paths[fd]][size:]
        super().truncate(fd, size)

    def sync_directory(self, path: Path) -> None:
        self._step()
        if self.honest:
            self.named |= {item for item in self.cached if item.parent == path}

    def image(self, folder: Path) -> None:
        """What a disk may hold after the cut: names and sectors that were not synced, each there or not."""
        folder.mkdir()
        for path, cached in self.cached.items():
            if path not in self.named and self.dice.random() < 0.5:
                continue
            (folder / path.name).write_bytes(self._torn(bytes(cached), self.durable[path]))

    def _torn(self, cached: bytes, durable: bytes) -> bytes:
        if cached == durable:
            return durable
        # The length may be any between the two; each changed sector is new, old, or (when there is no old) zeros.
        size = self.dice.choice([len(durable), len(cached), self.dice.randint(*sorted((len(durable), len(cached))))])
        found = bytearray(cached[:size].ljust(size, b"\0"))
        for start in range(0, size, SECTOR):
            part = slice(start, min(start + SECTOR, size))
            old = durable[part].ljust(part.stop - part.start, b"\0")
            if bytes(found[part]) != old and self.dice.random() < 0.5:
                keep = self.dice.choice([0, 0, self.dice.randrange(SECTOR)])
                found[part] = (bytes(found[part])[:keep] + old[keep:])[: part.stop - part.start]
        return bytes(found)


class PowerCut(Exception):  # noqa: N818 - an event in the simulation
    pass


def live(folder: Path, disk: Disk, dice: random.Random) -> int:
    """Append batches until the power goes; returns the last acknowledged seq."""
    log = Log(folder, files=disk, limit=3_000)
    acknowledged = 0
    disk.steps_left = dice.randrange(60)
    try:
        while True:
            first = log.position.seq + 1
            count = dice.choice([1, 1, 3, 20])
            records = [
                Outcome(
                    seq=seq,
                    received_at=seq,
                    source="s",
                    label="l",
                    event_id="e" * dice.randrange(200),
                    version=1,
                    value=1,
                )
                for seq in range(first, first + count)
            ]
            log.append(encode(list(records)), count, dice.choice(["20261122", "20261122", "20261123"]))
            acknowledged = first + count - 1
    except (PowerCut, LedgerUnavailable):
        return acknowledged
    finally:
        log.close()


def survives(seed: int, folder: Path, *, honest: bool = True) -> bool:
    """Whether every acknowledged record is there after one power cut, and appending goes on."""
    folder.mkdir()
    dice = random.Random(seed)
    disk = Disk(dice, honest=honest)
    acknowledged = live(folder / "before", disk, dice)
    disk.image(folder / "after")
    log = Log(folder / "after", files=Files(sync=False))
    try:
        seqs = [record.seq for _, payload in log.follow(START) for record in decode(payload)]
    except HoldfastError:
        return False
    if seqs != list(range(1, len(seqs) + 1)):
        return False
    log.append(
        encode([Outcome(seq=len(seqs) + 1, source="s", label="l", event_id="", version=1, value=1)]), 1, "20261124"
    )
    log.close()
    return acknowledged <= len(seqs)


def run(plan: Plan) -> Result:
    images = plan.much(1_000, 150)
    place = plan.place("images")
    lost = [seed for seed in range(plan.seed, plan.seed + images) if not survives(seed, place / str(seed))]
    lying = plan.place("without-sync")
    without = [seed for seed in range(100) if not survives(seed, lying / str(seed), honest=False)]
    return Result(
        {"power cuts": images, "images that lost something acknowledged": len(lost)},
        not lost,
        f"without syncing, {len(without)} of 100 images lose something",
        len(without) > 50,
        [f"seed {seed}" for seed in lost],
    )
