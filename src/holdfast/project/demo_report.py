"""What the demo proved, promise by promise, and what its reader may try next."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PEOPLE = {"scientist": "operator", "risk": "approver", "shop": "scorer"}
"""Whom the demo makes keys for, and in what role; from then on the server answers nobody else."""
REQUEST = "payment.json"
"""A payment that was not sent yet, in the demo's folder."""


@dataclass
class Proof:
    """One promise, the figure that shows it, and whether it held."""

    promise: str
    figure: str
    held: bool


@dataclass
class Report:
    """`keys` are the demo's own, by the name of their holder: of use in its folder alone."""

    folder: str
    seconds: float = 0.0
    proofs: list[Proof] = field(default_factory=list)
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return bool(self.proofs) and all(proof.held for proof in self.proofs)

    def rows(self) -> list[tuple[str, str, bool]]:
        return [(proof.promise, proof.figure, proof.held) for proof in self.proofs]

    def lines(self) -> list[str]:
        us, address = f"{_command()} -C {self.folder}", "http://127.0.0.1:8000"
        header = f"-H 'authorization: Bearer {self.keys.get('shop', 'KEY')}'"
        return [
            f"{self.seconds:.0f} seconds; the project is in {self.folder}/. Its server answers the keys made for it:",
            "",
            *(f"  {name:<10} {PEOPLE[name]:<9} {key}" for name, key in self.keys.items()),
            "",
            "Try next:",
            "",
            f"  {us} serve    # and, in another window:",
            f"  curl {address}/predict {header} -d @{self.folder}/{REQUEST}",
            f"  {us} replay --since 2000-01-01    # every decision again, from the records",
            f"  {us} versions --history    # who made what live, when and why",
        ]

    def as_dict(self) -> dict[str, Any]:
        proofs = [{"promise": promise, "figure": figure, "held": held} for promise, figure, held in self.rows()]
        return {
            "ok": self.ok,
            "folder": self.folder,
            "seconds": round(self.seconds, 1),
            "proofs": proofs,
            "keys": dict(self.keys),
        }


def _command() -> str:
    """How the person who reads this calls us: by name if that is found, else by path."""
    beside = Path(sys.executable).with_name("holdfast")
    return "holdfast" if shutil.which("holdfast") or not beside.exists() else os.path.relpath(beside)
