"""Security: a clean version passes, each fault is named, and nothing of a person is repeated in saying so."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import mlflow
import numpy as np
import pytest
from tests.checks.lender import CONTRACT, answer, clean, copied, loans, make
from tests.checks.unsound import Fragile, With

from holdfast.bundle.bundle import Bundle
from holdfast.bundle.load import load
from holdfast.bundle.mlflow_model import signature
from holdfast.checks import security_content, security_identity
from holdfast.checks.advisories import Advisories, affected, hits, locked, read, used
from holdfast.checks.journey import subject_of
from holdfast.checks.limits import Limits
from holdfast.checks.personal import kinds_in, kinds_of_numbers, luhn, names_in
from holdfast.checks.security_adversarial import CHECK as ADVERSARIAL
from holdfast.checks.security_content import CHECK as CONTENT
from holdfast.checks.security_dependencies import CHECK as DEPENDENCIES
from holdfast.checks.security_dependencies import FRESH
from holdfast.checks.security_identity import CHECK as IDENTITY
from holdfast.checks.security_personal import CHECK as PERSONAL
from holdfast.checks.subject import Subject
from holdfast.errors import HoldfastError


@pytest.mark.parametrize("check", [PERSONAL, IDENTITY, CONTENT, ADVERSARIAL, DEPENDENCIES], ids=lambda item: item.code)
def test_a_clean_version_passes(check: Any) -> None:
    found = answer(clean(), check)
    assert (found.status, found.why) == ("passed", found.why)
    assert found.evidence


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to ada.b@mail.example.co.uk", "an e-mail address"),
        ("GB82 WEST 1234 5698 7654 32", "an IBAN"),
        ("DE89370400440532013000", "an IBAN"),
        ("4111 1111 1111 1111", "a payment card number"),
        ("5500-0000-0000-0004", "a payment card number"),
        ("+49 (0)30 123456-78", "a phone number"),
        ("(212) 555-0123", "a phone number"),
        ("078-05-1120", "a US social security number"),
        ("12345678Z", "a Spanish identity number"),
        ("AB 12 34 56 C", "a British insurance number"),
    ],
)
def test_a_persons_data_is_seen_in_text(text: str, kind: str) -> None:
    assert kinds_in(text) == [kind]
    assert kinds_in(f"before {text}, after") == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "Married-civ-spouse", "2026-11-22T15:30:00+00:00", "root@vm", "4111 1111 1111 1112", "DE89370400440532013001",
        "12345678A", "666-12-3456", "1.25", "+1.5", "9999999999999999", "A92", "0-10-20",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "https://example.org/a/b@c",
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_not_taken_for_it(text: str) -> None:
    assert kinds_in(text) == []


def test_identifying_numbers_are_seen_by_their_checksum_and_amounts_are_not() -> None:
    chance = np.random.default_rng(1)
    cards: list[float] = []
    while len(cards) < 100:
        digits = "4" + "".join(map(str, chance.integers(0, 10, 15)))
        cards += [float(digits)] if luhn(digits) else []
    assert kinds_of_numbers(np.asarray(cards)) == ["payment card numbers"]
    assert kinds_of_numbers(chance.integers(4 * 10**15, 5 * 10**15, 1_000).astype(float)) == []
    assert kinds_of_numbers(np.round(np.exp(chance.normal(12, 3, 1_000)), 2)) == []
    assert kinds_of_numbers(np.full(100, np.nan)) == []
    assert names_in(("anna", "Peter Schmidt", "li", "other")) == 3
    assert names_in(("grocery", "travel", "mark", "other")) == 0


PERSONS: dict[str, tuple[str, Callable[[str], str]]] = {
    "a feature is a personal field": (
        "married: it is a field marked personal",
        lambda text: text.replace(
            '"purpose": category', '"married": category("no", "yes", personal=True),\n        "purpose": category'
        ).replace('"rate": feature', '"married": loans.married,\n        "rate": feature'),
    ),
    "an e-mail address among the words": (
        "loans.purpose: a word of it is an e-mail address",
        lambda text: text.replace('"home", "other")', '"home", "other", "ada@example.org")'),
    ),
    "a vocabulary of people": (
        "loans.agent: 4 of its 4 words are people's names",
        lambda text: text.replace(
            '"purpose": category', '"agent": category("Anna", "Peter", "Julia", "Hans"),\n        "purpose": category'
        ),
    ),
    "a text that is not marked": (
        "loans.e_mail: by its name a person's data",
        lambda text: text.replace('"e_mail": text(personal=True, ', '"e_mail": text('),
    ),
}


@pytest.mark.parametrize("fault", PERSONS)
def test_a_persons_data_in_the_contract_is_named(tmp_path: Path, fault: str) -> None:
    told, change = PERSONS[fault]
    contract = change(CONTRACT)
    assert contract != CONTRACT
    (tmp_path / "contract.py").write_text(contract)
    from holdfast.contract import load_file

    frozen = load_file(tmp_path / "contract.py")
    subject = clean()
    wider = cast(Any, type("Rows", (), {"X": np.zeros((5, len(frozen.features))), "__len__": lambda _: 5}))()
    other = cast(Subject, With(subject, contract=frozen, rows=wider, project=None))
    found = PERSONAL.ask(other, Limits())
    assert found.status == "failed"
    assert told in found.why
    assert "ada@example.org" not in found.why
    assert found.mend


def test_a_persons_data_in_the_bundles_files_is_named(tmp_path: Path) -> None:
    subject = copied(tmp_path)
    card = subject.folder / "model_card.md"
    card.write_text(card.read_text() + "\nAsk ada@example.org, 4111 1111 1111 1111.\n")
    found = answer(subject, PERSONAL)
    assert found.status == "failed"
    assert "model_card.md: it holds an e-mail address; model_card.md: it holds a payment card number" in found.why
    assert "4111" not in json.dumps(found.evidence)


def test_a_changed_byte_and_a_changed_registration_are_named(tmp_path: Path) -> None:
    subject = copied(tmp_path)
    place = subject.folder / "threshold.json"
    before = place.read_bytes()
    place.write_bytes(before.replace(b"0.", b"1.", 1))
    found = answer(subject, IDENTITY)
    assert found.status == "failed"
    assert "threshold.json: the content differs from what was packed" in found.why
    place.write_bytes(before)
    assert answer(subject, IDENTITY).status == "passed"
    client = mlflow.MlflowClient(tracking_uri=subject.place.registry_uri, registry_uri=subject.place.registry_uri)
    client.set_model_version_tag("lender", "1", "holdfast.model_hash", "f" * 64)
    found = answer(subject, IDENTITY)
    assert found.status == "failed"
    assert "version 1 is registered with model_hash ffff" in found.why


def test_another_signature_in_mlflow_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    narrower = replace(clean().bundle.contract, features=clean().bundle.contract.features[:-1])
    monkeypatch.setattr(security_identity, "signature", lambda _: signature(narrower))
    found = answer(clean(), IDENTITY)
    assert found.status == "failed"
    assert "its signature is not the contract's: 5 named there, 4 here" in found.why


def test_a_file_that_has_no_place_is_named(tmp_path: Path) -> None:
    subject = copied(tmp_path)
    (subject.folder / "model.pkl").write_bytes(pickle.dumps([1]))
    (subject.folder / "code").mkdir()
    (subject.folder / "code" / "run.py").write_text("#!/bin/sh\n")
    (subject.folder / "beside.md").symlink_to("/etc/hostname")
    found = answer(subject, CONTENT)
    assert found.status == "failed"
    for told in ("model.pkl: no file of a bundle", "model.pkl: a pickle", "code/run.py: a script", "beside.md: a link"):
        assert told in found.why


def test_a_loader_that_takes_what_is_poisoned_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with a loader that verifies nothing, or that unpickles, the check fails."""
    monkeypatch.setattr(security_content, "load", lambda copy, expect: None)
    found = answer(clean(), CONTENT)
    assert found.status == "failed"
    assert "a copy with a pickle beside the model was opened" in found.why
    assert found.why.count("was opened") == len(security_content.POISONS)

    def careless(copy: Path, expect: str) -> None:
        if (copy / "model.pkl").is_file():
            pickle.loads((copy / "model.pkl").read_bytes())
        load(copy, expect=expect)

    monkeypatch.setattr(security_content, "load", careless)
    found = answer(clean(), CONTENT)
    assert found.status == "failed"
    assert "a payload ran" in found.why

    def refuses(copy: Path, expect: str) -> None:
        raise HoldfastError("no")

    monkeypatch.setattr(security_content, "load", refuses)
    assert "so that refusing shows nothing" in answer(clean(), CONTENT).why


def test_a_model_that_a_hundredth_turns_is_found_and_the_field_named() -> None:
    sound = clean()
    fragile = replace(sound, bundle=cast(Bundle, Fragile(sound.bundle)))
    found = answer(fragile, ADVERSARIAL)
    assert found.status == "failed"
    assert found.evidence["turned"]["value"] > 0.4
    assert "begin with amount" in found.mend
    assert answer(sound, ADVERSARIAL).evidence["turned"]["value"] < 0.2


def test_only_what_an_applicant_can_change_is_moved_and_only_the_way_they_can() -> None:
    found = answer(clean(), ADVERSARIAL)
    assert found.evidence["fields"] == ["amount", "months"]
    assert found.evidence["fields_are"] == "marked as changeable"
    assert set(found.evidence["steps"][1]["by_field"]) == {"amount", "months"}
    # A hundredth of 72 months is no month.
    assert found.evidence["steps"][0]["too_coarse"] == ["months"]


def _advisory(package: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    item = {
        "package": {"ecosystem": "PyPI", "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    return {
        "id": f"TEST-{package}",
        "modified": "2026-01-01T00:00:00Z",
        "summary": "it leaks",
        "affected": [item],
        **more,
    }


def test_ranges_are_read_as_osv_means_them() -> None:
    twice = _advisory("a", {"introduced": "2.0.0"}, {"fixed": "2.0.6"}, {"introduced": "0"}, {"fixed": "1.26.17"})
    (item,) = twice["affected"]
    told = {
        version: affected(item, version)
        for version in ("0.1a1", "1.26.16", "1.26.17", "1.30", "2.0.0", "2.0.5", "2.0.6")
    }
    assert [version for version, hit in told.items() if hit] == ["0.1a1", "1.26.16", "2.0.0", "2.0.5"]
    last = {
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1"}, {"last_affected": "1.5"}]}],
        "versions": ["odd"],
    }
    assert [affected(last, version) for version in ("0.9", "1.5", "1.5.1", "odd", "odder")] == [
        False,
        True,
        False,
        True,
        False,
    ]
    known = Advisories(
        date(2026, 1, 1), "test", (twice, _advisory("gone", {"introduced": "0"}, withdrawn="2026-01-02"))
    )
    assert [hit.package for hit in hits(known, {"A": "2.0.1", "gone": "1"})] == ["A"]


def test_the_advisories_that_come_along_are_real_in_form_and_say_their_date() -> None:
    shipped = read()
    assert len(shipped.records) > 5
    assert shipped.day <= datetime.now(UTC).date()
    for record in shipped.records:
        (item,) = record["affected"]
        fixed = item["ranges"][0]["events"][-1]["fixed"]
        assert record["id"].startswith("PYSEC-")
        assert any(alias.startswith("CVE-") for alias in record["aliases"])
        assert not affected(item, fixed)


def test_a_package_with_a_weakness_fails_and_one_that_is_not_used_is_told(tmp_path: Path) -> None:
    subject = copied(tmp_path)
    lock = locked((subject.folder / "environment.lock").read_text())
    assert {"numpy", "mlflow", "holdfast"} <= used(lock)
    assert "pytest" not in used(lock)
    records = [_advisory("numpy", {"introduced": "0"}, {"fixed": "99"}), _advisory("pytest", {"introduced": "0"})]
    told = subject.place.folder / "osv.json"
    told.write_text(json.dumps({"date": "2026-11-01", "source": "test", "advisories": records}))
    found = answer(subject, DEPENDENCIES, Limits(advisories="osv.json"))
    assert found.status == "failed"
    assert f"numpy {lock['numpy']}: TEST-numpy, it leaks" in found.why
    assert "numpy>=99" in found.mend
    assert [hit["package"] for hit in found.evidence["beside"]] == ["pytest"]
    folder = subject.place.folder / "osv"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps(records[1]))
    with zipfile.ZipFile(subject.place.folder / "all.zip", "w") as archive:
        archive.write(folder / "one.json", "TEST-pytest.json")
    for form in ("osv", "all.zip"):
        found = answer(subject, DEPENDENCIES, Limits(advisories=form))
        assert (found.status, found.evidence["date"]) == ("passed", "2026-01-01")
        assert "installed beside, and not used: pytest" in found.why


def test_old_advisories_are_told_and_unreadable_ones_are_no_pass(tmp_path: Path) -> None:
    subject = copied(tmp_path)
    assert answer(subject, FRESH).status == "failed"
    assert FRESH.severity == "advised"
    path = subject.place.folder / "osv.json"
    today = datetime.now(UTC).date().isoformat()
    path.write_text(json.dumps({"date": today, "source": "t", "advisories": [_advisory("a", {"introduced": "0"})]}))
    assert answer(subject, FRESH, Limits(advisories="osv.json")).status == "passed"
    for text in ("{}", "[", json.dumps({"date": today, "source": "t", "advisories": []})):
        path.write_text(text)
        assert answer(subject, DEPENDENCIES, Limits(advisories="osv.json")).status == "crashed"


def test_a_whole_version_with_card_numbers_as_a_feature_is_refused(tmp_path: Path) -> None:
    """Through training: the numbers are in rows, profile and golden rows."""
    data = loans(2_000)
    chance = np.random.default_rng(2)
    months: list[int] = []
    while len(months) < data.num_rows:
        digits = "45" + "".join(map(str, chance.integers(0, 10, 13)))
        last = next(str(at) for at in range(10) if luhn(digits + str(at)))
        months.append(int(digits + last))
    at = data.column_names.index("months")
    contract = CONTRACT.replace('integer(at_least=1, at_most=120, changeable="up")', "integer(at_least=1)").replace(
        '"rate": feature', '"months": loans.months,\n        "rate": feature'
    )
    project = make(tmp_path / "cards", data.set_column(at, "months", [months]), contract)
    found = answer(subject_of(project, "1"), PERSONAL)
    assert found.status == "failed"
    assert "months: its values are payment card numbers" in found.why
