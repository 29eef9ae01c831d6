"""GATE502: is what was registered this very bundle? Every hash is computed again, here and in MLflow's own copy."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.bundle.manifest import model_hash, read_verified
from holdfast.bundle.mlflow_model import HASH_KEY, LOADER, bundle_folder, signature
from holdfast.bundle.mlflow_quiet import pointed_at
from holdfast.checks.check import SECURITY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError


def ask(subject: Subject, limits: Limits) -> Answer:
    bundle, wrong = subject.bundle, []
    evidence: dict[str, Any] = {"bundle": bundle.hash, "model_hash": bundle.manifest.model_hash}
    try:
        manifest, found, files = read_verified(subject.folder, bundle.hash)
    except HoldfastError as fault:
        return failed(_told(fault), "fetch the bundle again; do not mend files in place", **evidence)
    deciding = model_hash(files)
    evidence |= {"files": len(files), "computed": {"bundle": found, "model_hash": deciding}}
    if deciding != manifest.model_hash:
        wrong.append("the manifest names another model than its files make")
    registry = subject.place.registry
    version = registry.version(subject.version)
    registered = {"bundle": version.bundle, "model_hash": version.model_hash, "contract": version.contract}
    evidence["registered"] = registered
    whole = manifest.training.get("contract", manifest.contract)
    for name, own in (("bundle", bundle.hash), ("model_hash", deciding), ("contract", whole)):
        if registered[name] != own:
            wrong.append(
                f"version {subject.version} is registered with {name} {registered[name] or '(none)'}, not {own}"
            )
    told = _in_mlflow(subject)
    evidence["mlflow"] = told
    wrong += told.pop("wrong")
    if wrong:
        return failed(
            "; ".join(wrong), "register the version again: holdfast train; find out who changed it", **evidence
        )
    return passed(
        f"{len(files)} files, the registered hashes and MLflow's own copy agree: bundle {bundle.hash[:12]}", **evidence
    )


def _in_mlflow(subject: Subject) -> dict[str, Any]:
    """What MLflow holds under this version, fetched afresh: its loader, its signature, and the bundle in it."""
    registry, wrong = subject.place.registry, []
    with tempfile.TemporaryDirectory() as folder, pointed_at(registry.uri) as mlflow:
        uri = f"models:/{registry.name}/{subject.version}"
        try:
            local = mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=folder, tracking_uri=registry.uri, registry_uri=registry.uri
            )
            info = mlflow.models.get_model_info(local)
        except (mlflow.exceptions.MlflowException, OSError) as fault:
            return {"wrong": [f"MLflow does not give the version back: {str(fault).splitlines()[0]}"]}
        flavor: Mapping[str, Any] = info.flavors.get("python_function", {})
        loader, code = str(flavor.get("loader_module", "")), flavor.get("code")
        if loader != LOADER:
            wrong.append(f"MLflow would load it by {loader or 'a pickle'}, not by {LOADER}")
        if code:
            wrong.append(f"MLflow would put code of the model's own on the path: {code}")
        wanted, has = signature(subject.bundle.contract), info.signature
        if has is None or has.inputs != wanted.inputs or has.outputs != wanted.outputs:
            wrong.append(f"its signature is not the contract's: {_inputs(has)} named there, {_inputs(wanted)} here")
        named = (info.metadata or {}).get(HASH_KEY)
        if named != subject.bundle.hash:
            wrong.append(f"MLflow's record names bundle {named}")
        try:
            _, found, _ = read_verified(bundle_folder(Path(local)), subject.bundle.hash)
        except HoldfastError as fault:
            found = ""
            wrong.append(f"the copy in MLflow: {_told(fault)}")
    return {"wrong": wrong, "loader": loader, "code": code, "inputs": _inputs(has), "bundle": found}


def _inputs(found: Any) -> int:
    return 0 if found is None or found.inputs is None else len(found.inputs.inputs)


def _told(fault: HoldfastError) -> str:
    first = [f"{item.field}: {item.what}" for item in fault.problems][:3]
    return "; ".join([fault.what, *first])


CHECK = Check("GATE502", SECURITY, "The registered version is this bundle", ask)
