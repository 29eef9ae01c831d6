from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests import zoo

from holdfast import contract as language
from holdfast.contract import Contract, Expression, model
from holdfast.contract.freeze import feature
from holdfast.contract.model import canonical, contract_from
from holdfast.contract.words import duration_words, expression_words
from holdfast.contract.yaml import review, show, to_yaml

ZOO = (zoo.fraud_contract, zoo.cards_contract, zoo.everything_contract)
GOLDEN = Path(__file__).parent / "everything.json"


def test_a_contract_of_every_construct_freezes_to_the_golden_json() -> None:
    """To renew it on purpose: write `canonical(everything_contract().as_json())` there, with a new FORMAT if needed."""
    golden = GOLDEN.read_bytes().rstrip(b"\n")
    assert canonical(zoo.everything_contract().as_json()) == golden
    restored = contract_from(json.loads(golden))
    assert restored == zoo.everything_contract()
    assert restored.hash == hashlib.blake2b(golden, digest_size=16).hexdigest()


@pytest.mark.parametrize("make", ZOO)
def test_a_frozen_contract_survives_json(make: object) -> None:
    frozen = make()  # type: ignore[operator]  # a function of the zoo
    restored = contract_from(json.loads(json.dumps(frozen.as_json())))
    assert restored == frozen
    assert restored.hash == frozen.hash


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(ValueError, match="newer"):
        contract_from({**zoo.fraud_contract().as_json(), "format": model.FORMAT + 1})


def test_freezing_twice_gives_one_hash() -> None:
    assert zoo.everything().freeze().hash == zoo.everything().freeze().hash


def test_the_words_of_every_feature_are_the_language_again() -> None:
    """Each feature is written out, evaluated as a user would, and freezes to the same contract."""
    made = zoo.everything()
    frozen = made.freeze()
    logins = next(iter(_streams(made).values()))
    space = {name: getattr(language, name) for name in language.__all__}
    space |= {"payments": made.decide_on, "logins": logins}
    features: dict[str, Expression | object] = {}
    for item in frozen.features:
        expression = eval(expression_words(frozen, item.expr), dict(space))
        features[item.name] = feature(
            expression,
            description=item.description,
            owner=item.owner,
            unit=item.unit,
            at_least=item.at_least,
            at_most=item.at_most,
            max_null_share=item.max_null_share,
        )
    again = Contract(
        made.name,
        decide_on=made.decide_on,
        label=made.label,
        features=features,  # type: ignore[arg-type]  # evaluated text has no type
        description=made.description,
        positive=made.positive,
        probability=made.probability,
    ).freeze()
    for before, after in zip(frozen.features, again.features, strict=True):
        assert expression_words(frozen, before.expr) == expression_words(again, after.expr)
    assert again == frozen


def _streams(made: Contract) -> dict[str, language.Events]:
    """The streams other than the deciding one, by name, as Events again."""
    found: dict[str, language.Events] = {}
    for given_feature in made.features.values():
        expression = given_feature if isinstance(given_feature, Expression) else given_feature.expression
        for draft in expression.draft.walk():
            if draft.stream is not None and draft.stream.source.name != "payments":
                events = language.Events.__new__(language.Events)
                events._stream = draft.stream
                found[draft.stream.source.name] = events
    return found


@pytest.mark.parametrize("make", ZOO)
def test_the_yaml_says_what_the_review_holds(make: object) -> None:
    frozen = make()  # type: ignore[operator]  # a function of the zoo
    assert yaml.safe_load(show(frozen)) == review(frozen)
    assert list(yaml.safe_load(show(frozen))["features"]) == [item.name for item in frozen.features]


def test_the_yaml_tells_a_feature_whole() -> None:
    shown = yaml.safe_load(show(zoo.everything_contract()))["features"]
    assert shown["amount"]["expect"] == {"at_least": 0, "at_most": 50_000, "max_null_share": 0.01}
    assert shown["amount"]["owner"] == "payments team"
    assert shown["fraud_rate"] == {
        "is": 'payments.per("card_id").mean(payments.is_fraud, over=days(90), ending=days(7), at_least=2, '
        "otherwise=0.02)",
        "from": ["payments.card_id", "payments.is_fraud"],
        "lookback": "days(97)",
        "minimum_points": 2,
        "available": ["payments.is_fraud days(7) after its event, or when it arrives"],
        "fallback": 0.02,
    }


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["no", "Null", "1", "1e5", "- a", "a: b", "a #b", "", " a", "a ", "0x1", "1:30", "~", "=", "<<"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(_values)
def test_any_value_reads_back_from_its_yaml(value: object) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


def test_a_length_of_time_is_told_in_its_largest_unit() -> None:
    assert [duration_words(n * 1_000_000) for n in (604_800, 5_400, 90, 7)] == [
        "days(7)",
        "minutes(90)",
        "seconds(90)",
        "seconds(7)",
    ]
    assert duration_words(1) == "1 microseconds"
