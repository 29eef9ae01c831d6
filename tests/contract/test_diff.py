from __future__ import annotations

from dataclasses import replace

import pytest
from tests import zoo

from holdfast.contract import Contract, Events, category, days, decimal, feature, hours, integer, text, timestamp
from holdfast.contract.diff import Change, diff, series_words
from holdfast.contract.model import Contract as Frozen
from holdfast.contract.model import Zone
from holdfast.features.plan import plan


def contract(
    *,
    over: int = 7,
    at_most: int = 100,
    values: tuple[str, ...] = ("a", "b"),
    known: int = 7,
    owner: str = "",
    std: bool = False,
    extra: bool = False,
    description: str = "",
    lag: int = 0,
    zone: str = "Europe/Berlin",
) -> Frozen:
    events = Events(
        "payments",
        id="id",
        time="at",
        lag=hours(lag),
        fields={
            "id": text(),
            "at": timestamp(),
            "card": text(),
            "amount": decimal(scale=2, at_most=at_most),
            "kind": category(*values),
            **({"extra": integer()} if extra else {}),
        },
    )
    label = events.label("fraud", known_after=days(known))
    card = events.per("card")
    return Contract(
        "c",
        decide_on=events,
        label=label,
        description=description,
        features={
            "amount": feature(events.amount, owner=owner),
            "kind": events.kind,
            "hour": events.at.hour(zone=zone),
            "count": card.count(over=days(over)),
            "usual": card.mean(events.amount, over=days(over)),
            **({"spread": card.std(events.amount, over=days(1))} if std else {}),
            **({"extra": card.sum(events.extra, over=days(1), where=events.kind == "a")} if extra else {}),
        },
    ).freeze()


def told(old: Frozen, new: Frozen) -> list[str]:
    return [str(change) for change in diff(old, new)]


def test_equal_contracts_do_not_differ() -> None:
    assert diff(contract(), contract()) == []


def test_a_longer_window_needs_no_new_state() -> None:
    changes = diff(contract(), contract(over=30))
    assert [(item.part, item.name, item.how) for item in changes] == [
        ("feature", "count", "changed"),
        ("feature", "usual", "changed"),
    ]
    assert changes[0].words == (
        'was payments.per("card").count(over=days(7)), is payments.per("card").count(over=days(30))',
    )
    assert all(item.new_state == () for item in changes)


def test_a_field_rule_changes_the_field_and_the_state_it_feeds() -> None:
    changes = diff(contract(), contract(at_most=200))
    assert changes == [
        Change("field", "payments.amount", "changed", ("at_most was 100, is 200",)),
        Change("feature", "usual", "changed", (), ("sums of payments.amount per card",)),
    ]


def test_a_new_feature_says_what_it_is_and_what_it_needs() -> None:
    changes = diff(contract(), contract(extra=True))
    assert str(changes[0]) == "field payments.extra added"
    assert str(changes[1]) == (
        "feature extra added: is "
        'payments.per("card").sum(payments.extra, over=days(1), where=payments.kind == "a") '
        '[new state: sums of payments.extra per card where payments.kind == "a"]'
    )
    assert told(contract(extra=True), contract()) == ["field payments.extra removed", "feature extra removed"]


def test_squares_are_new_state_for_whatever_shares_the_sums() -> None:
    changes = diff(contract(), contract(std=True))
    assert [(item.name, item.new_state) for item in changes] == [
        ("usual", ("sums of payments.amount per card with squares",)),
        ("spread", ("sums of payments.amount per card with squares",)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (contract(), contract(values=("a", "b", "c")), "field payments.kind changed: now takes c"),
        (
            contract(),
            contract(values=("c", "b")),
            "field payments.kind changed: no longer takes a; now takes c; its values have other codes",
        ),
        (contract(), contract(known=3), "label payments.fraud changed: known_after was days(7), is days(3)"),
        (contract(), contract(owner="me"), "feature amount changed: owner was nothing, is me"),
        (contract(), contract(description="x"), "contract c changed: the description '' is now 'x'"),
        (contract(), contract(lag=2), "source payments changed: lag was days(0), is hours(2)"),
        (contract(), contract(zone="Asia/Tokyo"), "zone Asia/Tokyo added"),
    ],
)
def test_each_change_is_told_in_words(old: Frozen, new: Frozen, words: str) -> None:
    assert words in told(old, new)


def test_nothing_that_differs_goes_untold() -> None:
    whole = zoo.everything_contract()
    first, second, *rest = whole.features
    others = [
        replace(whole, features=(second, first, *rest)),
        replace(whole, labels=tuple(reversed(whole.labels))),
        replace(whole, zones=(Zone("Europe/Berlin", (), (3_600,)), *whole.zones[1:])),
        replace(whole, sources=tuple(reversed(whole.sources))),
        replace(whole, aggregates=tuple(reversed(whole.aggregates))),
        replace(whole, positive="other"),
        replace(whole, features=whole.features[1:]),
    ]
    for source in whole.sources:
        for i, field in enumerate(source.fields):
            odd = replace(field, description="other", max_length=7, unit="x")
            sources = tuple(
                replace(item, fields=(*item.fields[:i], odd, *item.fields[i + 1 :])) if item is source else item
                for item in whole.sources
            )
            others.append(replace(whole, sources=sources))
    for other in others:
        assert told(whole, other)
    assert len({tuple(told(whole, other)) for other in others}) > 20


@pytest.mark.parametrize("make", [zoo.cards_contract, zoo.everything_contract, contract, lambda: contract(std=True)])
def test_the_series_told_are_those_the_plan_keeps(make: object) -> None:
    frozen = make()  # type: ignore[operator]  # a function that makes a contract
    assert len(series_words(frozen)) == len(plan(frozen).series)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (contract(), contract(at_most=3)),
        (contract(), contract(std=True)),
        (contract(), contract(extra=True)),
        (contract(values=("a", "b")), contract(values=("a", "c"), extra=True)),
        (contract(extra=True), contract(extra=True, values=("a", "b", "c"))),
        (contract(), contract(known=3, lag=4, over=2)),
        (zoo.cards_contract(), zoo.everything_contract()),
    ],
)
def test_new_state_is_told_exactly_where_the_plan_has_new_series(old: Frozen, new: Frozen) -> None:
    planned = {item.key for item in plan(new).series} - {item.key for item in plan(old).series}
    assert len(series_words(new).keys() - series_words(old).keys()) == len(planned)
