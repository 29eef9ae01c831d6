"""Versions of one model in MLflow: any store, addressed by its URI. MLflow is imported when first needed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from holdfast.bundle.load import load
from holdfast.bundle.mlflow_model import bundle_folder
from holdfast.bundle.mlflow_quiet import open_mlflow, pointed_at
from holdfast.errors import HoldfastError
from holdfast.registry.probe import BUNDLE_TAG, probe

ARCHIVED_TAG = "holdfast.archived"
PRECISION_TAG = "holdfast.average_precision"


class Logged(Protocol):
    """A training that was logged as an MLflow model."""

    @property
    def bundle(self) -> str: ...

    @property
    def model_hash(self) -> str: ...

    @property
    def run(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def record(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Version:
    """One registered version. `created_at` in µs UTC."""

    number: str
    bundle: str
    model_hash: str
    contract: str
    family: str
    run: str
    created_at: int
    who: str
    aliases: tuple[str, ...]
    archived: bool
    average_precision: float | None
    """On the test rows, when it was trained."""


class Registry:
    """The versions of the model `name` in the MLflow store at `uri`.

    Every method raises HoldfastError when the store cannot be reached or does not know what it is asked for.
    """

    def __init__(self, uri: str, name: str) -> None:
        self.uri = uri
        self.name = name

    @cached_property
    def _mlflow(self) -> Any:
        try:
            return open_mlflow()
        except ImportError:
            raise HoldfastError("MLflow is not installed", mend="pip install 'holdfast[train]'") from None

    @cached_property
    def _client(self) -> Any:
        with self._asking("open it"):
            return self._mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            with pointed_at(self.uri):
                yield
        except self._mlflow.exceptions.MlflowException as fault:
            raise HoldfastError(
                f"the registry could not {what}: {str(fault).splitlines()[0]}",
                where=f"{self.uri} ({self.name})",
                mend="holdfast versions shows what is registered; check registry.uri",
            ) from fault
        except OSError as fault:
            raise HoldfastError(
                f"the registry could not {what}: {fault}", where=self.uri, mend="check registry.uri and the network"
            ) from fault

    def away(self) -> str:
        """Why the store cannot be reached, found out in seconds; empty where it can, or where only MLflow can tell."""
        if not self.uri.startswith(("sqlite:", "http:", "https:")):
            return ""
        found = probe(self.uri, self.name)
        return "" if found["reachable"] else str(found["why"])

    def register(self, logged: Logged) -> str:
        """Make a logged training a new version; answers its number."""
        if not logged.source:
            raise HoldfastError("this training was not logged", where=self.name, mend="train with a tracking store")
        record = logged.record
        tags = {
            BUNDLE_TAG: logged.bundle,
            "holdfast.model_hash": logged.model_hash,
            "holdfast.contract": record["contract"],
            "holdfast.family": record["settings"]["family"],
            "holdfast.who": record["who"],
            PRECISION_TAG: repr(record["metrics"]["test"]["average_precision"]["value"]),
        }
        errors = self._mlflow.exceptions
        with self._asking("register a version"):
            try:
                self._client.create_registered_model(self.name)
            except errors.MlflowException as fault:
                if fault.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            model_id = logged.source.removeprefix("models:/")
            made = self._client.create_model_version(
                self.name, source=logged.source, run_id=logged.run, tags=tags, model_id=model_id
            )
        return str(made.version)

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        with self._asking("list its versions"):
            # Searching gives no aliases; the model itself names them.
            found = self._client.search_model_versions(f"name = '{_quoted(self.name)}'")
            aliases = self.aliases() if found else {}
        versions = [_version(item, aliases) for item in found]
        return sorted(versions, key=lambda item: -int(item.number))

    def version(self, which: str) -> Version:
        """A version by its number or by an alias, with or without the ``@``."""
        name = which.removeprefix("@")
        with self._asking(f"find the version {which}"):
            if name.isdigit():
                found = self._client.get_model_version(self.name, name)
            else:
                found = self._client.get_model_version_by_alias(self.name, name)
        return _version(found, self.aliases())

    def aliases(self) -> dict[str, str]:
        """Alias → version number, as MLflow has it; none where the model is not registered."""
        with self._asking("read its aliases"):
            try:
                model = self._client.get_registered_model(self.name)
            except self._mlflow.exceptions.MlflowException as fault:
                if fault.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return {}
                raise
        return {str(alias): str(number) for alias, number in model.aliases.items()}

    def fetch(self, which: str, to: Path) -> Path:
        """Bring a version's bundle into the folder `to`, as ``to/<hash>``, verified; answers that folder.

        A bundle that is there already is verified again and not fetched.
        """
        version = self.version(which)
        place = to / version.bundle
        if not version.bundle:
            raise HoldfastError(
                f"version {version.number} was not registered by Holdfast: it names no bundle", where=self.name
            )
        if place.is_dir():
            load(place, expect=version.bundle)
            return place
        to.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=to) as folder:
            with self._asking(f"give version {version.number}"):
                self._mlflow.artifacts.download_artifacts(
                    artifact_uri=f"models:/{self.name}/{version.number}",
                    dst_path=folder,
                    tracking_uri=self.uri,
                    registry_uri=self.uri,
                )
            found = bundle_folder(folder)
            load(found, expect=version.bundle)
            try:
                found.rename(place)
            except OSError:
                # Another process brought it meanwhile; what counts is that it is whole.
                if not place.is_dir():
                    shutil.copytree(found, place)
        load(place, expect=version.bundle)
        return place

    def set_alias(self, alias: str, version: str) -> None:
        """Move an alias. What serves follows Holdfast's history, not this: see `promote`."""
        with self._asking(f"move the alias {alias}"):
            self._client.set_registered_model_alias(self.name, alias, version)

    def archive(self, version: str) -> None:
        """Mark a version as out of use. Its bundle stays, for replay."""
        with self._asking(f"archive version {version}"):
            self._client.set_model_version_tag(self.name, version, ARCHIVED_TAG, "true")

    def restore(self, version: str) -> None:
        """Take the mark away again."""
        with self._asking(f"restore version {version}"):
            self._client.delete_model_version_tag(self.name, version, ARCHIVED_TAG)


def _version(found: Any, aliases: Mapping[str, str]) -> Version:
    tags = dict(found.tags or {})
    return Version(
        number=str(found.version),
        bundle=tags.get(BUNDLE_TAG, ""),
        model_hash=tags.get("holdfast.model_hash", ""),
        contract=tags.get("holdfast.contract", ""),
        family=tags.get("holdfast.family", ""),
        run=str(found.run_id or ""),
        created_at=int(found.creation_timestamp) * 1_000,
        who=tags.get("holdfast.who", ""),
        aliases=tuple(sorted(alias for alias, number in aliases.items() if number == str(found.version))),
        archived=tags.get(ARCHIVED_TAG) == "true",
        average_precision=float(tags[PRECISION_TAG]) if PRECISION_TAG in tags else None,
    )


def _quoted(name: str) -> str:
    return name.replace("'", "''")
