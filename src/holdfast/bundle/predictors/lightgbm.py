"""LightGBM through its C library, without its Python package.

The package would bring scikit-learn and pandas into the server: 2.5 s and 150 MB for one function call. A crafted
text model can write out of bounds in LightGBM up to 4.7.0, so text is opened only after its hash was verified.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import struct
import sys
import threading
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from holdfast.bundle.predictors.spec import Matrix, ModelSpec, Vector
from holdfast.errors import HoldfastError

RAW_SCORE, CONTRIBUTIONS = 1, 3
FLOAT64, ROW_MAJOR, ALL_TREES = 1, 1, -1
PARAMETERS = b"num_threads=1 verbosity=-1"
MODEL_FILE = "model.txt"


class _Booster(Protocol):
    def model_to_string(self) -> str: ...

    def num_feature(self) -> int: ...


def from_lightgbm(model: Any) -> ModelSpec:
    """A fitted Booster or LGBMClassifier as data. The raw score is the sum of leaves (log-odds).

    The training parameters LightGBM appends to its text are left out: they hold the number of threads, and equal
    trees must give equal bytes.
    """
    booster: _Booster = getattr(model, "booster_", model)
    text = booster.model_to_string()
    header = text.split("\nTree=", 1)[0]
    objective = re.search(r"^objective=(.*)$", header, re.MULTILINE)
    if objective is None or objective[1].strip() not in ("binary sigmoid:1", "cross_entropy"):
        raise HoldfastError(
            f"a LightGBM model with objective {objective[1] if objective else 'none'!r} cannot be packed",
            mend="train with objective='binary' (sigmoid 1)",
        )
    if re.search(r"^average_output$", header, re.MULTILINE):
        raise HoldfastError("a LightGBM random forest cannot be packed", mend="train with boosting='gbdt'")
    text = re.sub(r"\nparameters:\n.*?\nend of parameters\n", "\n", text, flags=re.DOTALL)
    return ModelSpec("lightgbm", "lightgbm", "sigmoid", booster.num_feature(), {}, {MODEL_FILE: text.encode()})


def library_path() -> Path:
    """Where LightGBM's shared library is, found without importing the package."""
    spec = importlib.util.find_spec("lightgbm")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in ("lib/lib_lightgbm.so", "lib/lib_lightgbm.dylib", "bin/lib_lightgbm.dll"):
            path = Path(folder) / name
            if path.is_file():
                return path
    raise HoldfastError(
        "this bundle holds a LightGBM model and LightGBM's library is not installed",
        where=sys.prefix,
        mend="pip install lightgbm",
    )


@cache
def _library(hold_gil: bool) -> ctypes.CDLL:
    """The C library. With the interpreter lock held a call costs less: right for one row, wrong for a matrix."""
    path = str(library_path())
    library: ctypes.CDLL = ctypes.PyDLL(path) if hold_gil else ctypes.CDLL(path)
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    library.LGBM_BoosterFree.argtypes = [pointer]
    library.LGBM_FastConfigFree.argtypes = [pointer]
    library.LGBM_BoosterLoadModelFromString.argtypes = [ctypes.c_char_p, pointer, pointer]
    library.LGBM_BoosterPredictForMatSingleRowFast.argtypes = [pointer] * 4
    library.LGBM_BoosterPredictForMatSingleRowFastInit.argtypes = [
        pointer, integer, integer, integer, integer, ctypes.c_int32, ctypes.c_char_p, pointer,
    ]  # fmt: skip
    library.LGBM_BoosterPredictForMat.argtypes = [
        pointer, pointer, integer, ctypes.c_int32, ctypes.c_int32, integer, integer, integer, integer,
        ctypes.c_char_p, pointer, pointer,
    ]  # fmt: skip
    return library


def _check(status: int) -> None:
    if status != 0:
        said = _library(False).LGBM_GetLastError().decode(errors="replace")
        raise HoldfastError(f"LightGBM refused: {said}", where=MODEL_FILE)


class _Model:
    """The native booster, freed when nothing uses it any more."""

    def __init__(self, text: bytes, features: int) -> None:
        library = _library(False)
        self.handle = ctypes.c_void_p()
        iterations, known = ctypes.c_int(), ctypes.c_int()
        _check(library.LGBM_BoosterLoadModelFromString(text, ctypes.byref(iterations), ctypes.byref(self.handle)))
        weakref.finalize(self, library.LGBM_BoosterFree, self.handle)
        _check(library.LGBM_BoosterGetNumFeature(self.handle, ctypes.byref(known)))
        if known.value != features:
            raise HoldfastError(f"the model has {known.value} features, the bundle {features}", where=MODEL_FILE)


class _FastRow:
    """One prepared single-row call: its own buffers, one call at a time."""

    def __init__(self, model: _Model, features: int, kind: int, outputs: int) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._row = (ctypes.c_double * features)()
        self._fill = struct.Struct(f"={features}d").pack_into
        self._out = (ctypes.c_double * outputs)()
        self._length = ctypes.c_int64()
        handle = ctypes.c_void_p()
        _check(
            _library(False).LGBM_BoosterPredictForMatSingleRowFastInit(
                model.handle, kind, 0, ALL_TREES, FLOAT64, features, PARAMETERS, ctypes.byref(handle)
            )
        )
        weakref.finalize(self, _library(False).LGBM_FastConfigFree, handle)
        self._call = _library(True).LGBM_BoosterPredictForMatSingleRowFast
        self._arguments = (
            handle,
            ctypes.cast(self._row, ctypes.c_void_p),
            ctypes.cast(ctypes.pointer(self._length), ctypes.c_void_p),
            ctypes.cast(self._out, ctypes.c_void_p),
        )

    def first(self, row: Sequence[float]) -> float:
        with self._lock:
            self._fill(self._row, 0, *row)
            if self._call(*self._arguments):
                _check(-1)
            return self._out[0]

    def all(self, row: Sequence[float]) -> list[float]:
        with self._lock:
            self._fill(self._row, 0, *row)
            if self._call(*self._arguments):
                _check(-1)
            return list(self._out)


class LightGBM:
    """A LightGBM model; native memory is freed with the object."""

    method = "tree_shap"
    tolerance = 1e-9

    def __init__(self, text: bytes, features: int) -> None:
        self._features = features
        self._model = _Model(text, features)
        self._contributions = _FastRow(self._model, features, CONTRIBUTIONS, features + 1)
        self.score = _FastRow(self._model, features, RAW_SCORE, 1).first
        self.base_value = self._contributions.all([float("nan")] * features)[-1]

    def scores(self, matrix: Matrix) -> Vector:
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self._features:
            raise HoldfastError(f"a matrix of shape {rows.shape} given, {self._features} features expected")
        out = np.empty(len(rows))
        length = ctypes.c_int64()
        for start in range(0, len(rows), 1 << 20):
            part = rows[start : start + (1 << 20)]
            _check(
                _library(False).LGBM_BoosterPredictForMat(
                    self._model.handle, part.ctypes.data, FLOAT64, len(part), self._features, ROW_MAJOR, RAW_SCORE,
                    0, ALL_TREES, PARAMETERS, ctypes.byref(length), out[start:].ctypes.data,
                )
            )  # fmt: skip
        return out

    def contributions(self, row: Sequence[float]) -> list[float]:
        return self._contributions.all(row)[:-1]


def open_lightgbm(spec: ModelSpec) -> LightGBM:
    return LightGBM(spec.files[MODEL_FILE], spec.features)
