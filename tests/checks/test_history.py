"""Checks of data on a real project: each passes a clean history, and names the place of what was done to it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.checks import stage
from tests.checks.applications import Change, Columns, looked_at_later, version
from tests.checks.histories import (
    STUMP,
    WELL,
    a_flag_after_the_fact,
    a_negative_sex,
    a_new_job,
    after_the_fact,
    blanked,
    blanked_where_it_must_not_be,
    codes,
    few_women,
    no_rule_for_cooks,
    other_money,
    rows_again,
    shifted,
    the_target,
    two_outcomes,
    worse_for_women,
)

from holdfast.bundle.load import load
from holdfast.checks import (
    data_conflicts,
    data_consistency,
    data_duplicates,
    data_expectations,
    data_formats,
    data_groups,
    data_leakage,
    data_live,
    data_missing,
    data_placeholders,
    data_source,
    performance_baseline,
    performance_champion,
    performance_segments,
    performance_threshold,
    robustness_seed,
    robustness_unseen,
)
from holdfast.checks.check import Answer, Check
from holdfast.checks.expectations import suite
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.contract.model import DAY
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Decision
from holdfast.training.settings import TrainingSettings
from holdfast.training.train import train

ASKED: tuple[Check, ...] = (
    data_duplicates.CHECK, data_conflicts.CHECK, data_leakage.CHECK, data_source.CHECK, data_formats.CHECK,
    data_consistency.CHECK, data_placeholders.CHECK, data_live.CHECK, data_groups.CHECK, performance_baseline.CHECK,
    performance_champion.CHECK, performance_segments.CHECK, performance_threshold.CHECK, robustness_unseen.CHECK,
    robustness_seed.CHECK,
)  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_clean_history_passes_every_check_of_it(tmp_path: Path, seed: int) -> None:
    clean = version(tmp_path / "project", seed=seed)
    answers = {item.code: item.ask(clean, Limits()) for item in ASKED}
    assert {code: answer.why for code, answer in answers.items() if answer.status != "passed"} == {}
    assert answers["GATE105"].evidence["future"]["rows"] > 20


FAULTS: dict[str, tuple[Check, Change, str]] = {
    "rows again": (data_duplicates.CHECK, rows_again, "b00000 repeats a00000"),
    "two outcomes": (data_conflicts.CHECK, two_outcomes, "600 records (18.18%) are another's equals"),
    "the target": (data_leakage.CHECK, the_target, "noise_3 ranks the rows alone, with a ROC-AUC of 1.000"),
    "after the fact": (data_leakage.CHECK, after_the_fact, "without noise_2 a model loses"),
    "a flag after the fact": (data_leakage.CHECK, a_flag_after_the_fact, "without noise_2 a model loses"),
    "other money": (data_consistency.CHECK, other_money, "income is distributed otherwise in the test rows"),
    "a new job": (data_consistency.CHECK, a_new_job, "a job no training row has: driver"),
    "codes": (data_placeholders.CHECK, codes, "debt = 999999 in 40 rows, first in row 100"),
    "an undeclared word": (data_placeholders.CHECK, codes, "job = n/a in 20 rows, first in row 500"),
    "a negative code": (data_placeholders.CHECK, codes, "late = -1 in 40 rows, first in row 50"),
    "few women": (data_groups.CHECK, few_women, "sex f has"),
    "worse for women": (data_groups.CHECK, worse_for_women, "of m are positive, and"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_history_is_named_with_its_place(tmp_path: Path, fault: str) -> None:
    check, change, told = FAULTS[fault]
    answer = check.ask(version(tmp_path / "project", change), Limits())
    assert answer.status == "failed"
    assert told in answer.why
    assert answer.mend
    assert answer.evidence


def test_rows_from_before_a_window_was_full_are_left_out_of_a_test_part_that_was_drawn_by_hash(tmp_path: Path) -> None:
    made = stage.project(tmp_path / "shop", rows=8_000)
    with stage.subject(made) as subject:
        answer = data_consistency.CHECK.ask(subject, Limits())
        assert answer.status == "passed", answer.why
        (feature,) = (item for item in subject.contract.features if item.name == "merchant_fraud_rate")
        first = subject.rows.times[subject.split.test.index] - subject.rows.times[0]
        assert (first < subject.contract.filled_after(feature)).sum() > 100, "there are such rows"


def test_a_code_that_the_description_speaks_of_is_documented(tmp_path: Path) -> None:
    answer = data_placeholders.CHECK.ask(version(tmp_path / "project", codes), Limits())
    assert "late = -2" not in answer.why
    assert {item["value"]: item["documented"] for item in answer.evidence["codes"] if item["field"] == "late"} == {
        "-1": False, "-2": True,
    }  # fmt: skip


def test_a_value_against_the_contract_is_named_with_its_row_though_no_feature_reads_it(tmp_path: Path) -> None:
    subject = looked_at_later(version(tmp_path / "project"), a_negative_sex)
    answer = data_formats.CHECK.ask(subject, Limits())
    assert answer.status == "failed"
    assert "asked.parquet: sex.values: row 77 (id a00077): " in answer.why


def test_a_blanked_cell_and_a_shifted_column_are_refused_with_the_place(tmp_path: Path) -> None:
    trained = version(tmp_path / "project")
    answer = data_source.CHECK.ask(looked_at_later(trained, blanked), Limits())
    assert answer.status == "failed"
    assert answer.why.startswith("row a01234, score changed: ")
    answer = data_source.CHECK.ask(looked_at_later(trained, shifted), Limits())
    assert answer.why.startswith("debt changed: ")
    assert data_source.CHECK.ask(looked_at_later(trained, lambda made: None), Limits()).status == "passed"
    with pytest.raises(HoldfastError, match="row 1234"):
        looked_at_later(trained, blanked_where_it_must_not_be)


def test_a_feature_that_was_built_with_the_future_is_found_by_taking_it_away(tmp_path: Path) -> None:
    clean = version(tmp_path / "project")
    matrix = clean.table.matrix.copy()
    place = list(clean.table.names).index("asked_before")
    matrix[:, place] += 1  # as a window that holds what comes next would count
    answer = data_leakage.CHECK.ask(replace(clean, table=replace(clean.table, matrix=matrix)), Limits())  # type: ignore[type-var]
    assert answer.status == "failed"
    assert "asked_before changes when what came after the decision is taken away" in answer.why
    assert set(answer.evidence["future"]["changed"]) == {"asked_before"}


def live(subject: Subject, rows: np.ndarray, days: float) -> Answer:
    """What is said of these rows as live decisions, so many days long."""
    contract = subject.contract
    decisions = [
        Decision(
            read_seq=0, source=contract.decide_on, event_id=f"l{at}", time=int(at * days * DAY / len(rows)), body=b"{}",
            digest=b"", contract=subject.bundle.contract.hash, model="", version="1", variant="",
            features=row.astype("<f8").tobytes(), score=0.0, probability=0.0, threshold=0.5, decision=False,
        )
        for at, row in enumerate(rows)
    ]  # fmt: skip
    with subject.place.writing() as (_, writer):
        writer.commit(decisions)
    return data_live.CHECK.ask(subject, Limits())


def test_live_traffic_is_compared_when_there_is_enough_of_it(tmp_path: Path) -> None:
    for name, change, days, status in (("a", 1, 20, "passed"), ("b", 35, 20, "failed"), ("c", 35, 2, "passed")):
        subject = version(tmp_path / name)
        rows = subject.rows.X[-1_500:].copy()
        rows[:, 0] *= change
        answer = live(subject, rows, days)
        assert answer.status == status, answer.why
        assert answer.evidence["decisions"] == 1_500
        if status == "failed":
            assert answer.why.startswith("income comes otherwise than it was learned")
        assert ("too few to compare" in answer.why) == (days == 2)


def beside(subject: Subject, settings: TrainingSettings) -> Subject:
    """The version, where one trained with these settings is champion."""
    folder = subject.place.folder / "champion"
    done = train(subject.place.contract, subject.table, settings, folder, author="bob")
    return replace(subject, champion=load(folder, expect=done.bundle))


def test_a_version_that_is_worse_than_the_champion_is_stopped_and_a_better_one_is_not(tmp_path: Path) -> None:
    answer = performance_champion.CHECK.ask(beside(version(tmp_path / "a", settings=STUMP), WELL), Limits())
    assert answer.status == "failed"
    assert "ROC-AUC is " in answer.why
    answer = performance_champion.CHECK.ask(beside(version(tmp_path / "b", settings=WELL), STUMP), Limits())
    assert answer.status == "passed"
    assert answer.evidence["difference"]["roc_auc"]["low"] > 0


def test_a_version_that_is_worse_than_its_baseline_is_stopped(tmp_path: Path) -> None:
    answer = performance_baseline.CHECK.ask(
        version(tmp_path / "a", settings=replace(STUMP, baseline="logistic_regression")), Limits()
    )
    assert answer.status == "failed"


def test_a_segment_that_is_guessed_at_is_named(tmp_path: Path) -> None:
    answer = performance_segments.CHECK.ask(
        version(tmp_path / "project", no_rule_for_cooks), replace(Limits(), least_segment_auc=0.65)
    )
    assert answer.status == "failed"
    assert "job = cook, ROC-AUC " in answer.why


def test_a_threshold_that_its_own_rule_would_not_choose_is_found(tmp_path: Path) -> None:
    subject = version(tmp_path / "project")
    far = replace(subject.bundle.threshold, value=0.97)
    subject.bundle.threshold = far
    answer = performance_threshold.CHECK.ask(subject, Limits())
    assert answer.status == "failed"
    assert "lower than by thresholds chosen on other test rows" in answer.why


def test_decisions_that_hang_on_a_word_or_on_a_seed_are_counted(tmp_path: Path) -> None:
    def by_the_job(made: Columns) -> None:
        chance = np.random.default_rng(9)
        made["bad"] = (np.asarray(made["job"]) == "cook") & (chance.random(3_000) < 0.9)

    answer = robustness_unseen.CHECK.ask(version(tmp_path / "a", by_the_job), Limits())
    assert answer.status == "failed"
    assert answer.why.startswith("an unseen job changes")
    one_tree = TrainingSettings(
        family="random_forest", folds=2, bootstrap=0,
        params={"n_estimators": 1, "max_depth": 30, "min_samples_leaf": 1, "max_features": 1},
    )  # fmt: skip
    answer = robustness_seed.CHECK.ask(version(tmp_path / "b", settings=one_tree), Limits())
    assert answer.status == "failed"
    assert answer.evidence["flipped"]["low"] > 0.1


def test_of_many_empty_features_the_five_worst_are_named(tmp_path: Path) -> None:
    def empty(made: Columns) -> None:
        for at in range(5):
            made[f"noise_{at}"][:] = 1.0
        made["late"][:], made["debt"][:] = 0, 0
        made["score"][: 2_000 + 5] = np.nan

    answer = data_missing.CHECK.ask(version(tmp_path / "project", empty), Limits())
    assert answer.status == "failed"
    assert answer.why.startswith("score is missing in ")
    assert answer.why.endswith("; and 3 more")
    assert answer.why.count(" is ") == 5
    assert len(answer.evidence["constant"]) == 7


def test_the_suite_says_what_the_contract_says(tmp_path: Path) -> None:
    told = suite(version(tmp_path / "project").bundle.contract.deciding)
    assert ("ExpectColumnValuesToBeBetween", {"column": "debt", "min_value": 0.0, "mostly": 1.0}) in told
    assert ("ExpectColumnValuesToBeInSet", {"column": "sex", "value_set": ["f", "m"], "mostly": 1.0}) in told
    assert ("ExpectColumnValuesToNotBeNull", {"column": "income"}) in told
    assert ("ExpectColumnValuesToNotBeNull", {"column": "score"}) not in told


def test_without_great_expectations_the_check_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    answer = data_expectations.CHECK.ask(version(tmp_path / "project"), Limits())
    assert answer.status == "not_applicable"
    assert "pip install 'holdfast[expectations]'" in answer.mend
    assert data_expectations.CHECK.severity == "advised"


def test_great_expectations_passes_a_clean_history_and_names_the_column_of_a_fault(tmp_path: Path) -> None:
    pytest.importorskip("great_expectations", reason="an extra of its own; GATE112 is advice")
    clean = version(tmp_path / "project")
    assert data_expectations.CHECK.ask(clean, Limits()).status == "passed"
    answer = data_expectations.CHECK.ask(looked_at_later(clean, a_negative_sex), Limits())
    assert answer.status == "failed"
    assert "sex: expect_column_values_to_be_in_set 1 times, as x" in answer.why
