"""DOC01, DOC02, DOC03: is it computed by the same libraries, the same Python, on the same kind of machine?

A difference is a cause only where something may have come of it. Where the model was seen to give the same bits, or
enough rows gave the same scores and features, it does no harm, and is a note.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.pair import Pair

COMPUTING = frozenset(
    {
        "autogluon", "catboost", "category-encoders", "category_encoders", "dask", "duckdb", "fastai", "feature-engine",
        "feature_engine", "featuretools", "h2o", "holdfast", "imbalanced-learn", "imblearn", "joblib", "keras",
        "lightgbm", "llvmlite", "ngboost", "numba", "numpy", "onnxruntime", "pandas", "polars", "pyarrow", "pyspark",
        "scikit-learn", "scipy", "sklearn", "skops", "statsmodels", "tensorflow", "torch", "treelite", "xgboost",
        "xgboost-cpu",
    }
)  # fmt: skip
"""Libraries that numbers pass through. Others are named only where something was seen to differ."""
FOLLOWS = ("DOC07", "DOC16", "DOC17")
SEEN, UNSEEN = 0.90, 0.45
"""Weight where something differs that it would explain, and where nothing could be compared."""


def harmful(pair: Pair) -> float | None:
    """The weight of a difference in what computes; None where it was seen to do no harm."""
    if pair.shown_equal:
        return None
    seen = {"features", "scores", "model", "split"} & pair.disagreements.keys()
    return SEEN if seen else UNSEEN


def differing(pair: Pair) -> dict[str, tuple[str, str]]:
    """Libraries that both have, in other versions: those that compute, and all once something differs."""
    ours, theirs = _plain(pair.research.environment.libraries), _plain(pair.production.environment.libraries)
    every = {name: (ours[name], theirs[name]) for name in sorted(ours) if theirs.get(name, ours[name]) != ours[name]}
    computing = {name: both for name, both in every.items() if name in COMPUTING}
    return computing or (every if pair.disagreements else {})


def _plain(libraries: Mapping[str, str]) -> dict[str, str]:
    return {name.lower().replace("_", "-"): version for name, version in libraries.items()}


def _consequence(pair: Pair) -> str:
    if not pair.disagreements:
        return "no rows could be compared to see what comes of it"
    return "differ: " + ", ".join(f"{name} in {count:,} rows" if name != "model" else "the model itself" for
                                  name, count in pair.disagreements.items())  # fmt: skip


def libraries(pair: Pair) -> Finding | None:
    found, weight = differing(pair), harmful(pair)
    if not found or weight is None:
        return None
    told = ", ".join(f"{name} {ours} in research, {theirs} in production" for name, (ours, theirs) in found.items())
    versions = {name: {"research": ours, "production": theirs} for name, (ours, theirs) in found.items()}
    return LIBRARIES.found(
        weight, f"{told}; {_consequence(pair)}", explains=FOLLOWS, versions=versions, differ=pair.disagreements
    )


def python(pair: Pair) -> Finding | None:
    ours, theirs = pair.research.environment.python, pair.production.environment.python
    weight = harmful(pair)
    if not ours or not theirs or ours == theirs or weight is None:
        return None
    if ours.split(".")[:2] == theirs.split(".")[:2] and not pair.disagreements:
        return None  # a repair of the same Python
    says = f"Python {ours} in research, {theirs} in production; {_consequence(pair)}"
    return PYTHON.found(weight - 0.02, says, explains=FOLLOWS, research=ours, production=theirs)


def platform(pair: Pair) -> Finding | None:
    ours, theirs = pair.research.environment.platform, pair.production.environment.platform
    weight = harmful(pair)
    if not ours or not theirs or ours == theirs or weight is None:
        return None
    says = f"{ours} in research, {theirs} in production; {_consequence(pair)}"
    return PLATFORM.found(weight - 0.04, says, explains=FOLLOWS, research=ours, production=theirs)


LIBRARIES = Cause(
    "DOC01",
    "Library versions differ",
    "Install the same versions in both places from one lock file (a bundle has environment.lock), compare again.",
    libraries,
)
PYTHON = Cause("DOC02", "Python versions differ", "Run both places on the same Python, and compare again.", python)
PLATFORM = Cause(
    "DOC03",
    "Platforms differ",
    "Compute in the same image and on the same kind of processor, or prove golden rows on the other one.",
    platform,
)
