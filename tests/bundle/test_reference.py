"""The population that reasons compare with travels in the bundle, hashed like everything else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.explain.made import bundle, packed

from holdfast.bundle.load import load
from holdfast.bundle.reference import REFERENCE_FILE, Reference, reference_from
from holdfast.errors import HoldfastError

ONE = Reference("approved", 10, 20, -1.5, (0.25, -0.5), (3.0, None))


def test_it_is_read_back_as_it_was_packed(tmp_path: Path) -> None:
    made = bundle(tmp_path)
    assert made.reference is not None
    assert made.reference.population == "approved"
    assert reference_from(made.reference.as_json(), len(made.features)) == made.reference
    assert REFERENCE_FILE in made.manifest.files


def test_a_bundle_packed_without_one_opens_and_has_none(tmp_path: Path) -> None:
    made = bundle(tmp_path, reference=None)
    assert made.reference is None
    assert REFERENCE_FILE not in made.manifest.files


def test_the_model_is_the_same_model_whatever_its_reasons_compare_with(tmp_path: Path) -> None:
    hashes = {bundle(tmp_path / str(name), reference=name).manifest.model_hash for name in ("approved", "all", None)}
    assert len(hashes) == 1


@pytest.mark.parametrize("how", ["edited", "removed"])
def test_a_reference_that_was_touched_is_refused(tmp_path: Path, how: str) -> None:
    (tmp_path / "bundles").mkdir()
    name = packed(tmp_path)
    place = tmp_path / "bundles" / name
    file = place / REFERENCE_FILE
    if how == "removed":
        file.unlink()
    else:
        shape = json.loads(file.read_text())
        file.write_text(json.dumps(shape | {"score": shape["score"] + 1}))
    with pytest.raises(HoldfastError) as fault:
        load(place, expect=name)
    assert [problem.field for problem in fault.value.problems] == [REFERENCE_FILE]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ONE, contributions=(0.25,)),
        replace(ONE, usual=(3.0, None, 1.0)),
        replace(ONE, score=float("nan")),
        replace(ONE, contributions=(0.25, float("inf"))),
    ],
)
def test_a_reference_of_another_model_or_with_a_number_that_is_none_is_refused(wrong: Reference) -> None:
    assert reference_from(ONE.as_json(), 2) == ONE
    with pytest.raises(HoldfastError, match="not the reference of a model with 2 features"):
        reference_from(wrong.as_json(), 2)


def test_a_reference_of_a_later_format_asks_for_an_upgrade() -> None:
    with pytest.raises(HoldfastError, match="newer"):
        reference_from(ONE.as_json() | {"format": 2}, 2)
