"""What is kept of a verdict: content-addressed files, shown unchanged or refused, in MLflow, and in the ledger."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.checks.verdicts import ANSWERS, NOW, everywhere, judged, subject
from tests.vouched import promote

from holdfast.access import keys
from holdfast.bundle.mlflow_quiet import open_mlflow
from holdfast.checks import journey
from holdfast.checks.catalog import CHECKS
from holdfast.checks.check import DATA, Check
from holdfast.checks.report.keep import Kept, keep, kept, last, previous, read
from holdfast.checks.report.schema import schema
from holdfast.checks.verdict import Verdict, examine
from holdfast.cli import main
from holdfast.contract.model import canonical
from holdfast.errors import HoldfastError
from holdfast.ledger.records import Examination
from holdfast.project.build import build
from holdfast.project.gate import waive
from holdfast.project.project import Project
from holdfast.project.start import start
from holdfast.project.train import train
from holdfast.simulate import cards
from holdfast.simulate.table import DAY, this_minute

QUICK = (
    "params={ num_iterations = 10, num_leaves = 7 }",
    "folds=2",
    "bootstrap=0",
    "threads=1",
    "split=hash",
    "validation=stratified",
)


@pytest.fixture(scope="module")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two versions."""
    folder = tmp_path_factory.mktemp("kept") / "shop"
    start("shop", "cards", folder, data=False)
    now = this_minute()
    table = cards.payments(customers=60, terminals=30, days=75, end=now)
    table.known("is_fraud", now - DAY).write(folder / "data" / "payments.parquet")
    project = Project.open(folder)
    build(project)
    for seed in (1, 2):
        train(project, changes=(*QUICK, f"seed={seed}"))
    for version in ("1", "2"):
        project.registry.fetch(version, project.bundles_path)
    return folder


@pytest.fixture
def shop(_shop: Path, tmp_path: Path) -> Project:
    """A copy of it for one test; what MLflow has lies where it was."""
    shutil.copytree(_shop, tmp_path / "shop")
    return Project.open(tmp_path / "shop")


def verdict(project: Project, version: str = "1", *, began: int = NOW, answer: str = "passed") -> Verdict:
    checks = everywhere(Check("GATE199", DATA, "last", ANSWERS[answer]))
    bundle = project.registry.version(version).bundle
    return judged(checks, of=subject(version, bundle), began=began)


def test_a_verdict_is_kept_under_the_hash_of_its_own_bytes(shop: Project) -> None:
    given = verdict(shop)
    done = keep(shop, given)
    assert done.path == shop.home / "verdicts" / given.bundle / f"{done.digest}.json"
    content = done.path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == done.digest
    assert canonical(json.loads(content)) == content
    assert jsonschema_rs.validator_for(schema()).is_valid(json.loads(content))
    assert done.digest in done.html.read_text(encoding="utf-8")
    assert done.notes == ()
    assert keep(shop, given).digest == done.digest
    assert keep(shop, verdict(shop, answer="failed")).digest != done.digest
    assert {path.suffix for path in done.path.parent.iterdir()} == {".json", ".html"}


def test_the_last_verdict_of_a_bundle_is_found_and_a_changed_one_is_not(shop: Project) -> None:
    first, second = verdict(shop), verdict(shop, began=NOW + 60, answer="failed")
    assert last(shop, first.bundle) is None
    one, two = keep(shop, first), keep(shop, second)
    found = last(shop, first.bundle)
    assert found is not None
    assert (found["ok"], [digest for digest, _ in kept(shop, first.bundle)]) == (False, [one.digest, two.digest])
    assert read(shop, first.bundle, two.digest) == found
    two.path.write_bytes(two.path.read_bytes().replace(b'"failed"', b'"passed"'))
    with pytest.raises(HoldfastError, match="changed since it was kept"):
        read(shop, first.bundle, two.digest)
    assert [digest for digest, _ in kept(shop, first.bundle)] == [one.digest]
    elsewhere = shop.home / "verdicts" / ("0" * 64) / one.path.name
    elsewhere.parent.mkdir()
    shutil.copy(one.path, elsewhere)
    with pytest.raises(HoldfastError, match="another bundle's"):
        read(shop, "0" * 64, one.digest)
    for wrong in ("../x", "f" * 64):
        with pytest.raises(HoldfastError, match="not kept here"):
            read(shop, first.bundle, wrong)
    with pytest.raises(HoldfastError, match="no bundle's hash"):
        last(shop, "../../x")


def test_a_part_and_a_verdict_of_no_bundle_are_not_kept(shop: Project) -> None:
    given = verdict(shop)
    with pytest.raises(HoldfastError, match="a part of the checks is no verdict"):
        keep(shop, replace(given, only=("GATE101",)))
    with pytest.raises(HoldfastError, match="this bundle is not here"):
        keep(shop, replace(given, bundle="0" * 64))
    assert not (shop.home / "verdicts").exists()


def test_the_verdict_before_is_the_last_one_of_the_version_before_else_its_own(shop: Project) -> None:
    def kept_one(*words: Any, **told: Any) -> Kept:
        return keep(shop, verdict(shop, *words, **told))

    first = kept_one("1")
    assert "first verdict kept here" in first.html.read_text(encoding="utf-8")
    again = kept_one("1", began=NOW + 60)
    assert "the last verdict of this version" in again.html.read_text(encoding="utf-8")
    later = kept_one("2", began=NOW + 120, answer="failed")
    text = later.html.read_text(encoding="utf-8")
    assert "Compared with version 1, examined 2027-01-15 08:01" in text
    assert "Checks that turned" in text
    assert previous(shop, json.loads(first.path.read_bytes())) == json.loads(again.path.read_bytes())


def test_a_verdict_is_compared_with_the_champions_last(shop: Project) -> None:
    keep(shop, verdict(shop, "2"))
    promote(shop, "2", why="the first", who="tests")
    keep(shop, verdict(shop, "2", began=NOW + 30, answer="failed"))
    keep(shop, verdict(shop, "1", began=NOW + 60))
    done = keep(shop, verdict(shop, "1", began=NOW + 90))
    assert "Compared with version 2, examined 2027-01-15 08:00:30" in done.html.read_text(encoding="utf-8")


def test_a_verdict_is_attached_to_the_version_in_mlflow(shop: Project) -> None:
    done = keep(shop, verdict(shop, "2"))
    client = open_mlflow().MlflowClient(tracking_uri=shop.registry_uri, registry_uri=shop.registry_uri)
    version = client.get_model_version(shop.name, "2")
    assert version.tags["holdfast.verdict"] == done.digest
    names = {Path(item.path).name for item in client.list_artifacts(version.run_id, "gate")}
    assert {f"{done.digest}.json", f"{done.digest}.html"} <= names
    again = keep(shop, verdict(shop, "2", answer="failed"))
    assert client.get_model_version(shop.name, "2").tags["holdfast.verdict"] == again.digest != done.digest


def test_a_registry_that_is_away_is_told_and_the_verdict_kept(shop: Project) -> None:
    given = verdict(shop)
    assert shop.registry_file is not None
    with sqlite3.connect(shop.registry_file) as connection:
        connection.execute("DELETE FROM model_versions")
    done = keep(shop, given)
    assert done.path.is_file()
    assert "not attached in MLflow" in done.notes[0]
    shop.registry_file.unlink()
    done = keep(Project.open(shop.folder), given)
    assert done.path.is_file()
    assert done.notes[0].startswith("not attached in MLflow, which is away")


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shop: Project) -> Run:
    """`holdfast check` of a project, in this process; the catalog is one quick check for each category."""

    def call(answer: str, *words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(journey, "CHECKS", everywhere(Check("GATE199", DATA, "the last", ANSWERS[answer])))
        monkeypatch.setattr("sys.argv", ["holdfast", "-C", str(shop.folder), "check", *words])
        with pytest.raises(SystemExit) as end:
            main.main()
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return call


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ("passed", 0, "Passed"),
        ("failed", 1, "Not passed"),
        ("not_applicable", 1, "Not passed"),
        ("crashed", 3, "Not known"),
    ],
)
def test_the_command_ends_with_what_came_of_it_and_keeps_it(
    run: Run, shop: Project, answer: str, code: int, words: str
) -> None:
    ended, out, err = run(answer, "1")
    assert (ended, words in out) == (code, True)
    assert "GATE199 the last" in err, "which check is asked is told while it is"
    found = last(shop, shop.registry.version("1").bundle)
    assert found is not None
    assert (found["ok"], found["checks"][1]["code"]) == (code == 0, "GATE201")
    (exam,) = (item for item in shop.reader.gate() if isinstance(item, Examination))
    assert exam.verdict == hashlib.sha256(canonical(found)).hexdigest()
    assert (exam.ok, exam.stopping) == (code == 0, [] if code == 0 else ["GATE199"])


def test_a_waiver_that_holds_counts_and_is_written_down_with_the_verdict(
    run: Run, shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    approver, text = keys.create(shop.home, "grace", ["approver"], by="keeper")
    assert run("failed", "1")[0] == 1
    monkeypatch.setenv("HOLDFAST_KEY", text)
    waived = waive(shop, "GATE199", "1", because="known, mended in May", expires="30d").record
    monkeypatch.delenv("HOLDFAST_KEY")
    ended, out, _ = run("failed", "1")
    assert ended == 0
    assert "waived by grace until" in out
    found = last(shop, waived.bundle)
    assert found is not None
    (item,) = (item for item in found["checks"] if item["code"] == "GATE199")
    assert (item["status"], item["waiver"]["who"], item["waiver"]["why"]) == ("waived", "grace", "known, mended in May")
    exams = [item for item in shop.reader.gate() if isinstance(item, Examination)]
    assert [(item.ok, item.waivers) for item in exams] == [(False, []), (True, [waived.seq])]
    keys.revoke(shop.home, approver.id, by="keeper")
    assert run("failed", "1")[0] == 1, "a waiver falls with the key that proved it"


def test_a_waiver_of_the_contract_holds_for_its_next_version_where_the_check_does_not_apply(
    run: Run, shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = keys.create(shop.home, "grace", ["approver"], by="keeper")
    assert run("not_applicable", "2")[0] == 1
    monkeypatch.setenv("HOLDFAST_KEY", text)
    told = waive(shop, "GATE199", "1", because="no person is decided about", expires="30d", contract=True)
    monkeypatch.delenv("HOLDFAST_KEY")
    assert "of every version with the contract of" in told.lines()[0]
    ended, out, _ = run("not_applicable", "2")
    assert ended == 0
    assert "waived where it does not apply, for every version of the contract, by grace" in " ".join(out.split())
    exam = [item for item in shop.reader.gate() if isinstance(item, Examination)][-1]
    assert (exam.ok, exam.version, exam.waivers) == (True, "2", [told.record.seq])
    assert run("failed", "2")[0] == 1, "a failure is answered for version by version"
    contract = shop.folder / "contract.py"
    contract.write_text(contract.read_text().replace("over=hours(1)", "over=hours(2)", 1))
    other = Project.open(shop.folder)
    build(other)
    train(other, changes=(*QUICK, "seed=9"))
    assert run("not_applicable", "3")[0] == 1, "another contract is another question"


def test_a_part_is_asked_told_as_a_part_and_not_kept(run: Run, shop: Project) -> None:
    everything = [word for at in range(1, 11) for word in ("--only", f"K{at}")]
    for words in (["--only", "GATE101"], ["--only", "K1"], everything, ["--only", "data", "--only", "gate201"]):
        ended, out, _ = run("passed", "1", *words, "--json")
        told = json.loads(out)
        assert (ended, told["ok"], told["partial"]) == (1, False, True)
        assert "kept" not in told
        assert jsonschema_rs.validator_for(schema()).is_valid(told)
    assert [item["code"] for item in told["checks"]] == ["GATE101", "GATE201", "GATE199"]
    ended, out, _ = run("passed", "1", "--only", "GATE101")
    assert "No verdict: only a part was asked" in out
    assert not (shop.home / "verdicts").exists()
    assert list(shop.reader.gate()) == []


def test_the_command_answers_one_json_document_and_writes_the_page_where_it_is_told(
    run: Run, shop: Project, tmp_path: Path
) -> None:
    page = tmp_path / "verdict.html"
    ended, out, err = run("failed", "1", "--json", "--html", str(page))
    told = json.loads(out)
    assert (ended, err) == (1, "")
    assert [error.message for error in jsonschema_rs.validator_for(schema()).iter_errors(told)] == []
    assert page.read_text(encoding="utf-8") == Path(told["kept"]["html"]).read_text(encoding="utf-8")
    assert Path(told["kept"]["path"]).stem == told["kept"]["digest"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["9"], "version"),
        (["1", "--only", "GATE998"], "there is no check or category 'GATE998'"),
        (["1", "--html", "no/where/x.html"], "cannot be written there"),
        (["1", "--only"], "requires an argument"),
    ],
)
def test_misuse_ends_with_2_before_anything_is_asked(run: Run, shop: Project, words: list[str], told: str) -> None:
    ended, _, err = run("passed", *words)
    assert (ended, told in err) == (2, True)
    assert not (shop.home / "verdicts").exists()


def test_asking_a_part_of_the_catalog_by_hand_is_no_verdict(shop: Project) -> None:
    given = journey.check(shop, "1", checks=CHECKS[:2])
    assert (given.partial, given.ok) == (True, False)
    whole = examine(subject(), everywhere(), clock=lambda: float(NOW))
    assert (whole.partial, whole.ok) == (False, True)
