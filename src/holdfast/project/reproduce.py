"""Training a version again from what it recorded, and comparing model hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdfast.errors import Problem
from holdfast.project.project import Project


@dataclass(frozen=True)
class Again:
    """The verdict: whether the model came out equal, and what else is not as it was recorded."""

    version: str
    ok: bool
    model_hash: str
    recorded_hash: str
    differs: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "equal": self.ok,
            "model_hash": self.model_hash,
            "recorded_hash": self.recorded_hash,
            "differs": [problem.as_dict() for problem in self.differs],
        }

    def lines(self) -> list[str]:
        verdict = "equal" if self.ok else f"DIFFERENT: recorded {self.recorded_hash[:12]}"
        head = f"version {self.version} trained again: model {self.model_hash[:12]}, {verdict}"
        return [head, *(f"  - {problem}" for problem in self.differs)]


def reproduce(project: Project, which: str, *, threads: int | None = None) -> Again:
    """Train a version (number or alias) again. Raises HoldfastError when its data or contract is not to be had."""
    from holdfast.project.build import features
    from holdfast.project.bundles import named
    from holdfast.project.fresh import grounds
    from holdfast.training.train import reproduce as again
    from holdfast.training.train import trained_from

    version, bundle = named(project, which)
    contract = trained_from(bundle.manifest, bundle.contract)
    table = features(grounds(project, bundle.hash), contract=contract)
    done = again(bundle.manifest, contract, table, threads=threads)
    return Again(version, done.equal, done.model_hash, done.recorded_hash, done.differs)
