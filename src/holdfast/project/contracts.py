"""Contracts for people: checked, shown, compared, frozen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.contract.model import Contract, canonical, contract_from
from holdfast.errors import HoldfastError
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.contract.diff import Change


@dataclass(frozen=True)
class Checked:
    """A contract without faults, and what it amounts to."""

    contract: Contract
    series: int

    def as_dict(self) -> dict[str, Any]:
        found = self.contract
        return {
            "contract": found.name,
            "hash": found.hash,
            "sources": len(found.sources),
            "features": len(found.features),
            "aggregates": len(found.aggregates),
            "series": self.series,
        }

    def lines(self) -> list[str]:
        found = self.contract
        sources = "1 source" if len(found.sources) == 1 else f"{len(found.sources)} sources"
        windows = f"{len(found.aggregates)} windows over {self.series} series of {sources}"
        return [
            f"{found.name} {found.hash[:12]}: no fault",
            f"  decides on {found.decide_on}, predicts {found.label}; {len(found.features)} features, {windows}",
        ]


@dataclass(frozen=True)
class Compared:
    before: str
    after: str
    changes: tuple[Change, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"before": self.before, "after": self.after, "changes": [item.as_dict() for item in self.changes]}

    def lines(self) -> list[str]:
        if not self.changes:
            return [f"equal: {self.after[:12]}"]
        return [f"{self.before[:12]} → {self.after[:12]}", *(f"  {change}" for change in self.changes)]


def checked(project: Project) -> Checked:
    """Read the contract. Raises HoldfastError with every fault in it, each with its line."""
    from holdfast.features.plan import plan

    return Checked(project.contract, len(plan(project.contract).series))


def yaml_text(contract: Contract) -> str:
    """The contract as YAML, for review."""
    from holdfast.contract.yaml import show

    return show(contract)


def compared(project: Project, before: str, after: str | None) -> Compared:
    """What changed between two contracts, each named as in `named`."""
    from holdfast.contract.diff import diff

    old, new = named(project, before), named(project, after)
    return Compared(old.hash, new.hash, tuple(diff(old, new)))


def frozen(project: Project, out: Path) -> dict[str, str]:
    """Write the frozen contract as canonical JSON."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(canonical(project.contract.as_json()) + b"\n")
    return {"contract": project.contract.name, "hash": project.contract.hash, "path": str(out)}


def named(project: Project, which: str | None) -> Contract:
    """The project's contract, that of a file (.py, or frozen .json), or that of a registered version or alias."""
    from holdfast.contract.loading import load_file

    if which is None:
        return project.contract
    path = Path(which)
    if path.suffix == ".py":
        return load_file(path)
    if path.suffix == ".json":
        try:
            return contract_from(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise HoldfastError(
                f"this is no frozen contract: {fault}", where=which, mend="write one with `holdfast contract freeze`"
            ) from None
    from holdfast.project.bundles import named as bundle

    return bundle(project, which)[1].contract
