"""An open project: its settings, its folders, and the rooms wired to them, each opened when first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError, Problem
from holdfast.project.settings import FILE, Settings, read

if TYPE_CHECKING:
    from holdfast.features.state.state import State
    from holdfast.ledger.read import LedgerReader
    from holdfast.ledger.writer import LedgerWriter
    from holdfast.registry.registry import Registry

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Project:
    """What every journey begins with. Opening it reads the settings and nothing else."""

    folder: Path
    settings: Settings

    @classmethod
    def open(cls, folder: Path) -> Project:
        """The project in a folder. Raises HoldfastError where there is none, or its settings cannot be used."""
        return cls(folder, read(folder))

    @property
    def home(self) -> Path:
        """Ledger, state, bundles and the pin of history: ``.holdfast``."""
        return self.folder / self.settings.home

    @property
    def ledger_path(self) -> Path:
        return self.home / "ledger"

    @property
    def shadows_path(self) -> Path:
        return self.home / "shadows"

    @property
    def state_path(self) -> Path:
        return self.home / "state"

    @property
    def bundles_path(self) -> Path:
        return self.home / "bundles"

    @property
    def features_path(self) -> Path:
        return self.folder / self.settings.features_path

    @cached_property
    def contract(self) -> Contract:
        """The contract as its file says now. Raises HoldfastError with every fault in it."""
        from holdfast.contract.loading import load_file

        return load_file(self.contract_file)

    @property
    def contract_file(self) -> Path:
        return self.folder / self.settings.contract

    @property
    def name(self) -> str:
        """What the registered model is called."""
        return self.settings.name or self.contract.name

    def inputs(self, contract: Contract | None = None) -> dict[str, Path]:
        """The history of each source of the contract; ``source.label`` holds outcomes that stand apart.

        Raises HoldfastError with every source that has none, and every file that is not there.
        """
        chosen = contract or self.contract
        wanted = [source.name for source in chosen.sources]
        apart = [f"{label.source}.{label.name}" for label in chosen.labels]
        told = self.settings.inputs
        problems = [
            Problem(f"inputs.{name}", "missing", "this source has no history", "name its .parquet or .csv file")
            for name in wanted
            if name not in told
        ]
        found = {name: self.folder / path for name, path in told.items() if name in wanted or name in apart}
        problems += [
            Problem(f"inputs.{name}", "missing", f"{path} is not there", "run `python simulate.py`, or name your own")
            for name, path in found.items()
            if not path.exists()
        ]
        if contract is None:
            mend = "one of: " + ", ".join((*wanted, *apart))
            problems += [
                Problem(f"inputs.{name}", "unknown_name", "the contract has no such source", mend)
                for name in told
                if name not in found
            ]
        if problems:
            raise HoldfastError("the history is not all there", where=str(self.folder / FILE), problems=problems)
        return found

    @cached_property
    def registry(self) -> Registry:
        """The registered versions, in MLflow."""
        from holdfast.registry.registry import Registry

        return Registry(self.registry_uri, self.name)

    @property
    def registry_uri(self) -> str:
        """MLflow's store; a relative SQLite file lies in the project's folder."""
        uri = self.settings.registry_uri
        if uri.startswith(_SQLITE) and not uri.startswith(f"{_SQLITE}/"):
            return f"{_SQLITE}{(self.folder / uri.removeprefix(_SQLITE)).resolve()}"
        return uri

    @property
    def registry_file(self) -> Path | None:
        """The file of a local registry; None where the registry is a server."""
        uri = self.registry_uri
        return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None

    @cached_property
    def reader(self) -> LedgerReader:
        """The ledger, for reading; needs no lock, also beside a running server."""
        from holdfast.ledger.read import LedgerReader

        return LedgerReader(self.ledger_path)

    @cached_property
    def shadows(self) -> LedgerReader:
        """What versions in the shadow would have decided, beside the ledger; read like it."""
        from holdfast.ledger.read import LedgerReader

        return LedgerReader(self.shadows_path)

    @contextmanager
    def writing(self) -> Iterator[tuple[State, LedgerWriter]]:
        """State and ledger open for writing; other processes may write between two commits."""
        from holdfast.features.state.state import State
        from holdfast.ledger.log import Log
        from holdfast.ledger.writer import LedgerWriter

        self.home.mkdir(parents=True, exist_ok=True)
        state = State.open(self.state_path)
        try:
            writer = LedgerWriter(Log(self.ledger_path), state)
            try:
                yield state, writer
            finally:
                writer.close()
        finally:
            state.close()

    @contextmanager
    def reading(self) -> Iterator[State]:
        """State open for reading only."""
        from holdfast.features.state.state import State

        state = State.open(self.state_path, readonly=True)
        try:
            yield state
        finally:
            state.close()
