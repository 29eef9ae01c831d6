"""What a server's processes use, as Linux tells it: memory and processor time of it and of those it started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from holdfast.errors import HoldfastError


@dataclass(frozen=True)
class Reading:
    """Bytes and seconds, summed over the processes."""

    own: int
    """Memory nobody else has: without the pages of files, which the system takes back when it needs them."""
    peak: int
    """The most that was ever resident, pages of files (state) among it."""
    processor: float
    processes: int

    def since(self, before: Reading) -> Reading:
        return replace(self, processor=self.processor - before.processor)


def reading(pid: int) -> Reading:
    """A process and all its children now. Raises HoldfastError where the system does not tell."""
    own = peak = ticks = 0
    found = list(family(pid))
    for one in found:
        status = _status(one)
        own += status.get("RssAnon", 0) + status.get("RssShmem", 0)
        peak += status.get("VmHWM", 0)
        after_name = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return Reading(own, peak, ticks / os.sysconf("SC_CLK_TCK"), len(found))


def busy() -> float:
    """Processor seconds that everything on this machine has used, and what its host took away."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system, _idle, _waiting, irq, soft, steal = (int(word) for word in words[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> Iterator[int]:
    """A process and all that it started, those that are there now."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        raise HoldfastError(f"the system does not tell what process {pid} uses", mend="run the gate on Linux") from None
    yield pid
    for child in children:
        yield from family(int(child))


def _status(pid: int) -> dict[str, int]:
    """The figures in kB, as bytes."""
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.endswith(" kB"))
    return {words[0].rstrip(":"): int(words[1]) * 1_024 for words in lines}
