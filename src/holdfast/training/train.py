"""The journey from a feature table to a packed bundle, and the same journey again from what was recorded."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.bundle.calibration import Calibration
from holdfast.bundle.golden import choose_golden
from holdfast.bundle.load import load
from holdfast.bundle.pack import pack
from holdfast.bundle.predictors.prove import prove_equal
from holdfast.contract.model import Contract, contract_from
from holdfast.errors import HoldfastError, Problem
from holdfast.explain.reference import measure
from holdfast.training.evaluate import Confusion, Metric, confusion, evaluate
from holdfast.training.fingerprint import code_version, environment_lock, fingerprint, libraries, who
from holdfast.training.fit import fit
from holdfast.training.importance import Importance, by_gain, permutation
from holdfast.training.learn import Learned, Progress, learn, recipe, silent
from holdfast.training.narrow import without
from holdfast.training.profile import profile
from holdfast.training.report import model_card
from holdfast.training.rows import Floats, Rows, Table, rows_of
from holdfast.training.settings import TrainingSettings, check, settings_from
from holdfast.training.split import Labels
from holdfast.training.threshold import choose
from holdfast.training.validate import validate

RECORDED_LIBRARIES = ("lightgbm", "mlflow", "numpy", "scikit-learn", "scipy", "xgboost-cpu", "xgboost", "holdfast")


@dataclass(frozen=True)
class Judged:
    """Labels and probabilities of the rows a plot needs."""

    y: Labels
    probability: Floats


@dataclass(frozen=True)
class Trained:
    """One training: the bundle it wrote, and everything that was measured on the way."""

    name: str
    directory: Path
    bundle: str
    """Hash of the bundle: it names this one training."""
    model_hash: str
    """Equal for equal training, whenever and wherever."""
    settings: TrainingSettings
    contract: Contract
    metrics: Mapping[str, Mapping[str, Metric]]
    """By part: train, test, baseline (the simple model on test), prior (a constant on test)."""
    confusion: Confusion
    importance: tuple[Importance, ...]
    test: Judged
    example: NDArray[np.float64]
    """A few feature rows, shape (rows, features)."""
    record: Mapping[str, Any]
    """What `reproduce` needs and what the card says, as JSON; it stands in the manifest too."""
    run: str = ""
    """The MLflow run, when there is one."""
    source: str = ""
    """Where MLflow keeps the logged model (``models:/<id>``)."""


def train(
    contract: Contract,
    table: Table,
    settings: TrainingSettings,
    out: Path,
    *,
    author: str = "",
    code: Path | None = None,
    run: str = "",
    progress: Progress = silent,
) -> Trained:
    """Train as told and pack the bundle into the folder `out` (new, or empty).

    `author` is who trains (default: the system's user), `code` a folder whose git commit is recorded, `run` names the
    tracking run. Test rows are looked at once, after model, calibration and threshold are fixed.
    """
    rows, given = rows_of(table, contract)
    check(settings, rows.names)
    narrowed = without(contract, settings.without)
    whole = fingerprint(rows, given, contract)
    rows = rows.without(settings.without)
    learned = learn(narrowed, rows, settings, progress)
    made, threshold = learned.split, learned.threshold.value

    progress("evaluate")
    train_p = learned.probabilities(rows.X[made.train.index])
    test_p = learned.probabilities(rows.X[made.test.index])
    sampling = {"resamplings": settings.bootstrap, "seed": settings.seed}
    baseline_name, baseline = _baseline(narrowed, rows, learned, settings)
    metrics = {
        "train": evaluate(made.train.y, train_p, threshold, **sampling),
        "test": evaluate(made.test.y, test_p, threshold, **sampling),
        "baseline": evaluate(made.test.y, baseline[0], baseline[1], **sampling),
        "prior": evaluate(made.test.y, _constant(learned), 0.5, **sampling),
    }
    table_of = confusion(made.test.y, test_p, threshold)
    progress("importance")
    importance = _importance(learned, rows, settings)

    record: dict[str, Any] = {
        "settings": settings.as_dict(),
        "data": whole.as_dict(),
        "contract": contract.hash,
        # What was left out is not in the packed contract; training again needs it.
        **({"whole_contract": contract.as_json()} if settings.without else {}),
        "split": made.record,
        "validation": learned.validated.as_dict(),
        "metrics": {part: {name: value.as_dict() for name, value in found.items()} for part, found in metrics.items()},
        "confusion": table_of.as_dict(),
        "baseline": baseline_name,
        "importance": [item.as_dict() for item in importance],
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "libraries": {name: version for name, version in libraries().items() if name in RECORDED_LIBRARIES},
        "code": code_version(code) if code is not None else {},
        "who": author or who(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": run,
    }
    progress("pack")
    prove_equal(learned.fitted.original, learned.fitted.predictor, rows.X[made.train.index])
    bundle, model_hash = _pack(narrowed, rows, learned, out, record, settings.reasons_against)
    return Trained(
        name=contract.name,
        directory=out,
        bundle=bundle,
        model_hash=model_hash,
        settings=settings,
        contract=narrowed,
        metrics=metrics,
        confusion=table_of,
        importance=importance,
        test=Judged(made.test.y, test_p),
        example=rows.X[made.train.index[:5]].copy(),
        record=record,
        run=run,
    )


@dataclass(frozen=True)
class Reproduced:
    """A training done again. `equal` is the verdict; `differs` names what else is not as it was recorded."""

    equal: bool
    model_hash: str
    recorded_hash: str
    differs: tuple[Problem, ...]


class Recorded(Protocol):
    """What a bundle's manifest says about its training."""

    @property
    def model_hash(self) -> str: ...

    @property
    def training(self) -> Mapping[str, Any]: ...


def trained_from(recorded: Recorded, packed: Contract) -> Contract:
    """The contract whose features a bundle was trained from: the packed one, or with what was left out of it."""
    whole = recorded.training.get("whole_contract")
    return contract_from(whole) if whole is not None else packed


def reproduce(
    recorded: Recorded, contract: Contract, table: Table, *, threads: int | None = None, progress: Progress = silent
) -> Reproduced:
    """Train again from a bundle's manifest; `contract` and `table` are those it was trained from.

    Raises HoldfastError when the data or the contract is another: then equality could only be luck.
    """
    training = recorded.training
    settings = settings_from(training["settings"])
    if threads is not None:
        settings = replace(settings, threads=threads)
    rows, given = rows_of(table, contract)
    now, then = fingerprint(rows, given, contract), training["data"]
    problems = [
        Problem(part, "data", f"recorded {then[part]}, now {getattr(now, part)}", mend)
        for part, mend in (
            ("schema", "use the contract the version was trained with"),
            ("rows", "build the features from the same history, up to the same day"),
            ("content", "build the features from the same history, up to the same day"),
        )
        if then[part] != getattr(now, part)
    ]
    if problems:
        raise HoldfastError("this is not the data it was trained on", where="reproduce", problems=problems)
    narrowed, rows = without(contract, settings.without), rows.without(settings.without)
    learned = learn(narrowed, rows, settings, progress)
    with tempfile.TemporaryDirectory() as folder:
        _, found = _pack(narrowed, rows, learned, Path(folder) / "bundle", training, settings.reasons_against)
    return Reproduced(found == recorded.model_hash, found, recorded.model_hash, tuple(_differing(training, now.order)))


def _differing(training: Mapping[str, Any], order: str) -> list[Problem]:
    differs = []
    if training["data"]["order"] != order:
        differs.append(Problem("order", "data", "the rows came in another order (it does not matter)"))
    installed = libraries()
    for name, version in training["libraries"].items():
        if installed.get(name) != version:
            was = f"recorded {version}, installed {installed.get(name, 'nothing')}"
            differs.append(Problem(name, "library", was, "install what environment.lock says"))
    if training["python"] != platform.python_version():
        differs.append(Problem("python", "python", f"recorded {training['python']}, now {platform.python_version()}"))
    return differs


def _pack(
    contract: Contract, rows: Rows, learned: Learned, out: Path, record: Mapping[str, Any], population: str
) -> tuple[str, str]:
    index, test = learned.split.train.index, learned.split.test.index
    learned_from = rows.take(index)
    probability = learned.probabilities(learned_from.X)
    categories = [feature.expr.kind == "category" for feature in contract.features]
    reference = measure(
        learned.fitted.predictor, learned_from.X, probability, learned.threshold.value, categories, population
    )
    hashed = pack(
        out,
        contract=contract,
        model=learned.fitted.spec,
        calibration=learned.calibration,
        threshold=learned.threshold,
        golden_rows=choose_golden(learned_from.X),
        profile=profile(
            contract,
            learned_from,
            probability,
            learned.split.train.y,
            learned.threshold.value,
            held_out=(rows.times[test], learned.probabilities(rows.X[test])),
            times=rows.times,
        ),
        environment=environment_lock(),
        card=model_card(contract, learned, record),
        training=record,
        reference=reference,
    )
    return hashed, load(out, expect=hashed).manifest.model_hash


def _baseline(
    contract: Contract, rows: Rows, learned: Learned, settings: TrainingSettings
) -> tuple[str, tuple[Floats, float]]:
    """The simple model's probabilities on the test rows, and its threshold, chosen by the same rule on one fold."""
    name = settings.baseline
    if name == "auto":
        name = "decision_tree" if settings.family == "logistic_regression" else "logistic_regression"
    params = {"max_depth": 1} if name == "decision_tree" and settings.baseline == "auto" else {}
    simple = settings_from({**settings.as_dict(), "family": name, "params": params})
    how, made = recipe(contract, rows, simple), learned.split
    held_out = validate(how, rows, made, folds=1)
    fitted = fit(how, rows.X[made.train.index], made.train.y)
    plain = Calibration()
    try:
        threshold = choose(held_out.y, plain.apply(held_out.scores, fitted.spec.link), simple).value
    except HoldfastError:
        # It cannot reach the precision asked for; half is what a plain classifier would do.
        threshold = 0.5
    scores = fitted.predictor.scores(rows.X[made.test.index])
    label = "tree of depth one" if params else name
    return label, (plain.apply(scores, fitted.spec.link), threshold)


def _constant(learned: Learned) -> Floats:
    return np.full(len(learned.split.test), float(learned.split.train.y.mean()))


def _importance(learned: Learned, rows: Rows, settings: TrainingSettings) -> tuple[Importance, ...]:
    gain = learned.fitted.gain
    if settings.importance == "gain" and gain is not None:
        return tuple(by_gain(gain, rows.names))
    test = learned.split.test
    return tuple(permutation(learned.probabilities, rows.X[test.index], test.y, rows.names, seed=settings.seed))
