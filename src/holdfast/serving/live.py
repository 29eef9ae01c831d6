"""Which versions answer now, as one immutable value that is swapped whole.

A request takes `Live.now` once and keeps it to its end, so a swap fails no request. Beside the champion the champion
before it stays loaded: its fields are still accepted, and a rollback has nothing to load. So do the versions of an
experiment, those that answer and those in its shadow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from struct import Struct

from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import Cell, Contract, Source
from holdfast.contract.values import Parsed, compile_reader
from holdfast.features.kernel.scalar import compile_row
from holdfast.features.plan import Plan, plan
from holdfast.features.state.reads import compile_reads
from holdfast.features.state.snapshot import Snapshot
from holdfast.ledger.records import Experiment
from holdfast.serving.replies import Names, all_names, open_names
from holdfast.serving.split import Split
from holdfast.traffic.measures import Standing


@dataclass(frozen=True, slots=True)
class Version:
    """One model version with everything a request needs of it, compiled."""

    version: str
    variant: str
    bundle: Bundle
    contract: Contract
    contract_hash: str
    plan: Plan
    source: Source
    names: Names
    read: Callable[[dict[str, object]], Parsed]
    reads: Callable[[Snapshot, Sequence[Cell], int], list[float]]
    row: Callable[[Sequence[Cell], Sequence[float]], list[float]]
    packed: Struct
    """The feature row as little-endian doubles."""
    id_at: int
    time_at: int
    accepted: frozenset[str]
    """Names this contract knows, former ones too."""
    openly: frozenset[str]
    """Those whose values may be shown back."""

    @property
    def name(self) -> str:
        return self.bundle.name


def compile_version(bundle: Bundle, version: str, variant: str = "champion") -> Version:
    contract = bundle.contract
    source = contract.deciding
    steps = plan(contract)
    return Version(
        version=version,
        variant=variant,
        bundle=bundle,
        contract=contract,
        contract_hash=contract.hash,
        plan=steps,
        source=source,
        names=Names(contract),
        read=compile_reader(source, source.fields),
        reads=compile_reads(steps),
        row=compile_row(contract),
        packed=Struct(f"<{len(contract.features)}d"),
        id_at=source.position(source.id),
        time_at=source.position(source.time),
        accepted=all_names(source),
        openly=open_names(source),
    )


@dataclass(frozen=True, slots=True)
class LiveSet:
    """The versions a request may meet. `foreign` are fields that only versions beside the champion know."""

    champion: Version
    previous: Version | None = None
    foreign: frozenset[str] = frozenset()
    seq: int = 0
    """The promotion that made it so."""
    beside: tuple[Version, ...] = ()
    """Versions of the experiments under way."""
    split: Split | None = None
    """The experiment that shares out the answers."""
    experiments: tuple[int, ...] = ()
    """The records of experiments that this set goes by."""
    measures: Standing | None = None
    """What is decided or read otherwise for a while."""

    @staticmethod
    def of(champion: Version, previous: Version | None = None, seq: int = 0) -> LiveSet:
        foreign = previous.accepted - champion.accepted if previous is not None else frozenset()
        return LiveSet(champion, previous, foreign, seq)

    def under(self, record: Experiment | None, arms: Sequence[Version], shadows: Sequence[Version]) -> LiveSet:
        """The same champion under an experiment (its `arms` in the record's order), with shadows beside it."""
        beside = (*arms[1:], *shadows)
        accepted = frozenset().union(*(item.accepted for item in (self.champion, *beside)))
        if self.previous is not None:
            accepted |= self.previous.accepted
        split = Split(record, arms, accepted) if record is not None else None
        return replace(self, beside=beside, split=split, foreign=accepted - self.champion.accepted)

    @property
    def versions(self) -> tuple[Version, ...]:
        kept = (self.champion,) if self.previous is None else (self.champion, self.previous)
        return (*kept, *self.beside)

    def own_fields(self, raw: dict[str, object]) -> dict[str, object]:
        """The body without what only another live contract knows."""
        if self.foreign and not self.foreign.isdisjoint(raw):
            return {name: value for name, value in raw.items() if name not in self.foreign}
        return raw

    def source(self, name: str) -> Source | None:
        """A source by name: the champion's wording of it, else that of a version beside it."""
        for version in self.versions:
            for source in version.contract.sources:
                if source.name == name:
                    return source
        return None


Archive = Callable[[str, str], Version | None]
"""A version that was live once, by contract hash and version; None when its bundle is gone."""


class Live:
    """The one place that knows what is live. `now` is replaced, never changed."""

    def __init__(self, now: LiveSet, archive: Archive) -> None:
        self.now = now
        self.trouble = ""
        """Why a promotion could not be followed; empty when all is well."""
        self.registry: Mapping[str, object] = {}
        """What the registry's probe saw last."""
        self._archive = lru_cache(maxsize=8)(archive)

    def replace(self, now: LiveSet) -> None:
        self.now = now
        self.trouble = ""

    def version(self, contract: str, version: str) -> Version | None:
        """The version that made a decision: a live one, or one loaded again from its verified bundle."""
        for item in self.now.versions:
            if item.version == version and item.contract_hash == contract:
                return item
        return self._archive(contract, version)

    def names(self, contract: str, version: str) -> Names:
        """What the deciding contract called its answer; the champion's words when its bundle is gone."""
        champion = self.now.champion
        if contract == champion.contract_hash:
            return champion.names
        found = self.version(contract, version)
        return (found or champion).names
