"""Each command of the journey does on a real project what its help says, and says it in JSON too."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
from tests.vouched import vouched

from holdfast.project.project import Project

from .conftest import QUICK, Run


def test_contract_is_checked_shown_frozen_and_compared(shop: Path, run: Run) -> None:
    assert run("-C", shop, "contract", "check").code == 0
    shown = run("-C", shop, "contract", "show")
    assert "customer_payments_10m" in shown.out
    assert "[grocery, restaurant, retail, online, travel]" in shown.out
    assert run("-C", shop, "contract", "freeze", "--out", shop / "before.json").code == 0
    assert run("-C", shop, "contract", "diff", shop / "before.json").code == 0
    text = (shop / "contract.py").read_text()
    (shop / "contract.py").write_text(text.replace("minutes(10)", "minutes(15)"))
    changed = run("-C", shop, "contract", "diff", "champion", "--json")
    assert changed.code == 1
    assert [change["name"] for change in changed.document["changes"]] == ["customer_payments_10m"]


def test_a_contract_that_leaks_is_refused_with_its_line(shop: Path, run: Run) -> None:
    text = (shop / "contract.py").read_text()
    (shop / "contract.py").write_text(text.replace('"amount": payments.amount,', '"amount": is_fraud,'))
    told = run("-C", shop, "contract", "check")
    assert told.code == 2
    assert "contract.py:" in told.err


def test_features_are_built_with_a_row_for_each_payment(shop: Path, run: Run) -> None:
    told = run("-C", shop, "features", "build", "--out", shop / "table.parquet", "--json")
    rows = pq.read_metadata(shop / "data" / "payments.parquet").num_rows
    assert told.document["rows"] == rows == pq.read_metadata(shop / "table.parquet").num_rows
    assert told.document["features"] == 21


def test_parity_shows_no_differing_bit(shop: Path, run: Run) -> None:
    told = run("-C", shop, "parity", "--limit", "500", "--json")
    assert told.code == 0
    assert (told.document["rows"], told.document["differing_bits"]) == (500, 0)


def test_a_version_is_trained_promoted_reproduced_and_rolled_back(shop: Path, run: Run) -> None:
    changes = [word for change in QUICK for word in ("--set", change)]
    trained = run("-C", shop, "train", "--without", "hour", *changes, "--json")
    assert trained.document["version"] == "2"
    unsaid = run("-C", shop, "promote", "2")
    assert (unsaid.code, "--why" in unsaid.err) == (2, True)
    with vouched(Project.open(shop), "2"):
        moved = run("-C", shop, "promote", "2", "--why", "without the hour", "--who", "me", "--json").document
    assert (moved["version"], moved["previous"], moved["who"]) == ("2", "1", "me")
    again = run("-C", shop, "reproduce", "2", "--json")
    assert again.code == 0
    assert again.document["model_hash"] == again.document["recorded_hash"]
    back = run("-C", shop, "rollback", "--why", "it was better", "--json").document
    assert (back["action"], back["version"]) == ("rollback", "1")
    history = run("-C", shop, "versions", "--history", "--json").document["history"]
    assert [(step["action"], step["version"]) for step in history] == [
        ("promote", "1"),
        ("promote", "2"),
        ("rollback", "1"),
    ]
    at = run("-C", shop, "versions", "--at", history[1]["when"], "--json").document
    assert at["version"] == "2"
    listed = run("-C", shop, "versions", "--json").document["versions"]
    assert [(entry["version"], entry["aliases"]) for entry in listed] == [("2", ""), ("1", "champion")]


def test_another_family_does_not_inherit_the_parameters_of_the_first(shop: Path, run: Run) -> None:
    words = ("--family", "logistic_regression", "--set", "folds=1", "--set", "bootstrap=0", "--no-register", "--json")
    assert run("-C", shop, "train", *words).document["record"]["settings"]["family"] == "logistic_regression"


def test_a_file_is_scored_as_of_now_and_as_of_each_row(shop: Path, run: Run) -> None:
    source = shop / "data" / "payments.parquet"
    now = run("-C", shop, "score", source, shop / "now.parquet", "--chunk", "1000", "--json").document
    then = run("-C", shop, "score", source, shop / "then.csv", "--as", "history", "--json").document
    rows = pq.read_metadata(source).num_rows
    assert now["rows"] == then["rows"] == rows
    scored = pq.read_table(shop / "now.parquet")
    assert scored.column("payment_id").to_pylist() == pq.read_table(source).column("payment_id").to_pylist()
    with (shop / "then.csv").open() as file:
        assert sum(1 for _ in csv.DictReader(file)) == rows


def test_scoring_each_row_of_history_as_of_its_time_gives_the_training_rows(shop: Path, run: Run) -> None:
    project = Project.open(shop)
    run("-C", shop, "score", shop / "data" / "payments.parquet", shop / "then.parquet", "--as", "history")
    from holdfast.project.build import features
    from holdfast.project.bundles import named

    table = features(project)
    expected = dict(
        zip(table.ids.tolist(), named(project, "1")[1].predict_matrix(table.matrix)[1].tolist(), strict=True)
    )
    scored = pq.read_table(shop / "then.parquet").to_pylist()
    assert all(row["probability"] == expected[row["payment_id"]] for row in scored)


def test_refused_rows_stop_a_scoring_unless_they_are_dropped(shop: Path, run: Run) -> None:
    header = "payment_id,occurred_at,customer_id,terminal_id,merchant_category,entry_mode,amount\n"
    good = "a,2026-01-01T00:00:00Z,cus_1,ter_1,grocery,chip,10.00\n"
    bad = "b,2026-01-01T00:00:00Z,cus_1,ter_1,grocery,chip,-10.001\n"
    (shop / "rows.csv").write_text(header + good + bad)
    told = run("-C", shop, "score", shop / "rows.csv", shop / "out.csv")
    assert told.code == 2
    assert "amount" in told.err
    assert not (shop / "out.csv").exists()
    kept = run("-C", shop, "score", shop / "rows.csv", shop / "out.csv", "--drop", "--json").document
    assert (kept["rows"], kept["refused"]) == (1, 1)


def test_outcomes_are_recorded_once_and_the_unreadable_are_told(shop: Path, run: Run) -> None:
    ids = [entry["what"].split()[1].rstrip(":") for entry in records(shop, run, "decision")][:3]
    rows = [f"{ids[0]},true,1", f"{ids[1]},false,1", f"{ids[2]},perhaps,1"]
    (shop / "outcomes.csv").write_text("event_id,is_fraud,version\n" + "\n".join(rows) + "\n")
    first = run("-C", shop, "outcomes", shop / "outcomes.csv", "--json")
    assert first.code == 1
    assert (first.document["recorded"], first.document["refused"]) == (2, 1)
    second = run("-C", shop, "outcomes", shop / "outcomes.csv", "--json").document
    assert (second["recorded"], second["repeated"]) == (0, 2)
    (shop / "corrected.csv").write_text(f"event_id,is_fraud,version\n{ids[0]},false,2\n{ids[1]},true,1\n")
    third = run("-C", shop, "outcomes", shop / "corrected.csv", "--json").document
    assert (third["recorded"], third["refused"]) == (1, 1)  # the second says something else without a new version
    assert "version 2" in third["problems"][0]["mend"]


def test_a_decision_is_explained_by_either_of_its_names(shop: Path, run: Run) -> None:
    prediction, event = records(shop, run, "decision")[0]["what"].split()[:2]
    by_prediction = run("-C", shop, "explain", prediction, "--json").document
    assert by_prediction == run("-C", shop, "explain", event.rstrip(":"), "--json").document
    added = sum(reason["contribution"] for reason in by_prediction["contributions"]) + by_prediction["base_value"]
    assert abs(added - by_prediction["score"]) < 1e-9
    assert run("-C", shop, "explain", "nobody").code == 2


def test_decisions_are_replayed_and_an_edited_bundle_is_named(shop: Path, run: Run) -> None:
    told = run("-C", shop, "replay", "--json")
    assert told.code == 0
    assert (told.document["decisions"], told.document["equal_a"], told.document["equal_b"]) == (40, 40, 40)
    for since in ("2000-01-01", "2000-01-01T00:00:00", "2000-01-01T02:00:00+02:00"):
        assert run("-C", shop, "replay", "--since", since, "--json").document["decisions"] == 40
    nothing = run("-C", shop, "replay", "--since", "2100-01-01T00:00:00Z")
    assert (nothing.code, "nothing was proved" in nothing.out) == (1, True)  # nothing replayed is no proof
    unread = run("-C", shop, "replay", "--since", "yesterday")
    assert (unread.code, "is not a time" in unread.err) == (2, True)
    bundle = next((shop / ".holdfast" / "bundles").glob("*/threshold.json"))
    bundle.write_text(bundle.read_text().replace("0", "1", 1))
    broken = run("-C", shop, "replay", "--sample", "5")
    assert broken.code == 1
    assert "threshold.json" in broken.out


def test_history_is_validated_and_a_broken_batch_fails(shop: Path, run: Run) -> None:
    assert run("-C", shop, "validate", "--json").document["ok"] is True
    (shop / "batch.csv").write_text(
        "payment_id,occurred_at,customer_id,terminal_id,merchant_category,amount\n"
        "a,2026-01-01T00:00:00Z,c,t,groceries,-1\n"
    )
    told = run("-C", shop, "validate", shop / "batch.csv", "--json")
    assert told.code == 1
    failed = {finding["code"] for finding in told.document["findings"] if finding["status"] == "failed"}
    assert failed == {"entry_mode.present", "amount.values", "merchant_category.vocabulary"}


def test_state_is_shown_and_built_again(shop: Path, run: Run) -> None:
    before = run("-C", shop, "state", "show", "--json").document
    assert before["applied_seq"] == before["last_seq"] > 40
    assert all(series["ready"] for series in before["series"])
    done = run("-C", shop, "state", "rebuild", "--json").document
    assert done["series"] == len(before["series"])
    assert done["records"] == before["last_seq"]
    assert run("-C", shop, "replay").code == 0


def test_the_ledger_shows_its_newest_records_and_seals_whole_days(shop: Path, run: Run) -> None:
    shown = run("-C", shop, "ledger", "show", "--last", "3", "--json").document["records"]
    assert [entry["kind"] for entry in shown] == ["decision"] * 3
    assert run("-C", shop, "ledger", "show", "--kind", "decisions").code == 2
    assert run("-C", shop, "ledger", "seal", "--json").document == {"sealed": []}  # today is not over


def test_nothing_personal_is_shown_of_the_ledger(shop: Path, run: Run) -> None:
    assert "cus_" not in run("-C", shop, "ledger", "show", "--last", "100").out


def records(shop: Path, run: Run, kind: str) -> list[dict[str, str]]:
    found = run("-C", shop, "ledger", "show", "--kind", kind, "--last", "100", "--json").document["records"]
    assert isinstance(found, list)
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]  # as a caller gets it
