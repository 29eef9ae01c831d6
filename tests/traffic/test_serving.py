"""Experiments before a real server: who answers, what is recorded, what a retry gets, what a restart keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from tests.serving.shop import first, make_ready, payment, second, serving
from tests.traffic.stage import decisions, experiment, records, stage, under_way, wait_for, write

from holdfast.contract.model import Contract, Source
from holdfast.contract.values import read_strict
from holdfast.features.state.state import State
from holdfast.ledger.ids import body_digest
from holdfast.ledger.read import LedgerReader
from holdfast.ledger.records import Decision, Experiment, Shadow
from holdfast.ledger.shadows import ShadowLog
from holdfast.serving import shadowing
from holdfast.serving.shadowing import Shadower, rest
from holdfast.traffic.conduct import following
from holdfast.traffic.recheck import assignments


def test_variants_share_out_the_answers_and_each_answer_says_which_and_why(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home, weight=0.5)
    with serving(home) as server:
        write(home, experiment(arms, entity=["card_id"]))
        wait_for(lambda: under_way(server) == "trial")
        told = {}
        for number in range(60):
            body = payment(number, card_id=f"card-{number % 20}")
            reply = server.post("/predict", body).json()
            told[number] = (reply["variant"], reply["assigned"], reply["model"]["version"])
    assert {item[:1] for item in told.values()} == {("champion",), ("challenger",)}
    assert {item[1] for item in told.values()} == {"ab:trial:hash"}
    assert all((variant == "challenger") == (version == "2") for variant, _, version in told.values())
    # A card keeps its variant.
    assert all(told[number] == told[number % 20] for number in told)
    kept = decisions(home)
    assert [(item.variant, item.assigned, item.version) for item in kept] == list(told.values())
    assert len({item.event_id for item in kept}) == len(kept) == 60
    started = records(home, Experiment)[0]
    assert {item.experiment for item in kept} == {started.seq}


def test_a_retry_gets_its_stored_answer_whatever_the_experiment_says_now(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home, weight=0.5)
    body, later = payment(1), payment(2)
    with serving(home) as server:
        before = server.post("/predict", body).json()
        assert before["variant"] == "champion"
        (started,) = write(home, experiment(arms, weights=(0, 10_000)))
        wait_for(lambda: under_way(server) == "trial")
        assert server.post("/predict", later).json()["variant"] == "challenger"
        assert server.post("/predict", body).json() == before
        assert isinstance(started, Experiment)
        write(home, following(started, "stop", "enough"))
        wait_for(lambda: not under_way(server))
        assert server.post("/predict", later).json()["variant"] == "challenger"
        assert server.post("/predict", payment(3)).json()["variant"] == "champion"
    assert len(decisions(home)) == 3


def test_assignment_is_the_same_after_a_restart_and_in_replay(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home, weight=0.5)
    write(home, experiment(arms, entity=["card_id"]))
    seen = []
    for run in range(2):
        with serving(home) as server:
            replies = [
                server.post("/predict", payment(f"{run}-{number}", card_id=f"card-{number}")) for number in range(40)
            ]
            # The first answer already goes by the experiment.
            seen.append([reply.json()["variant"] for reply in replies])
    assert seen[0] == seen[1]
    kept = decisions(home)
    whole = records(home, Experiment)
    assert assignments(kept, whole, lambda bundle: first()) == []
    kept[7].variant = "champion" if kept[7].variant == "challenger" else "challenger"
    named = assignments(kept, whole, lambda bundle: first())
    assert [item.prediction_id for item in named] == [kept[7].prediction_id]


def test_a_challenger_of_another_contract_reads_its_own_fields(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home, contract=second())
    with serving(home) as server:
        assert server.post("/predict", payment(0, channel="web")).status_code == 422
        write(home, experiment(arms, weights=(5_000, 5_000)))
        wait_for(lambda: under_way(server) == "trial")
        replies = [server.post("/predict", payment(number, channel="web")).json() for number in range(1, 31)]
        assert {reply["variant"] for reply in replies} == {"champion", "challenger"}
        explained = [
            server.post("/explain", {"prediction_id": reply["prediction_id"]}).json()["model"]["version"]
            for reply in replies
        ]
        assert explained == [reply["model"]["version"] for reply in replies]
    kept = {item.event_id: item for item in decisions(home)}
    contracts = {"champion": first(), "challenger": second()}
    for item in kept.values():
        assert item.contract == contracts[item.variant].hash
        assert len(item.features) == 8 * len(contracts[item.variant].features)


def test_a_rule_routes_by_the_fields_of_the_event(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home)
    arms[1].rule = 'merchant_category == "travel" and amount >= 10'
    with serving(home) as server:
        write(home, experiment(arms, "rule", (0, 0)))
        wait_for(lambda: under_way(server) == "trial")

        def sent(number: int, **changes: object) -> tuple[str, str]:
            reply = server.post("/predict", payment(number, **changes)).json()
            return reply["variant"], reply["assigned"]

        assert sent(1, merchant_category="travel") == ("challenger", f"rule:trial:{arms[1].rule}")
        assert sent(2, merchant_category="travel", amount=9.99) == ("champion", "rule:trial:outside")
        assert sent(3) == ("champion", "rule:trial:outside")


def test_a_challenger_whose_bundle_is_away_does_not_answer(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home)
    arms[1].bundle = "0" * 64
    with serving(home) as server:
        write(home, experiment(arms))
        told = wait_for(lambda: server.get("/health").json()["problems"])
        assert "trial cannot be followed" in told[0]
        assert {server.post("/predict", payment(number)).json()["variant"] for number in range(10)} == {"champion"}


def test_a_challenger_answers_only_when_its_state_is_built(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    wider = replace(second(), sources=with_higher_bound(second().sources))
    arms = stage(home, contract=wider, ready=False)
    with serving(home) as server:
        assert server.post("/predict", payment(0)).status_code == 200
        write(home, experiment(arms, weights=(0, 10_000)))
        told = wait_for(lambda: server.get("/health").json()["problems"])
        assert "still being built" in told[0]
        # Its fields are not known yet either.
        assert server.post("/predict", payment(1)).json()["variant"] == "champion"
        make_ready(home, wider)
        wait_for(lambda: under_way(server) == "trial")
        assert server.post("/predict", payment(2, channel="web")).json()["variant"] == "challenger"


def with_higher_bound(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """The same sources with another bound on the amount: every series that uses it is another one."""
    return tuple(
        replace(
            source,
            fields=tuple(replace(item, at_most="60000") if item.name == "amount" else item for item in source.fields),
        )
        for source in sources
    )


def test_a_shadow_is_recorded_beside_the_decision_and_never_answers(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    arms = stage(home, contract=second())
    with serving(home) as server:
        write(home, experiment(arms, "shadow", (0, 0)))
        wait_for(lambda: server.get("/health").json()["beside"])
        replies = [server.post("/predict", payment(number)).json() for number in range(50)]
        assert {(reply["variant"], reply["assigned"]) for reply in replies} == {("champion", "champion")}
        wait_for(lambda: len(records(home, Shadow)) == 50)
    shadows = records(home, Shadow)
    kept = {item.seq: item for item in decisions(home)}
    assert {item.decision_seq for item in shadows} == set(kept)
    assert all(item.event_id == kept[item.decision_seq].event_id for item in shadows)
    assert {item.version for item in shadows} == {"2"}
    # The request lacks a field of the shadow's contract: null, and said.
    assert {tuple(item.missing) for item in shadows} == {("channel",)}
    assert all(item.read_seq >= item.decision_seq for item in shadows)


@pytest.mark.parametrize(("limit", "contract"), [("MOST", first()), ("MOST_READ", second())])
def test_a_shadow_that_is_behind_leaves_the_oldest_out_counts_them_and_goes_on_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, contract: Contract
) -> None:
    monkeypatch.setattr(shadowing, limit, 20)
    home = tmp_path / ".holdfast"
    arms = stage(home, contract=contract)
    with serving(home) as server:
        for number in range(50):
            assert server.post("/predict", payment(number)).status_code == 200
    write(home, experiment(arms, "shadow", (0, 0)))
    seqs = [item.seq for item in decisions(home)]
    write(home, *[as_new(item) for item in decisions(home)])
    state = State.open(home / "state", readonly=True)
    shadower = Shadower(home, state, LedgerReader(home / "ledger"))
    shadows = shadower.shadows(100)
    tally = shadower.left_out()
    # What was answered before the start has no shadow.
    assert min(item.decision_seq for item in shadows) > max(seqs)
    assert tally is not None
    # The older half of what it may be behind is left out, too: so it is not behind again at once.
    assert (tally.dropped, len(shadows), shadower.left_out()) == (40, 10, None)
    log = ShadowLog(home / "shadows")
    log.append(shadows)
    log.close()
    again = Shadower(home, state, LedgerReader(home / "ledger"), ShadowLog(home / "shadows").done)
    assert again.shadows(100) == []
    state.close()
    write(home, *[as_new(as_new(item)) for item in decisions(home)[:3]])
    state = State.open(home / "state", readonly=True)
    later = Shadower(home, state, LedgerReader(home / "ledger"), ShadowLog(home / "shadows").done)
    assert (len(later.shadows(2)), len(later.shadows(100))) == (2, 1)
    state.close()


def test_a_shadow_with_the_contract_that_answered_is_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows what the answer knew however late it is; and the same version says the same to the last bit."""
    monkeypatch.setattr(shadowing, "MOST_READ", 20)
    home = tmp_path / ".holdfast"
    arms = stage(home)
    same = [arms[0], structs.replace(arms[0], name="challenger")]
    write(home, experiment(same, "shadow", (0, 0)))
    with serving(home) as server:
        for number in range(50):
            assert server.post("/predict", payment(number)).status_code == 200
    state = State.open(home / "state", readonly=True)
    shadower = Shadower(home, state, LedgerReader(home / "ledger"))
    shadows = [*shadower.shadows(7), *shadower.shadows(100)]
    assert (len(shadows), shadower.left_out()) == (50, None)
    answered = {item.seq: item for item in decisions(home)}
    for shadow in shadows:
        decision = answered[shadow.decision_seq]
        assert (shadow.features, shadow.score, shadow.probability, shadow.read_seq) == (
            decision.features, decision.score, decision.probability, decision.read_seq,
        )  # fmt: skip
    state.close()


def test_a_shadow_rests_where_answers_want_its_processor() -> None:
    assert rest(0.02, 0.02) == 0.0
    assert rest(0.01, 0.002) == pytest.approx(2.99)
    assert rest(2.0, 0.1) == 5.0


def as_new(decision: Decision) -> Decision:
    """The same request about another event."""
    body = decision.body.replace(decision.event_id.encode(), b"again-" + decision.event_id.encode())
    raw = read_strict(body)
    return structs.replace(
        decision, seq=0, event_id=f"again-{decision.event_id}", body=body, digest=body_digest(raw), prediction_id=""
    )
