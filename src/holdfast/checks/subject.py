"""What a check looks at: the version, its bundle, and the rows it learned from and was judged by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.bundle.bundle import Bundle
from holdfast.contract.model import Contract
from holdfast.errors import HoldfastError
from holdfast.project.project import Project
from holdfast.training.evaluate import Metric, evaluate
from holdfast.training.fingerprint import Fingerprint, fingerprint
from holdfast.training.narrow import without
from holdfast.training.rows import Floats, Rows, Table, rows_of
from holdfast.training.settings import TrainingSettings, settings_from
from holdfast.training.split import Part, Split, split
from holdfast.training.train import trained_from

if TYPE_CHECKING:
    from holdfast.checks.rehearsal import Rehearsal
    from holdfast.features.history import Records

RESAMPLINGS = 200


@dataclass(frozen=True)
class Subject:
    """A version before the gate. `table` holds its features as its data gives them now."""

    version: str
    bundle: Bundle
    table: Table
    champion: Bundle | None = None
    """What answers now, if anything else does."""
    project: Project | None = None
    """Where it is registered; a check that serves, restores or looks at live traffic needs it (`place`)."""

    @property
    def place(self) -> Project:
        """The project. Raises HoldfastError where the version is asked about outside of one."""
        if self.project is None:
            raise HoldfastError("this check needs the project that the version is registered in")
        return self.project

    @property
    def folder(self) -> Path:
        """Where the bundle's files lie. Raises HoldfastError outside of a project."""
        return self.place.bundles_path / self.bundle.hash

    @cached_property
    def records(self) -> Records:
        """What happened, as the project's history tells it now; refused rows are left out.

        Raises HoldfastError outside of a project, and where the history is not to be had.
        """
        from holdfast.features.history import read_records

        return read_records(self.contract, self.place.inputs(self.contract), refuse="drop")

    @cached_property
    def told(self) -> Records:
        """The same with every declared field of it, also those that no feature reads."""
        from holdfast.features.history import read_records
        from holdfast.features.needs import fields_in_use

        used = fields_in_use(self.contract)
        if all(len(used.get(item.name, ())) == len(item.fields) for item in self.contract.sources):
            return self.records
        return read_records(self.contract, self.place.inputs(self.contract), refuse="drop", fields="all")

    @cached_property
    def rehearsal(self) -> Rehearsal:
        """A copy of the project in which this version answers; ended by `close`."""
        from holdfast.checks.rehearsal import Rehearsal

        return Rehearsal(self)

    def close(self) -> None:
        """End what was started for the checks."""
        if "rehearsal" in self.__dict__:
            self.rehearsal.close()

    @cached_property
    def settings(self) -> TrainingSettings:
        """As the version was trained with them."""
        return settings_from(self.bundle.manifest.training["settings"])

    @cached_property
    def contract(self) -> Contract:
        """With the features the model has."""
        return without(self._whole, self.settings.without)

    @cached_property
    def rows(self) -> Rows:
        """All rows, in canonical order, with the features the model has."""
        return self._read[0].without(self.settings.without)

    @property
    def whole(self) -> Rows:
        """All rows with every feature the data has, those left out in training included: what `data` is of."""
        return self._read[0]

    @cached_property
    def data(self) -> Fingerprint:
        """Of the rows as they are now; what it was trained on is in the manifest."""
        return self._read[1]

    @cached_property
    def split(self) -> Split:
        """Who learned and who judged, made again."""
        return split(self.rows, self.contract.target, self.settings)

    @cached_property
    def train_probability(self) -> Floats:
        return self.probability(self.split.train)

    @cached_property
    def test_probability(self) -> Floats:
        return self.probability(self.split.test)

    @cached_property
    def test_metrics(self) -> dict[str, Metric]:
        """On the rows it has not seen, with intervals."""
        threshold, seed = self.bundle.threshold.value, self.settings.seed
        return evaluate(self.split.test.y, self.test_probability, threshold, resamplings=RESAMPLINGS, seed=seed)

    def probability(self, part: Part) -> Floats:
        return self.bundle.predict_matrix(self.rows.X[part.index])[1]

    @property
    def _whole(self) -> Contract:
        return trained_from(self.bundle.manifest, self.bundle.contract)

    @cached_property
    def _read(self) -> tuple[Rows, Fingerprint]:
        rows, given = rows_of(self.table, self._whole)
        return rows, fingerprint(rows, given, self._whole)
