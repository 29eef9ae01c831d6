"""Each fault of the table is put into a clean pair: its cause is named first, and clean pairs are left in peace.

HOLDFAST_DOCTOR_SEEDS=20 runs every fault and every clean pair with so many seeds; 1 and 5 otherwise.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from holdfast.doctor.catalog import CAUSES
from holdfast.doctor.diagnose import Diagnosis, diagnose
from holdfast.doctor.journey import doctor
from holdfast.doctor.sides.opened import side_of

from .faults import FAULTS
from .places import Fault, Place, both, only_new, people, random_split, same, split_by_hash

TOLD = int(os.environ.get("HOLDFAST_DOCTOR_SEEDS", "0"))


def asked(pair: tuple[Place, Place], folder: Path) -> Diagnosis:
    ours, theirs = pair
    return doctor(str(ours.write(folder / "research")), str(theirs.write(folder / "production")), folder)


@pytest.mark.parametrize("seed", range(TOLD or 1))
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_first_with_its_evidence_and_its_solution(name: str, seed: int, tmp_path: Path) -> None:
    fault = FAULTS[name]
    found = asked(fault.put(seed), tmp_path).findings
    codes = [item.code for item in found]
    assert codes[:1] == [fault.code]
    assert set(codes[1:]) <= fault.beside
    first = found[0]
    assert first.says
    assert first.solution
    assert first.evidence
    json.dumps(first.as_dict(), allow_nan=False)


@pytest.mark.parametrize("seed", range(TOLD or 5))
@pytest.mark.parametrize("clean", [both, same, only_new], ids=lambda made: made.__name__)
def test_a_clean_pair_is_left_in_peace(clean: Fault, seed: int, tmp_path: Path) -> None:
    done = asked(clean(seed), tmp_path)
    assert [(item.code, item.says) for item in done.findings] == []
    assert done.ok
    assert done.lines()[0] == "nothing found"
    assert any("distributions of" in line for line in done.compared)


def test_a_value_that_a_share_of_few_has_is_no_code(tmp_path: Path) -> None:
    ours, theirs = only_new(1)
    amount = theirs.columns["amount"].copy()
    amount[::10] = np.median(ours.columns["amount"]) + 0.003
    theirs = theirs.put(amount=amount).scored()
    research = side_of("research", str(ours.write(tmp_path / "research")), tmp_path)
    production = side_of("production", str(theirs.write(tmp_path / "production")), tmp_path)
    found = next(item for item in diagnose(research, production).findings if item.code == "DOC11")
    assert found.says.startswith("amount is ")
    of_windows = diagnose(replace(research, windowed=("amount",)), production).findings
    assert not any("amount is " in item.says for item in of_windows)


def test_every_cause_has_a_fault_that_names_it() -> None:
    codes = [cause.code for cause in CAUSES]
    assert codes == [f"DOC{number:02}" for number in range(1, len(CAUSES) + 1)]
    assert {fault.code for fault in FAULTS.values()} == set(codes)


def test_heavier_findings_come_first_and_consequences_after_them(tmp_path: Path) -> None:
    for name in ("T2a", "T1d", "T7a", "T9d"):
        done = asked(FAULTS[name].put(0), tmp_path / name)
        weights = [item.weight for item in done.findings]
        assert weights == sorted(weights, reverse=True)
        assert {item.code for item in done.findings[1:]} <= set(done.findings[0].explains)
        assert any("may be its consequence" in line for line in done.lines())


def test_another_order_that_nothing_depends_on_is_a_note(tmp_path: Path) -> None:
    ours, theirs = same(3)
    done = asked((ours, theirs.take(np.random.default_rng(0).permutation(len(theirs)))), tmp_path)
    assert done.ok
    assert done.notes == ("rows stand in another order, and nothing depends on it",)


def test_a_library_that_changes_nothing_is_a_note_and_one_that_may_is_a_cause(tmp_path: Path) -> None:
    ours, theirs = same(3)
    newer = theirs.told(libraries={**theirs.facts["libraries"], "numpy": "2.3.0"})
    done = asked((ours, newer), tmp_path / "equal")
    assert done.ok
    assert done.notes == ("numpy 2.1.3 in research, 2.3.0 in production: no harm was seen",)
    other = asked((ours, newer.scored(1e-5)), tmp_path / "other")
    assert [item.code for item in other.findings] == ["DOC01"]


def test_a_library_that_computes_nothing_is_not_named_where_nothing_differs(tmp_path: Path) -> None:
    ours, theirs = only_new(3)
    newer = theirs.told(libraries={**theirs.facts["libraries"], "requests": "2.28.0"})
    assert asked((ours, newer), tmp_path).ok


def test_the_same_rows_in_another_file_are_no_other_source(tmp_path: Path) -> None:
    ours, theirs = same(3)
    copied = theirs.told(sources={"payments": {"path": "copy.csv", "fingerprint": "00ff"}})
    assert asked((ours, copied), tmp_path).ok


def test_a_split_in_another_order_by_the_same_hash_is_no_fault(tmp_path: Path) -> None:
    ours = people(3_000, 5)
    theirs = ours.take(np.random.default_rng(1).permutation(3_000))
    assert asked((split_by_hash(ours), split_by_hash(theirs)), tmp_path / "hash").ok
    by_place = asked((random_split(ours, 1), random_split(theirs, 1)), tmp_path / "place")
    assert [item.code for item in by_place.findings] == ["DOC06"]
    assert by_place.findings[0].evidence["same_by_place"] == 1.0


def test_rows_that_come_in_days_are_not_called_another_population(tmp_path: Path) -> None:
    """The live rows are of two days: no other than any two days of research."""
    ours, day = people(6_000, 8), 86_400_000_000
    weekday = (ours.columns["time"] // day % 7).astype(np.float64)
    ours = ours.put(weekday=weekday)
    theirs = people(300, 9, first=9_000)
    theirs = theirs.put(weekday=np.where(np.arange(300) < 150, 4.0, 5.0))
    assert asked((ours, theirs), tmp_path / "two days").ok
    mixed = ours.without("time").take(np.random.default_rng(0).permutation(6_000))
    alone = asked((mixed, theirs), tmp_path / "mixed")
    assert [item.code for item in alone.findings] == ["DOC13"]  # where no stretch shows how rows come, it is news


def test_a_missing_variable_comes_with_its_nearest_substitute_and_what_to_run(tmp_path: Path) -> None:
    first = asked(FAULTS["T8a"].put(0), tmp_path).findings[0]
    assert first.evidence["absent"] == ["debt"]
    assert first.evidence["substitutes"]["debt"]["feature"] == "income"
    assert "nearest to debt: income" in first.says
    assert first.commands[0] == "holdfast train --without debt"


def test_evidence_names_rows_values_and_the_rule_of_a_difference(tmp_path: Path) -> None:
    units = asked(FAULTS["T2e"].put(0), tmp_path / "units").findings[0]
    assert "100 times as large throughout" in units.says
    example = units.evidence["examples"]["amount"][0]
    assert example["production"] == pytest.approx(100 * example["research"])
    filling = asked(FAULTS["T7a"].put(0), tmp_path / "filling").findings[0]
    assert "in which asked came in null" in filling.says
    never_sent = asked(FAULTS["T9d"].put(0), tmp_path / "sent").findings[0]
    assert "where amount" in never_sent.says


def test_two_faults_at_once_are_both_named(tmp_path: Path) -> None:
    ours, theirs = only_new(4)
    hour = theirs.columns["hour"].copy()
    hour[::20] = np.nan
    kind = theirs.columns["kind"].copy()
    kind[1::20] = "crypto"
    done = asked((ours, theirs.put(hour=hour, kind=kind).scored()), tmp_path)
    assert {item.code for item in done.findings} == {"DOC09", "DOC10"}
