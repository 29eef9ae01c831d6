"""Reasons in replies, in the ledger and in explanations, from a real server."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.explain.made import bundle, contract, loan
from tests.serving.shop import Server, promote, serving, stamp

from holdfast.explain.because import Because, Reason
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, decode, encode
from holdfast.ledger.replay import Difference, replay

MOMENT = stamp(timedelta(minutes=1))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("loans") / ".holdfast"
    promote(place, contract(), bundle(place).hash, "1")
    return place


@pytest.fixture(scope="module")
def office(home: Path) -> Iterator[Server]:
    with serving(home) as server:
        yield server


@pytest.fixture(scope="module")
def told(office: Server) -> list[dict[str, Any]]:
    """Two hundred answers."""
    return [office.post("/predict", at_once(number)).json() for number in range(200)]


def at_once(number: int, **changes: Any) -> dict[str, Any]:
    """A loan asked for at the one moment of this module."""
    return loan(number, asked_at=MOMENT, **changes)


def _refused(told: list[dict[str, Any]]) -> dict[str, Any]:
    return next(item for item in told if item["decision"])


def test_a_refusal_comes_with_its_reasons_and_an_approval_without(told: list[dict[str, Any]]) -> None:
    refused = [item for item in told if item["decision"]]
    assert 50 < len(refused) < 190
    for item in refused:
        assert 1 <= len(item["reasons"]) <= 4
        assert item["reasons_against"] == "approved"
        for reason in item["reasons"]:
            assert set(reason) == {"reason", "group", "feature", "contribution", "reference"}
            assert reason["contribution"] > reason["reference"]
    assert all("reasons" not in item for item in told if not item["decision"])


def test_a_retry_gets_the_same_reasons(office: Server, told: list[dict[str, Any]]) -> None:
    at = told.index(_refused(told))
    assert office.post("/predict", at_once(at)).json() == told[at]


def test_an_approval_is_told_what_spoke_for_it_when_that_is_asked_for(office: Server) -> None:
    replies = [office.post("/predict?reasons=2", loan(number)).json() for number in range(1_000, 1_040)]
    approved = [item for item in replies if not item["decision"]]
    assert approved
    for item in approved:
        assert len(item["reasons"]) <= 2
        assert all(reason["contribution"] < reason["reference"] for reason in item["reasons"])
    many = office.post("/predict?reasons=9", loan(1_041)).json()
    assert len(many["reasons"]) <= 4


def test_an_explanation_holds_the_reasons_as_told_the_population_and_groups_that_add_up(
    office: Server, told: list[dict[str, Any]]
) -> None:
    refused = _refused(told)
    found = office.post("/explain", {"prediction_id": refused["prediction_id"]}).json()
    assert found["reasons"] == refused["reasons"]
    assert found["reference"]["population"] == "approved"
    assert found["reference"]["says"].startswith("training rows decided not_refuse: means of 200 of ")
    for parts in ("groups", "contributions"):
        added = found["base_value"] + math.fsum(item["contribution"] for item in found[parts])
        assert math.isclose(added, found["score"], abs_tol=1e-9)
    apart = math.fsum(item["difference"] for item in found["groups"])
    assert math.isclose(apart, found["score"] - found["reference"]["score"], abs_tol=1e-9)
    assert {"affordability", "loans.amount per person_id"} <= {item["group"] for item in found["groups"]}


def test_no_personal_value_is_in_a_reply_or_an_explanation(office: Server, told: list[dict[str, Any]]) -> None:
    for number, item in enumerate(told[:40]):
        income = loan(number)["income"]
        answer = office.post("/explain?counterfactual=1&lime=1", {"prediction_id": item["prediction_id"]})
        for text in (json.dumps(item), answer.text):
            assert f"{income}" not in text
            assert f"{income:,.2f}" not in text
        masked = {part["feature"]: part["value"] for part in answer.json()["contributions"]}
        assert masked["income"] == masked["amount_to_income"] == "***"
        assert masked["amount"] == loan(number)["amount"]


def test_a_counterfactual_flips_the_decision_when_it_is_really_asked(
    office: Server, told: list[dict[str, Any]]
) -> None:
    claimed = flipped = 0
    for number, item in enumerate(told):
        if not item["decision"]:
            assert number > 20 or not _turned(office, item)["found"]
            continue
        turned = _turned(office, item)
        if not turned["found"] or any(change["to"] == "***" for change in turned["changes"]):
            continue
        claimed += 1
        changes = {change["field"]: change["to"] for change in turned["changes"]}
        # At the same moment: a later application sees the refused one among what came before it.
        again = office.post("/predict", at_once(number, loan_id=f"again-{number}", **changes)).json()
        flipped += again["decision"] is False
    print(f"{claimed} claimed, {flipped} flipped")
    assert flipped == claimed
    assert claimed > 20


def _turned(office: Server, item: dict[str, Any]) -> dict[str, Any]:
    found = office.post("/explain?counterfactual=1", {"prediction_id": item["prediction_id"]}).json()
    turned: dict[str, Any] = found["counterfactual"]
    return turned


def test_a_body_is_explained_with_all_that_is_asked_for(office: Server) -> None:
    found = office.post("/explain?counterfactual=1&lime=1&seed=3", loan(7, loan_id="never-sent")).json()
    assert found["prediction_id"] is None
    assert found["second_opinion"]["seed"] == 3
    assert {"found", "says", "changes"} <= found["counterfactual"].keys()
    plain = office.post("/explain", loan(7, loan_id="never-sent")).json()
    assert "counterfactual" not in plain
    assert "second_opinion" not in plain


@pytest.mark.parametrize("query", ["counterfactual=yes", "lime=2", "seed=-1", "lime=1&seed=99999999999"])
def test_a_query_that_cannot_be_meant_is_refused(office: Server, query: str) -> None:
    reply = office.post(f"/explain?{query}", loan(7, loan_id="never-sent"))
    assert reply.status_code == 422
    assert reply.json()["detail"]["problems"][0]["field"] in query


def _edited(part: str, change: Callable[[Because], Because]) -> Callable[[Path], list[Difference]]:
    def look(home: Path) -> list[Difference]:
        records = [item for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)]
        first = next(item for item in records if item.because is not None and len(item.because.reasons) > 1)
        assert first.because is not None
        first.because = change(first.because)
        made = bundle_at(home)
        report = replay(records, bundle_of=lambda _: made, recompute=None)
        assert report.equal_a == len(records) - 1, part
        return report.differences

    return look


def bundle_at(home: Path) -> Any:
    from holdfast.bundle.load import load

    return load(next(place for place in (home / "bundles").iterdir() if place.name != "packing"))


def _first(because: Because, **changes: Any) -> Because:
    first, *rest = because.reasons
    parts = {name: getattr(first, name) for name in first.__struct_fields__}
    return Because(because.against, because.most, (Reason(**(parts | changes)), *rest))


EDITS: tuple[tuple[str, Callable[[Because], Because]], ...] = (
    ("text", lambda was: _first(was, text="because we say so")),
    ("contribution", lambda was: _first(was, contribution=was.reasons[0].contribution + 1e-12)),
    ("reference", lambda was: _first(was, reference=0.25)),
    ("group", lambda was: _first(was, group="another")),
    ("value", lambda was: _first(was, value=-1.0)),
    ("number of reasons", lambda was: Because(was.against, was.most, was.reasons[:-1])),
    ("told against", lambda was: Because("all", was.most, was.reasons)),
)


def test_reasons_are_replayed_to_the_bit(home: Path, told: list[dict[str, Any]]) -> None:
    records = [item for item in LedgerReader(home / "ledger").records() if isinstance(item, Decision)]
    assert sum(item.because is not None for item in records) > 50
    made = bundle_at(home)
    report = replay(records, bundle_of=lambda _: made, recompute=None)
    assert (report.equal_a, report.differences) == (len(records), [])
    assert told


@pytest.mark.parametrize(("part", "change"), EDITS, ids=[part for part, _ in EDITS])
def test_an_edited_reason_is_named(
    home: Path, told: list[dict[str, Any]], part: str, change: Callable[[Because], Because]
) -> None:
    found = _edited(part, change)(home)
    assert told
    assert [item.level for item in found] == ["A"]
    assert part in found[0].what, str(found[0])


def test_a_record_from_before_there_were_reasons_is_read_as_one_without() -> None:
    record = Decision(
        read_seq=1, source="s", event_id="e", time=1, body=b"{}", digest=b"", contract="c", model="m", version="1",
        variant="champion", features=b"", score=0.0, probability=0.5, threshold=0.5, decision=True,
        reasons=[("amount", 1.0, 2.0)],
    )  # fmt: skip
    import msgspec

    whole = msgspec.msgpack.decode(encode([record]))
    at = len(Decision.__struct_fields__) - Decision.__struct_fields__.index("because")
    old = msgspec.msgpack.encode([whole[0][: len(whole[0]) - at]])
    (back,) = decode(old)
    assert isinstance(back, Decision)
    assert back.because is None
    assert back.reasons == [("amount", 1.0, 2.0)]


@pytest.mark.parametrize(("when", "plain", "if_asked"), [("asked", False, True), ("never", False, None)])
def test_a_server_tells_reasons_when_it_is_set_to(
    tmp_path: Path, when: str, plain: bool, if_asked: bool | None
) -> None:
    home = tmp_path / ".holdfast"
    promote(home, contract(), bundle(home).hash, "1")
    more = f"limits=__import__('holdfast.serving.wire', fromlist=['Limits']).Limits(reasons={when!r})"
    with serving(home, more=more) as server:
        replies = [server.post("/predict", loan(number)).json() for number in range(30)]
        assert any(item["decision"] for item in replies)
        assert any("reasons" in item for item in replies) is plain
        reply = server.post("/predict?reasons=3", loan(100))
        if if_asked is None:
            assert reply.status_code == 422
            assert reply.json()["detail"]["problems"][0]["mend"] == "ask POST /explain"
            assert server.post("/explain", loan(101)).json()["reasons_against"] == "approved"
        else:
            assert "reasons" in reply.json()


def test_a_bundle_without_a_reference_serves_and_says_so(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    promote(home, contract(), bundle(home, reference=None).hash, "1")
    with serving(home) as server:
        replies = [server.post("/predict", loan(number)).json() for number in range(30)]
        refused = _refused(replies)
        assert refused["reasons_against"] == "no reference"
        found = server.post("/explain", {"prediction_id": refused["prediction_id"]}).json()
        assert found["reference"] is None
        assert found["reasons"] == refused["reasons"]
