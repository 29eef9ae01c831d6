from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests import zoo

import holdfast.contract as language
from holdfast.contract import (
    Contract,
    Duration,
    Events,
    Expression,
    days,
    decimal,
    hours,
    integer,
    load_file,
    text,
    timestamp,
    when,
)
from holdfast.contract.model import Node


def small() -> tuple[Events, Expression]:
    events = Events(
        "e", id="id", time="at", fields={"id": text(), "at": timestamp(), "n": integer(), "label": integer()}
    )
    return events, events.label("y", known_after=days(1))


def frozen_node(expression: Expression) -> Node:
    events, _ = small()
    label = events.label("z", known_after=days(1))
    return Contract("c", decide_on=events, label=label, features={"f": expression}).freeze().features[0].expr


def test_the_public_words_are_these() -> None:
    assert len(language.__all__) == 24
    assert all(getattr(language, word) is not None for word in language.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'decimall'"):
        _ = language.decimall  # type: ignore[attr-defined]  # what a typo does


def test_reading_a_frozen_contract_never_loads_the_language() -> None:
    code = "import sys, holdfast.contract.values; print('holdfast.contract.events' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_the_contract_room_imports_the_standard_library_and_errors_only() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import holdfast.contract.reference, holdfast.contract.yaml, holdfast.contract.diff\n"
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(name for name in names - set(sys.stdlib_module_names) if not name.startswith('_sysconfig')))\n"
        "print(sorted(n for n in sys.modules if n.startswith('holdfast.') and not n.startswith('holdfast.contract')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["['holdfast']", "['holdfast.errors']"]


def test_a_field_is_reached_by_attribute_and_by_name() -> None:
    events, _ = small()
    assert frozen_node(events.n) == frozen_node(events["n"])
    assert frozen_node(events["label"])["name"] == "label"
    assert dict(zoo.everything().decide_on["count"].draft.params)["name"] == "count"


def test_one_constant_has_one_form() -> None:
    events, _ = small()
    assert frozen_node(events.n + 1.0) == frozen_node(events.n + 1)
    assert frozen_node(events.n + -0.0) == frozen_node(events.n + 0)
    assert frozen_node(events.n < 2) == frozen_node(events.n < 2)


def test_a_choice_is_a_chain_of_ifs() -> None:
    events, _ = small()
    node = frozen_node(when(events.n > 2, 2).when(events.n > 1, 1).otherwise(0))
    assert (node.op, node.args[2].op, node.args[2].args[2]["value"]) == ("if", "if", 0)


def test_equal_aggregates_are_one() -> None:
    events, _ = small()
    label = events.label("z", known_after=days(1))
    per = events.per("id")
    features = {"a": per.count(over=days(1)), "b": per.count(over=hours(24)) * 2, "c": per.count(over=hours(23))}
    frozen = Contract("c", decide_on=events, label=label, features=features).freeze()
    assert len(frozen.aggregates) == 2


def test_lengths_of_time_add_and_multiply() -> None:
    assert days(1) + hours(12) == Duration(36 * 3_600 * 1_000_000)
    assert 2 * days(7) == days(14) == days(7) * 2


def test_a_feature_knows_what_it_comes_from() -> None:
    features = {item.name: item.derived_from for item in zoo.everything_contract().features}
    assert features["to_usual"] == ("payments.amount", "payments.card_id")
    assert features["fraud_rate"] == ("payments.card_id", "payments.is_fraud")
    assert features["count_large"] == ("payments.card_id", "payments.amount", "payments.recurring")
    assert features["failed_as_of"] == ("logins.card", "logins.channel", "logins.failed", "logins.speed")


def test_only_the_sources_and_zones_in_use_are_frozen() -> None:
    frozen = zoo.everything_contract()
    assert [source.name for source in frozen.sources] == ["payments", "logins"]
    assert [zone.name for zone in frozen.zones] == ["Asia/Kolkata", "Europe/Berlin"]
    calendar = frozen.source("payments").field("local_time").calendar
    assert calendar is not None
    assert calendar.name == "America/New_York"


def test_a_contract_file_is_loaded_by_path(tmp_path: Path) -> None:
    file = tmp_path / "contract.py"
    file.write_text(
        '"""What the model may know."""\n'
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from holdfast.contract import Contract, Events, days, decimal, text, timestamp\n"
        "@dataclass(frozen=True)\n"
        "class Limits:\n"
        "    top: int = 50_000\n"
        'events = Events("payments", id="id", time="at", fields={"id": text(), "at": timestamp(),\n'
        '    "amount": decimal(scale=2, at_most=Limits().top)})\n'
        'fraud = events.label("is_fraud", known_after=days(7))\n'
        'contract = Contract("fraud", decide_on=events, label=fraud, features={"amount": events.amount})\n',
        encoding="utf-8",
    )
    frozen = load_file(file)
    assert frozen.hash == load_file(str(file)).hash
    assert (frozen.positive, frozen.probability) == ("is_fraud", "fraud_probability")
    assert frozen.target.known_after == days(7).microseconds


def test_a_scale_is_kept_with_exact_bounds() -> None:
    spec = decimal(scale=2, above="0.10", at_most=1e3)
    assert (spec.field.above, spec.field.at_most) == ("0.10", "1000.0")
