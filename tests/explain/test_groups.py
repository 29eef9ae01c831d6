"""Which features are explained together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.explain.made import contract
from tests.zoo import cards_contract, everything_contract, fraud_contract

from holdfast.contract import Contract, Events, days, decimal, feature, load_file, text, timestamp
from holdfast.contract.model import Contract as Frozen
from holdfast.explain.groups import groups_of

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "src" / "holdfast" / "templates"


def _named(frozen: Frozen) -> dict[str, list[str]]:
    return {group.name: [frozen.features[at].name for at in group.members] for group in groups_of(frozen)}


def test_windows_over_one_history_are_one_group_and_so_is_what_is_compared_with_it() -> None:
    assert _named(cards_contract()) == {
        "amount": ["amount"],
        "occurred_at": ["at_night", "at_weekend"],
        "payments per customer_id": ["customer_payments_1d", "customer_payments_7d", "customer_payments_30d"],
        "payments.amount per customer_id": [
            "customer_amount_1d", "customer_amount_7d", "customer_amount_30d", "amount_to_usual",
        ],
        "payments per terminal_id": ["terminal_payments_1d", "terminal_payments_7d", "terminal_payments_30d"],
        "payments.is_fraud per terminal_id": ["terminal_risk_1d", "terminal_risk_7d", "terminal_risk_30d"],
    }  # fmt: skip


def test_an_author_may_name_a_group_and_ratios_of_the_same_fields_are_no_chain() -> None:
    named = _named(contract())
    assert named["affordability"] == ["instalment_to_income", "amount_to_income"]
    assert named["income"] == ["income"]
    credit = _named(load_file(TEMPLATES / "credit" / "contract.py"))
    assert credit["credit_to_income"] == ["credit_to_income"]
    assert credit["income"] == ["income"]


@pytest.mark.parametrize("frozen", [fraud_contract(), cards_contract(), everything_contract(), contract()])
def test_every_feature_is_in_exactly_one_group_and_every_name_stands_for_one(frozen: Frozen) -> None:
    groups = groups_of(frozen)
    assert sorted(at for group in groups for at in group.members) == list(range(len(frozen.features)))
    assert len({group.name for group in groups}) == len(groups)
    assert [group.members[0] for group in groups] == sorted(group.members[0] for group in groups)


def test_an_authors_name_that_is_a_features_too_leaves_two_names() -> None:
    events = Events(
        "sales", id="i", time="t", fields={"i": text(), "t": timestamp(), "a": decimal(scale=2), "b": decimal(scale=2)}
    )
    frozen = Contract(
        "sales",
        decide_on=events,
        label=events.label("bad", known_after=days(1)),
        features={"a": events.a, "b": feature(events.b, group="a")},
    ).freeze()
    assert [group.name for group in groups_of(frozen)] == ["a (a)", "a (b)"]


def test_groups_do_not_depend_on_the_process() -> None:
    script = (
        "from tests.zoo import everything_contract as e; from holdfast.explain.groups import groups_of as g;"
        "print(g(e()))"
    )
    told = []
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        ran = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        told.append(ran.stdout)
    assert told[0] == told[1] == told[2]
    assert "payments.amount per card_id" in told[0]
