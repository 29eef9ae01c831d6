"""Open a bundle: verify every byte first, then build it from plain data. Nothing in it is run."""

from __future__ import annotations

from pathlib import Path

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.calibration import calibration_from
from holdfast.bundle.golden import check_golden
from holdfast.bundle.manifest import MEND, MODEL_FILES, parse_json, read_verified
from holdfast.bundle.predictors.catalog import open_predictor
from holdfast.bundle.predictors.spec import ModelSpec
from holdfast.bundle.reference import REFERENCE_FILE, reference_from
from holdfast.bundle.threshold import threshold_from
from holdfast.contract.model import contract_from
from holdfast.errors import HoldfastError


def load(directory: Path | str, *, expect: str | None = None) -> Bundle:
    """The bundle in a folder; `expect` is the hash it was promoted with.

    Raises HoldfastError when a byte, a name or the hash is not what was packed (all faults at once), and
    PlatformDiffers when the golden rows do not come out to the bit on this machine.
    """
    place = Path(directory)
    manifest, found, files = read_verified(place, expect)
    try:
        contract = contract_from(parse_json(files["contract.json"], "contract.json"))
        shape = parse_json(files["model.json"], "model.json")
        parts: dict[str, bytes] = {path: files[path] for path in MODEL_FILES if path in files}
        model = ModelSpec(files=parts, **shape)
        predictor = open_predictor(model)
        calibration = calibration_from(parse_json(files["calibration.json"], "calibration.json"))
        threshold = threshold_from(parse_json(files["threshold.json"], "threshold.json"))
        profile = parse_json(files["reference/profile.json"], "reference/profile.json")
        golden = parse_json(files["golden.json"], "golden.json")
        # A bundle packed before there was one has no reference: its reasons then say so.
        told = files.get(REFERENCE_FILE)
        reference = None if told is None else reference_from(parse_json(told, REFERENCE_FILE), model.features)
        rows, features = golden["rows"], golden["features"]
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as fault:
        raise HoldfastError(f"the bundle's parts do not fit: {fault!r}", where=str(place), mend=MEND) from fault
    if contract.hash != manifest.contract or not model.features == features == len(contract.features):
        raise HoldfastError(
            "contract, model and golden rows are not of one bundle", where=str(place), mend="pack the model again"
        )
    bundle = Bundle(
        hash=found, manifest=manifest, contract=contract, predictor=predictor, link=model.link,
        calibration=calibration, threshold=threshold, profile=profile, reference=reference,
    )  # fmt: skip
    check_golden(files["golden.f64"], features, rows, bundle.predict, bundle.predict_matrix)
    return bundle
