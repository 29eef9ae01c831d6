"""Which version was live when, who made it so, and why: read from the ledger's promotions, never from an alias."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from holdfast.errors import Problem
from holdfast.ledger.records import Promotion, Record

CHAMPION = "champion"


@dataclass(frozen=True)
class History:
    """Promotions in order of seq. Instants are µs UTC, by the ledger's clock."""

    records: tuple[Promotion, ...] = ()

    @classmethod
    def of(cls, records: Iterable[Record]) -> History:
        """The promotions among ledger records, which come in order."""
        return cls(tuple(item for item in records if isinstance(item, Promotion)))

    def live(self, alias: str = CHAMPION, at: int | None = None) -> Promotion | None:
        """The decision that made a version live under `alias`, as of `at` (now when None)."""
        return next(
            (
                item
                for item in reversed(self.records)
                if item.alias == alias and item.action != "archive" and (at is None or item.received_at <= at)
            ),
            None,
        )

    def aliases(self) -> dict[str, Promotion]:
        """The decision behind each alias, as it should stand now."""
        return {item.alias: item for item in self.records if item.action != "archive"}

    def archived(self) -> frozenset[str]:
        """Versions out of use: archived, and not promoted again since."""
        out: set[str] = set()
        for item in self.records:
            if item.action == "archive":
                out.add(item.version)
            else:
                out.discard(item.version)
        return frozenset(out)

    def was_live(self, version: str, alias: str = CHAMPION) -> Promotion | None:
        """The latest decision that made this version live under `alias`, if there ever was one."""
        return next(
            (
                item
                for item in reversed(self.records)
                if item.alias == alias and item.version == version and item.action != "archive"
            ),
            None,
        )

    def before(self, alias: str = CHAMPION) -> Promotion | None:
        """What a rollback returns to: the version live before the present one.

        Rollbacks unwind: after one, the next goes further back, never forth to what was left. Archived versions are
        passed over.
        """
        stack: list[Promotion] = []
        for item in self.records:
            if item.alias != alias or item.action == "archive":
                continue
            if item.action == "rollback":
                at = next((i for i in range(len(stack) - 1, -1, -1) if stack[i].version == item.version), None)
                stack = stack[: at + 1] if at is not None else [*stack, item]
            else:
                stack.append(item)
        out, now = self.archived(), self.live(alias)
        usable = (item for item in reversed(stack[:-1]) if item.version not in out)
        return next((item for item in usable if now is None or item.version != now.version), None)

    def lagging(self, alias: str) -> frozenset[str | None]:
        """Where the registry's alias may still stand because it could not follow: before the last decision, and
        before each rollback that came right ahead of it (None: it was not set)."""
        places: set[str | None] = set()
        for item in reversed([item for item in self.records if item.alias == alias and item.action != "archive"]):
            places.add(item.previous)
            if item.action != "rollback":
                # A promotion asks the registry first, so the alias had caught up by then.
                break
        return frozenset(places)

    def strays(self, aliases: Mapping[str, str]) -> list[Problem]:
        """Aliases of the registry (name → version) that do not stand where this history put them.

        They are reported, and not followed.
        """
        own = self.aliases()
        problems = []
        for alias in sorted({*own, *aliases}):
            here, there = own.get(alias), aliases.get(alias)
            if here is None:
                what = f"the registry's alias points to version {there}, and was never set through Holdfast"
            elif there is None:
                what = f"the registry has no such alias; by the history it is version {here.version}"
            elif there != here.version:
                what = f"the registry's alias points to version {there}; by the history it is version {here.version}"
            else:
                continue
            problems.append(Problem(alias, "alias_moved", what, "promote the version you mean: holdfast promote"))
        return problems
