"""What experiments promise, counted over many of them. HOLDFAST_TRAFFIC_LONG=1 runs more; figures are printed."""

from __future__ import annotations

import os

import numpy as np
import pytest
from tests.traffic.simulation import (
    Model,
    at_most,
    batches,
    canary,
    meet,
    naive,
    regret,
    span,
    verdict,
)

from holdfast.traffic.plan import Plan

LONG = bool(os.environ.get("HOLDFAST_TRAFFIC_LONG"))
EXPERIMENTS = 2_000 if LONG else 400
SEED = 20_261_122
PLAN = Plan(level=0.05)


def wins(
    judged: object, rates: tuple[float, float], *, share: float = 0.5, most: int = 10_000, batch: int = 100
) -> int:
    """Experiments that had a winner at any look; after every batch there is one."""
    assert callable(judged)
    found = 0
    for number in range(EXPERIMENTS):
        draw = np.random.default_rng([SEED, number])
        found += any(judged(at, PLAN) != "undecided" for at in batches(draw, rates, share, batch, most))
    return found


@pytest.mark.parametrize(("rate", "share"), [(0.05, 0.5), (0.3, 0.5), (0.05, 0.1), (0.01, 0.5)])
def test_without_a_difference_looking_after_every_batch_finds_no_more_winners_than_stated(
    rate: float, share: float
) -> None:
    found = wins(verdict, (rate, rate), share=share)
    bound = at_most(found, EXPERIMENTS)
    print(f"\nno difference (loss {rate}, share {share}): {found} of {EXPERIMENTS} had a winner, at most {bound:.2%}")
    assert bound <= PLAN.level


def test_a_table_of_the_normal_distribution_looked_at_as_often_would_not_pass() -> None:
    found = wins(naive, (0.05, 0.05))
    print(f"\nfixed-sample z-test, looked at after every batch: {found} of {EXPERIMENTS} had a winner")
    assert found / EXPERIMENTS > 2 * PLAN.level


def test_entities_that_come_often_would_make_winners_if_each_event_counted() -> None:
    """Events of one entity are alike; counted each, chance looks like a difference. Counted once, it does not."""
    each = once = 0
    for number in range(EXPERIMENTS // 4):
        draw = np.random.default_rng([SEED, 6, number])
        events, entities = span(), span()
        winners = [False, False]
        for _ in range(50):
            places = draw.integers(0, 2, 40)
            rates = draw.beta(0.2, 2.0, 40)
            for place, rate in zip(places, rates, strict=True):
                lost = draw.random(int(draw.integers(1, 40))) < rate
                meet(events, int(place), lost)
                meet(entities, int(place), lost[:1])
            winners[0] |= verdict(events, PLAN) != "undecided"
            winners[1] |= verdict(entities, PLAN) != "undecided"
        each += winners[0]
        once += winners[1]
    of = EXPERIMENTS // 4
    print(f"\nwinners without a difference, bursts of one entity: each event {each}, each entity once {once}, of {of}")
    assert each / of > 2 * PLAN.level
    assert at_most(once, of) <= 2 * PLAN.level


def test_a_stated_difference_is_found_in_four_of_five_experiments() -> None:
    right = 0
    for number in range(EXPERIMENTS):
        draw = np.random.default_rng([SEED, 1, number])
        words = (verdict(at, PLAN) for at in batches(draw, (0.08, 0.05), 0.5, 100, 10_000))
        right += next((word for word in words if word != "undecided"), "") == "challenger wins"
    print(f"\nloss 8 % against 5 %, 10,000 outcomes: {right} of {EXPERIMENTS} found the better one")
    assert right / EXPERIMENTS >= 0.8


def test_the_bandit_loses_less_than_an_even_split() -> None:
    rewards = (0.90, 0.93, 0.97)
    pairs = []
    for number in range(EXPERIMENTS // 20):
        learned = regret(np.random.default_rng([SEED, 2, number]), rewards)
        even = regret(np.random.default_rng([SEED, 2, number]), rewards, learns=False)
        pairs.append((learned, even))
    mean = [sum(item[at] for item in pairs) / len(pairs) for at in (0, 1)]
    better = sum(learned < even for learned, even in pairs)
    print(f"\nregret of the bandit {mean[0]:.0f}, of the even split {mean[1]:.0f}; lower in {better} of {len(pairs)}")
    assert better == len(pairs)
    assert mean[0] < 0.6 * mean[1]
    # Equal variants: there is nothing to lose, and neither does.
    assert regret(np.random.default_rng(SEED), (0.9, 0.9)) == 0.0


BAD = {
    "fails one in ten": Model(fails=0.10),
    "fails always": Model(fails=1.0),
    "says yes to three times as many": Model(yes=0.15),
    "says yes to everything": Model(yes=1.0),
    "is slow one time in three": Model(slow=0.33),
}
CANARY = Plan(level=0.05, rate=0.05, tolerance=0.05, failures=0.02, at_least=100, dwell=0.0, patience=1e9)
CANARIES = 500 if LONG else 25


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_canary_is_halted_before_a_twentieth_of_the_traffic_met_it(kind: str) -> None:
    met = [canary(np.random.default_rng([SEED, 3, number]), BAD[kind], CANARY) for number in range(CANARIES)]
    halted = [item for item in met if item.advice.action == "halt" and item.share < 0.05]
    shares = sorted(item.share for item in met)
    requests = sorted(item.canary for item in met)
    print(
        f"\na canary that {kind}: {len(halted)} of {len(met)} halted below 5 %; it met {shares[len(met) // 2]:.2%} of "
        f"the traffic (worst {shares[-1]:.2%}), {requests[len(met) // 2]} requests (worst {requests[-1]})"
    )
    assert len(halted) == len(met)


def test_a_good_canary_goes_all_the_way_and_is_seldom_halted() -> None:
    met = [
        canary(np.random.default_rng([SEED, 4, number]), Model(), CANARY, most=400_000) for number in range(CANARIES)
    ]
    done = sum(item.advice.action == "done" for item in met)
    halted = sum(item.advice.action == "halt" for item in met)
    requests = sorted(item.requests for item in met)
    middle = requests[len(met) // 2]
    print(f"\na good canary: {done} of {len(met)} reached 100 %, {halted} halted; median {middle} requests")
    assert done >= 0.9 * len(met)
    assert halted / len(met) <= CANARY.level
    assert not done or max(item.step for item in met) == len(CANARY.steps) - 1


def test_the_same_bad_canary_beginning_at_ten_percent_would_meet_more() -> None:
    steep = Plan(level=0.05, rate=0.05, steps=(1_000, 5_000, 10_000), dwell=0.0, patience=1e9)
    met = [canary(np.random.default_rng([SEED, 5, n]), BAD["fails one in ten"], steep) for n in range(CANARIES)]
    assert all(item.share > 0.05 for item in met)
