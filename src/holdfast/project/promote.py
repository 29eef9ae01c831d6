"""Making a version live, and going back: state first, then the record, then the registry's alias."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from holdfast.project.bundles import history
from holdfast.project.history import Tick, build_state, live_contracts
from holdfast.project.people import signer
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.bundle.bundle import Bundle
    from holdfast.ledger.records import Promotion, Record
    from holdfast.registry.promote import Decided, Desk


@dataclass(frozen=True)
class Moved:
    """A decision that is on disk."""

    decided: Decided

    def as_dict(self) -> dict[str, Any]:
        step = self.decided.record
        return {
            "action": step.action,
            "alias": step.alias,
            "version": step.version,
            "previous": step.previous,
            "bundle": step.bundle,
            "contract": step.contract,
            "who": step.who,
            "why": step.why,
            "passed": step.passed,
            "seq": step.seq,
            "notes": list(self.decided.notes),
        }

    def lines(self) -> list[str]:
        step = self.decided.record
        before = f" (before: version {step.previous})" if step.previous else ""
        word = "rolled back: " if step.action == "rollback" else ""
        head = f"{word}version {step.version} is {step.alias} now{before}, record {step.seq}"
        passed = [f"  {step.passed}"] if step.passed else []
        return [head, *passed, *(f"  {note}" for note in self.decided.notes)]


def promote(
    project: Project,
    version: str,
    *,
    why: str,
    alias: str = "champion",
    who: str | None = None,
    progress: Tick | None = None,
) -> Moved:
    """Make a version (number or alias) live under an alias; a running server follows a new champion.

    Raises HoldfastError when its bundle, its state or the door says no; then nothing has changed.
    """
    from holdfast.registry.promote import promote as decide

    with desk(project, progress) as (table, _):
        return Moved(decide(table, version, who=signer(project, who), why=why, alias=alias))


def rollback(project: Project, *, why: str, who: str | None = None) -> Moved:
    """Return to the champion before this one. Needs no registry: its bundle is here and its state alive."""
    from holdfast.registry.promote import rollback as decide

    with desk(project, None) as (table, _):
        return Moved(decide(table, who=signer(project, who), why=why))


class Commit(Protocol):
    """The ledger's own commit."""

    def __call__(self, records: Sequence[Record], *, still: Callable[[], None] | None = None) -> list[Record]: ...


@contextmanager
def desk(project: Project, progress: Tick | None, beside: Sequence[Record] = ()) -> Iterator[tuple[Desk, Commit]]:
    """The desk over this project's ledger, state and registry, and the ledger's own commit.

    `beside` is written with the decision, all or nothing.
    """
    from holdfast.project.gate import gate
    from holdfast.registry.promote import Desk, let_pass

    with project.writing() as (state, writer):

        def commit(record: Promotion) -> Promotion:
            # Asked again where nobody can write: an approval may have been withdrawn while state was built.
            kept = writer.commit([record, *beside], still=lambda: let_pass(made.door, record))[0]
            assert type(kept) is type(record)
            return kept

        def prepare(bundle: Bundle) -> None:
            build_state(project, state, [bundle.contract, *live_contracts(project)], writer, progress)

        made = Desk(
            registry=project.registry,
            store=project.bundles_path,
            history=lambda: history(project),
            commit=commit,
            prepare=prepare,
            door=gate(project),
        )
        yield made, writer.commit
