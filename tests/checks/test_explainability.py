"""Explanations: a clean version passes; what does not add up, flickers, shows codes or is not measured is named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tests.checks.lender import CONTRACT, answer, asked, clean
from tests.checks.unsound import With, flickering

from holdfast.bundle.bundle import Bundle
from holdfast.checks import explainability_words
from holdfast.checks.card import made
from holdfast.checks.check import failed
from holdfast.checks.compliance_fairness import CHECK as FAIRNESS
from holdfast.checks.explainability_card import CHECK as CARD
from holdfast.checks.explainability_complete import CHECK as COMPLETE
from holdfast.checks.explainability_stable import CHECK as STABLE
from holdfast.checks.explainability_words import CHECK as WORDS
from holdfast.checks.explainability_words import DESCRIBED
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.contract import load_file
from holdfast.explain.words import compile_reason


@pytest.mark.parametrize("check", [COMPLETE, STABLE, WORDS, CARD, DESCRIBED], ids=lambda item: item.code)
def test_a_clean_version_passes(check: Any) -> None:
    found = answer(clean(), check)
    assert (found.status, found.why) == ("passed", found.why)
    assert found.evidence


def explained(contributions: Any) -> Subject:
    return replace(
        clean(),
        bundle=cast(
            Bundle, With(clean().bundle, predictor=With(clean().bundle.predictor, contributions=contributions))
        ),
    )


def test_contributions_that_do_not_add_up_are_named_with_their_rows() -> None:
    real = clean().bundle.predictor.contributions
    found = answer(explained(lambda row: [part * 1.0001 for part in real(row)]), COMPLETE)
    assert found.status == "failed"
    assert "300 of 300 explanations do not add up" in found.why
    assert re.fullmatch(r"l\d{5}", found.evidence["not_adding_up"][0])
    left_out = answer(explained(lambda row: [0.0, *real(row)[1:]]), COMPLETE)
    assert left_out.status == "failed"
    broken = answer(explained(lambda row: [float("nan")] * 5), COMPLETE)
    assert broken.status == "failed"


def test_a_refusal_without_a_reason_is_named() -> None:
    reference = clean().bundle.reference
    assert reference is not None
    none = replace(reference, contributions=tuple(99.0 for _ in reference.contributions))
    found = answer(replace(clean(), bundle=cast(Bundle, With(clean().bundle, reference=none))), COMPLETE)
    assert found.status == "failed"
    assert re.search(r"\d+ of \d+ refusals have no reason", found.why)
    assert found.evidence["without_reason"]


def test_a_first_reason_that_a_cent_turns_is_found() -> None:
    found = answer(explained(flickering), STABLE)
    assert found.status == "failed"
    assert found.evidence["kept"]["a_cent"]["value"] < 0.6
    assert found.evidence["kept"]["a_minute"]["value"] == 1.0
    assert found.mend


def test_a_first_reason_that_is_another_each_time_is_found() -> None:
    subject = clean()
    calls = iter(range(100_000))

    def by_turns(row: Any) -> list[float]:
        parts = [0.1] * len(row)
        parts[next(calls) // 7 % 3] = 3.0
        return parts

    found = answer(
        replace(
            subject,
            bundle=cast(Bundle, With(clean().bundle, predictor=With(clean().bundle.predictor, contributions=by_turns))),
        ),
        STABLE,
    )
    assert found.status == "failed"


def with_contract(tmp_path: Path, change: Any) -> Subject:
    """The clean version under a contract that says otherwise what its features are."""
    text = change(CONTRACT)
    assert text != CONTRACT
    (tmp_path / "contract.py").write_text(text)
    frozen = load_file(tmp_path / "contract.py")
    subject = replace(clean(), bundle=cast(Bundle, With(clean().bundle, contract=frozen)))
    subject.__dict__["rows"] = clean().rows
    subject.__dict__["split"] = clean().split
    return subject


def test_a_code_in_a_reason_is_named(tmp_path: Path) -> None:
    shorter = with_contract(tmp_path, lambda text: text.replace('category("car", "home", "other")', 'category("car")'))
    found = answer(shorter, WORDS)
    assert found.status == "failed"
    assert "purpose: a reason shows a code: what it is for: code 3" in found.why


def test_a_columns_name_and_a_personal_value_in_a_reason_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = compile_reason

    def raw(contract: Any, feature: Any, usual: Any) -> Any:
        return lambda value: f"{feature.name}: {value}"

    monkeypatch.setattr(explainability_words, "compile_reason", raw)
    found = answer(clean(), WORDS)
    assert found.status == "failed"
    assert "asked_before: a reason shows the column's name" in found.why
    personal = with_contract(
        tmp_path, lambda text: text.replace('"income": decimal(', '"income": decimal(personal=True, ')
    )
    monkeypatch.setattr(
        explainability_words,
        "compile_reason",
        lambda contract, feature, usual: lambda value: f"{feature.description}: {value}",
    )
    found = answer(personal, WORDS)
    assert found.status == "failed"
    assert found.why == "income: a reason shows what a personal field holds"
    monkeypatch.setattr(explainability_words, "compile_reason", real)
    assert answer(personal, WORDS).status == "passed"


def test_features_without_words_are_told_and_stop_nobody(tmp_path: Path) -> None:
    bare = with_contract(tmp_path, lambda text: text.replace(', description="amount asked for"', ""))
    (found,) = asked(bare, DESCRIBED)
    assert found.answer.status == "failed"
    assert found.answer.evidence["without_description"] == ["amount"]
    assert not found.stops


def test_the_card_says_what_was_measured_and_nothing_else() -> None:
    subject = clean()
    card = made(subject, Limits(use_case="credit"))
    text = card.markdown()
    assert card.missing == ()
    record = subject.bundle.manifest.training
    test = record["metrics"]["test"]["roc_auc"]
    for told in (
        f"{test['value']:.4f} ({test['low']:.4f} to {test['high']:.4f})",
        f"{subject.bundle.threshold.value:.6g}",
        subject.bundle.hash,
        record["data"]["content"],
        record["who"],
        record["when"],
        f"| positive | {record['confusion']['true_positive']:,} |",
        record["libraries"]["numpy"],
        "Whether a loan will not be paid back.",
        "| by sex | rows |",
        "| by sex and age | rows |",
    ):
        assert told in text
    by_sex = next(item for item in FAIRNESS.ask(subject, Limits()).evidence["groupings"] if item["by"] == "sex")
    for group in by_sex["groups"]:
        share = group["favourable"]
        assert f"{share['value']:.4f} ({share['low']:.4f} to {share['high']:.4f})" in text
    titles = re.findall(r"^## (.*)$", text, re.M)
    page = card.html()
    assert re.findall(r"<h3>(.*?)</h3>", page) == titles
    assert page.count("<table>") == page.count("</table>") == sum(len(item.tables) for item in card.sections)


def test_the_card_escapes_what_it_is_told(tmp_path: Path) -> None:
    hostile = with_contract(
        tmp_path, lambda text: text.replace("Whether a loan will not", "<script>alert(1)</script> | a\\nloan will not")
    )
    card = made(hostile, Limits())
    assert "<script>" not in card.html()
    assert "&lt;script&gt;" in card.html()


def test_a_card_without_a_figure_is_not_complete() -> None:
    training = dict(clean().bundle.manifest.training)

    def without(**changes: Any) -> Any:
        manifest = replace(clean().bundle.manifest, training=training | changes)
        subject = replace(clean(), bundle=cast(Bundle, With(clean().bundle, manifest=manifest)))
        subject.__dict__.update({name: getattr(clean(), name) for name in ("rows", "split", "settings", "records")})
        return answer(subject, CARD)

    bare = {part: {name: {**item, "low": None, "high": None} for name, item in found.items()}
            for part, found in training["metrics"].items()}  # fmt: skip
    found = without(metrics=bare)
    assert found.status == "failed"
    assert "intervals: trained with bootstrap = 0" in found.why
    nothing = {part: {name: item for name, item in found.items() if name != "brier"} for part, found in bare.items()}
    found = without(metrics=nothing)
    assert found.status == "failed"
    assert "the manifest does not say KeyError('brier')" in found.why
    nan = {**training["metrics"], "test": {**training["metrics"]["test"], "f1": {"value": np.nan, "low": 0, "high": 1}}}
    assert "no figure: | f1 |" in without(metrics=nan).why


def test_what_another_check_found_is_quoted_and_is_no_hole_in_the_card() -> None:
    extremes = replace(STABLE, code="GATE305", ask=lambda *_: failed("amount = nan is answered with nan", "narrow it"))
    beside = [FAIRNESS, COMPLETE, STABLE]
    assert answer(clean(), CARD, beside=[*beside, extremes]).status == "passed"


def test_a_check_that_crashed_leaves_a_hole_in_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> Any:
        raise ZeroDivisionError

    found = answer(clean(), CARD, beside=[replace(FAIRNESS, ask=crash), replace(COMPLETE, ask=crash)])
    assert found.status == "failed"
    assert "How groups fare: fairness (GATE701 crashed)" in found.why
    assert "whether explanations add up (GATE601 crashed)" in found.why
