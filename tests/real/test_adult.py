"""UCI's Adult: the gaps between groups are told, in the data and in what a model makes of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from examples.adult.run import EXAMPLE
from tests.real.versions import Data, data, replaced, version

from holdfast.checks import compliance_fairness, data_groups
from holdfast.checks.limits import Limits, limits_from
from holdfast.checks.subject import Subject

PROTECTED = ("age", "sex", "race", "native-country")


@pytest.fixture(scope="module")
def adult() -> Data:
    return data(EXAMPLE)


@pytest.fixture(scope="module")
def trained(adult: Data, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return version(adult.project(tmp_path_factory.mktemp("adult") / "project"))


@pytest.fixture(scope="module")
def dealt(adult: Data, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The same people, whose groups were dealt out by chance."""

    def deal(table: pa.Table) -> pa.Table:
        chance = np.random.default_rng(8)
        for name in PROTECTED:
            table = replaced(
                table, name, table.column(name).take(pa.array(chance.permutation(len(table)))).combine_chunks()
            )
        return table

    return version(adult.project(tmp_path_factory.mktemp("dealt") / "project", deal))


def test_what_the_data_says_of_groups_is_told_with_its_figures(adult: Data, trained: Subject) -> None:
    answer = data_groups.CHECK.ask(trained, limits_of(trained))
    assert answer.status == "failed"
    for field, few, many in (("sex", "Female", "Male"), ("race", "Amer-Indian-Eskimo", "Asian-Pac-Islander")):
        line = next(item for item in answer.why.split("; ") if item.startswith(f"{field}: "))
        assert few in line
        assert many in line
    assert answer.why.endswith(" more groups of native_country have too few")
    told = {item["group"]: item for item in answer.evidence["groups"]["sex"]}
    rich = adult.table.column("over_50k").to_numpy() == 1
    for word in ("Female", "Male"):
        share = rich[adult.table.column("sex").to_numpy() == word].mean()
        assert told[word]["positive"]["low"] <= share <= told[word]["positive"]["high"]


def test_how_decisions_fare_is_told_with_its_figures(trained: Subject) -> None:
    answer = compliance_fairness.CHECK.ask(trained, limits_of(trained))
    assert (answer.status, compliance_fairness.CHECK.severity) == ("failed", "required")
    women = next(item for item in answer.evidence["beyond"] if item.startswith("sex Female: "))
    assert "of the favourable decisions of the group with the most" in women
    (by_sex,) = (item for item in answer.evidence["groupings"] if item["by"] == "sex")
    ratio = {item["group"]: item["impact_ratio"] for item in by_sex["groups"]}["Female"]
    assert ratio["high"] < 0.5  # four fifths are wanted
    assert {"age", "sex", "race", "native_country"} == set(answer.evidence["protected"])


def test_groups_that_were_dealt_out_by_chance_are_not_accused(dealt: Subject) -> None:
    told = data_groups.CHECK.ask(dealt, limits_of(dealt)).why
    assert " are positive, and " not in told
    answer = compliance_fairness.CHECK.ask(dealt, limits_of(dealt))
    assert answer.status == "passed", answer.why


def limits_of(subject: Subject) -> Limits:
    return limits_from(subject.place.settings.checks)
