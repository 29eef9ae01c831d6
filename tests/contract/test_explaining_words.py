"""The words for explaining: `group=` of a feature, `changeable=` of a field."""

from __future__ import annotations

from typing import Any

import pytest
from tests.zoo import fraud_contract

from holdfast.contract import (
    Contract,
    Events,
    boolean,
    category,
    days,
    decimal,
    feature,
    integer,
    real,
    text,
    timestamp,
)
from holdfast.contract.diff import diff
from holdfast.contract.model import Contract as Frozen
from holdfast.contract.model import contract_from
from holdfast.contract.yaml import show
from holdfast.errors import HoldfastError
from holdfast.features.plan import plan


def _loans(group: str = "", **marks: Any) -> Frozen:
    loans = Events(
        "loans",
        id="loan_id",
        time="asked_at",
        fields={
            "loan_id": text(),
            "asked_at": timestamp(),
            "person_id": text(personal=True),
            "amount": decimal(scale=2, at_least=0, **marks.get("amount", {})),
            "months": integer(at_least=1, **marks.get("months", {})),
            "score": real(**marks.get("score", {})),
            "insured": boolean(**marks.get("insured", {})),
            "purpose": category("car", "home", **marks.get("purpose", {})),
        },
    )
    default = loans.label("default", known_after=days(90))
    return Contract(
        "loans",
        decide_on=loans,
        label=default,
        features={
            "amount": feature(loans.amount, group=group),
            "purpose": loans.purpose,
            "borrowed": loans.per("person_id").sum(loans.amount, over=days(365)),
        },
    ).freeze()


MARKS = {
    "amount": {"changeable": "down"},
    "months": {"changeable": "up"},
    "score": {"changeable": "any"},
    "insured": {"changeable": "any"},
    "purpose": {"changeable": "any"},
}


def test_a_contract_without_the_words_keeps_its_hash() -> None:
    assert "changeable" not in str(_loans().as_json())
    assert "group" not in str(_loans().as_json())
    assert fraud_contract().hash == "d6b43eea0e2638b5aed47abb9d601a76"


def test_both_words_are_frozen_read_back_and_shown() -> None:
    frozen = _loans("size", **MARKS)
    assert frozen != _loans()
    assert contract_from(frozen.as_json()) == frozen
    assert [field.changeable for field in frozen.deciding.fields] == ["", "", "", "down", "up", "any", "any", "any"]
    assert frozen.features[0].group == "size"
    page = show(frozen)
    assert "changeable: down" in page
    assert "group: size" in page


def test_marking_what_can_be_changed_needs_no_new_state() -> None:
    plainly, marked = _loans(), _loans("size", **MARKS)
    assert [item.key for item in plan(plainly).series] == [item.key for item in plan(marked).series]
    changes = diff(plainly, marked)
    assert not any(change.new_state for change in changes)
    told = "; ".join(str(change) for change in changes)
    assert "changeable was nothing, is down" in told
    assert "group was nothing, is size" in told


@pytest.mark.parametrize(
    ("marks", "what"),
    [
        ({"amount": {"changeable": "sideways"}}, "changeable='sideways' is unknown"),
        ({"purpose": {"changeable": "up"}}, "changeable='up' is unknown"),
        ({"amount": {"changeable": "up", "protected": True}}, "nobody is told to change one"),
    ],
)
def test_a_mark_that_cannot_be_meant_is_refused(marks: dict[str, Any], what: str) -> None:
    with pytest.raises(HoldfastError, match=what):
        _loans(**marks)


@pytest.mark.parametrize("group", [" size", "x" * 101, 5])
def test_a_group_that_is_no_name_is_refused(group: Any) -> None:
    with pytest.raises(HoldfastError, match="is no name"):
        _loans(group)
