"""What is claimed to turn a refusal turns it, when it is really applied and decided again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from tests.explain.made import THRESHOLD, bundle, contract, loan
from tests.serving.shop import promote

from holdfast.contract.model import Cell, Field
from holdfast.contract.values import canonical_body, parse_json, read_strict, to_json
from holdfast.explain.counterfactual import BUDGET, search
from holdfast.explain.steps import Move, moves_of
from holdfast.features.state.snapshot import Snapshot
from holdfast.features.state.state import State
from holdfast.ledger.records import Decision
from holdfast.serving.decide import Decider
from holdfast.serving.live import LiveSet, Version, compile_version
from holdfast.serving.whatif import cells_of, counterfactual, scorer
from holdfast.serving.wire import Limits

NOW = 1_700_000_000_000_000
ASKED = "2023-11-14T22:13:19Z"


@dataclass
class Office:
    """The real steps of a decision at one snapshot."""

    version: Version
    state: State
    snapshot: Snapshot

    def decide(self, body: dict[str, Any]) -> Decision:
        decider = Decider(lambda seq: None, Limits(), lambda: NOW)
        raw = read_strict(json.dumps(body).encode())
        decision, old = decider.decide(LiveSet.of(self.version), raw, canonical_body(raw), self.snapshot)
        assert not old
        return decision

    def turn(self, decision: Decision) -> dict[str, Any]:
        return counterfactual(self.version, decision, self.state, self.snapshot)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("office")
    made = bundle(home)
    promote(home, contract(), made.hash, "1")
    state = State.open(home / "state")
    try:
        with state.snapshot() as snapshot:
            yield Office(compile_version(made, "1"), state, snapshot)
    finally:
        state.close()


@pytest.fixture(scope="module")
def refused(office: Office) -> list[dict[str, Any]]:
    bodies = [loan(number, asked_at=ASKED) for number in range(500)]
    found = [body for body in bodies if office.decide(body).decision]
    assert len(found) > 150
    return found


def _applied(body: dict[str, Any], fields: Sequence[Field], cells: Sequence[Cell], changed: Sequence[int]) -> Any:
    return body | {fields[at].name: to_json(fields[at], cells[at]) for at in changed} | {"loan_id": "again"}


def test_every_claimed_change_flips_the_decision_when_it_is_decided_again(
    office: Office, refused: list[dict[str, Any]]
) -> None:
    fields = office.version.source.fields
    moves = moves_of(contract(), office.version.bundle.profile["features"])
    claimed = flipped = nearer = 0
    most = 0
    for body in refused:
        decision = office.decide(body)
        cells = cells_of(office.version, decision)
        assert cells is not None
        score = scorer(office.version, office.snapshot, decision.time)
        found = search(cells, fields, score, THRESHOLD, moves)
        most = max(most, found.tried)
        if found.cells is None:
            continue
        claimed += 1
        again = office.decide(_applied(body, fields, found.cells, found.changed))
        assert again.probability == found.probability
        flipped += not again.decision
        assert all(fields[at].changeable for at in found.changed)
        for at in found.changed:
            field, before, after = fields[at], cells[at], found.cells[at]
            assert parse_json(field, read_strict(json.dumps({"v": to_json(field, after)}).encode())["v"]) == (
                after, None,
            )  # fmt: skip
            if field.changeable in ("up", "down"):
                assert isinstance(before, int)
                assert isinstance(after, int)
                assert (after > before) is (field.changeable == "up")
        # One step back towards where it came from, and the refusal stands: nothing smaller was overlooked there.
        at = found.changed[0]
        if len(found.changed) == 1 and fields[at].type in ("integer", "decimal"):
            here, there = found.cells[at], cells[at]
            assert isinstance(here, int)
            assert isinstance(there, int)
            back = list(found.cells)
            back[at] = here + (1 if there > here else -1)
            if back[at] != there:
                nearer += 1
                assert office.decide(_applied(body, fields, back, found.changed)).decision
    print(f"{len(refused)} refused, {claimed} turned by a change, {flipped} flipped when applied; at most {most} tried")
    assert flipped == claimed
    assert claimed > 0.8 * len(refused)
    assert nearer > 50
    assert most <= BUDGET


def test_a_change_found_without_scoring_it_would_not_flip_them_all(
    office: Office, refused: list[dict[str, Any]]
) -> None:
    """The control: half of what is claimed is not enough, so that flipping says something."""
    fields = office.version.source.fields
    moves = moves_of(contract(), office.version.bundle.profile["features"])
    stands = tries = 0
    for body in refused[:80]:
        decision = office.decide(body)
        cells = cells_of(office.version, decision)
        assert cells is not None
        found = search(cells, fields, scorer(office.version, office.snapshot, decision.time), THRESHOLD, moves)
        if found.cells is None or any(fields[at].type not in ("integer", "decimal") for at in found.changed):
            continue
        half = list(cells)
        for at in found.changed:
            here, there = cells[at], found.cells[at]
            assert isinstance(here, int)
            assert isinstance(there, int)
            half[at] = here + (there - here) // 2
        tries += 1
        stands += office.decide(_applied(body, fields, half, found.changed)).decision
    assert tries > 20
    assert stands > 0.8 * tries


def test_the_search_is_the_same_every_time(office: Office, refused: list[dict[str, Any]]) -> None:
    for body in refused[:20]:
        decision = office.decide(body)
        assert office.turn(decision) == office.turn(decision)


def test_what_is_told_can_be_read_and_hides_what_is_personal(office: Office, refused: list[dict[str, Any]]) -> None:
    seen = set()
    for body in refused:
        told = office.turn(office.decide(body))
        if not told["found"]:
            continue
        assert told["state"] == "as decided"
        assert told["says"].endswith("then it would have been not_refuse")
        for change in told["changes"]:
            seen.add(change["field"])
            if change["field"] == "income":
                assert (change["from"], change["to"]) == ("***", "***")
                assert str(body["income"]) not in told["says"]
                assert change["by"] != 0
            elif change["field"] == "amount":
                assert change["to"] < change["from"] == body["amount"]
    assert seen >= {"amount", "income"}


def test_nothing_needs_to_change_where_nothing_was_refused(office: Office) -> None:
    decision = next(item for number in range(500) if not (item := office.decide(loan(number, asked_at=ASKED))).decision)
    told = office.turn(decision)
    assert (told["found"], told["says"]) == (False, "the decision is not_refuse already: nothing needs to change")


def test_a_contract_that_marks_nothing_says_so(office: Office, refused: list[dict[str, Any]]) -> None:
    from dataclasses import replace

    plain = tuple(replace(field, changeable="") for field in office.version.source.fields)
    version = replace(office.version, source=replace(office.version.source, fields=plain))
    told = counterfactual(version, office.decide(refused[0]), office.state, office.snapshot)
    assert (told["found"], told["says"]) == (False, "the contract marks no field as changeable")


def _toy() -> tuple[tuple[Field, ...], list[Cell]]:
    fields = (
        Field("kind", "category", values=("a", "b", "c"), changeable="any"),
        Field("flag", "boolean", changeable="any"),
        Field("fixed", "integer"),
    )
    return fields, [2, 0, 7]


def test_where_all_can_be_tried_none_means_that_there_is_none() -> None:
    fields, cells = _toy()
    found = search(cells, fields, lambda _: 0.9, 0.5, {})
    assert (found.cells, found.complete, found.tried) == (None, True, 5)


def test_of_all_combinations_the_one_with_the_fewest_fields_is_told() -> None:
    fields, cells = _toy()

    def probability(made: Sequence[Cell]) -> float:
        return 0.1 if made[0] == 4 or (made[0] == 3 and made[1] == 1) else 0.9

    found = search(cells, fields, probability, 0.5, {})
    assert found.cells == (4, 0, 7)
    both = search(cells, fields, lambda made: 0.1 if made[0] == 3 and made[1] == 1 else 0.9, 0.5, {})
    assert both.cells == (3, 1, 7)
    assert both.changed == (0, 1)


def test_numbers_are_searched_to_the_last_unit_of_their_scale_and_no_further_than_their_bounds() -> None:
    field = Field("amount", "decimal", scale=2, at_least="10", at_most="1000", changeable="down")
    usual = {"amount": Move((1_000.0, 20_000.0, 100_000.0), 50_000.0)}

    def probability(made: Sequence[Cell]) -> float:
        assert isinstance(made[0], int)
        assert 1_000 <= made[0] <= 100_000
        return 0.9 if made[0] > 34_567 else 0.1

    found = search([90_000], [field], probability, 0.5, usual)
    assert found.cells == (34_567,)
    barred = search([90_000], [field], lambda made: 0.9, 0.5, usual)
    assert (barred.cells, barred.complete) == (None, False)


def test_two_numbers_are_moved_together_where_one_is_not_enough() -> None:
    fields = [Field(name, "integer", at_least="0", at_most="100", changeable="any") for name in ("x", "y")]

    def probability(made: Sequence[Cell]) -> float:
        x, y = made
        assert isinstance(x, int)
        assert isinstance(y, int)
        return 1.0 - (min(x, 60) + min(y, 60)) / 200

    found = search([10, 10], fields, probability, 0.5, {})
    assert found.cells is not None
    assert found.changed == (0, 1)
    assert probability(found.cells) < 0.5
    x, y = found.cells
    assert isinstance(x, int)
    assert isinstance(y, int)
    assert probability((x - 1, y)) >= 0.5
    assert probability((x, y - 1)) >= 0.5


def test_the_budget_holds_whatever_the_function() -> None:
    fields = [Field(f"f{at}", "integer", at_least="0", at_most="1000", changeable="any") for at in range(30)]
    random = np.random.default_rng(1)
    table = {key: float(random.uniform(0.6, 1.0)) for key in product(range(30), range(1001))}
    found = search(
        [500] * 30, fields, lambda made: min(table[at, int(cell or 0)] for at, cell in enumerate(made)), 0.5, {}
    )
    assert found.cells is None
    assert not found.complete
    assert found.tried <= BUDGET
