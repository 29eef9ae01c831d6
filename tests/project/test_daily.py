"""Each day's production metrics on an MLflow run: once, when its labels are in, by the day it was decided on."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score
from tests.monitoring.outcome_stage import BEGIN, DAY, WAIT, Seen, contract, traffic

from holdfast.bundle.mlflow_quiet import pointed_at
from holdfast.project.daily import daily, log_daily
from holdfast.project.project import Project
from holdfast.project.start import start
from holdfast.project.train import place

pytestmark = pytest.mark.long

LABEL = contract().target
DAYS = 20


def test_a_day_is_told_when_its_labels_are_in_and_as_scikit_learn_says() -> None:
    whole = traffic(DAYS)
    now = BEGIN + DAYS * DAY
    rows = Seen(whole, now).outcomes(0, now)
    told = daily(rows, LABEL, now)
    assert [item.start for item in told] == [BEGIN + at * DAY for at in range(DAYS - WAIT)]
    for item in told:
        day = whole.between(item.start, item.start + DAY)
        assert item.count == len(day)
        assert item.positives == int(day.truth.sum())
        assert item.roc_auc == pytest.approx(roc_auc_score(day.truth, day.probability))
        assert item.precision == pytest.approx(precision_score(day.truth, day.decided))
        assert item.recall == pytest.approx(recall_score(day.truth, day.decided))
        assert item.f1 == pytest.approx(f1_score(day.truth, day.decided))


def test_a_day_without_positives_has_no_ranking_and_counts_all_the_same() -> None:
    rows = traffic(1)
    rows = rows.take(rows.truth == 0)
    told = daily(rows, LABEL, BEGIN + 30 * DAY)[0]
    assert (told.roc_auc, told.recall, told.count) == (None, None, len(rows))
    assert "roc_auc" not in told.metrics()


def test_days_are_logged_to_one_run_of_the_version_each_once(tmp_path: Path) -> None:
    start("shop", "fraud", tmp_path / "shop", rows=300)
    project = Project.open(tmp_path / "shop")
    rows = traffic(DAYS)
    first = daily(rows, LABEL, BEGIN + 12 * DAY)
    run, new = log_daily(project, "1", "b" * 64, first)
    assert new == 5
    again, more = log_daily(project, "1", "b" * 64, daily(rows, LABEL, BEGIN + 14 * DAY))
    assert (again, more) == (run, 2)
    other, _ = log_daily(project, "2", "c" * 64, first)
    assert other != run
    with pointed_at(place(project).uri) as mlflow:
        kept = mlflow.MlflowClient().get_metric_history(run, "roc_auc")
        assert mlflow.MlflowClient().get_run(run).data.tags["holdfast.version"] == "1"
    assert [item.step for item in kept] == [BEGIN // DAY + at for at in range(7)]
    assert [item.value for item in kept][:5] == [item.roc_auc for item in first]
    assert kept[0].timestamp == BEGIN // 1_000
