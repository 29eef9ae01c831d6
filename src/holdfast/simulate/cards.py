"""Card payments of customers at terminals, with places, habits, three kinds of fraud and outcomes that arrive late.

Customers live around towns and pay at terminals within reach. Fraud comes from terminals that were tampered with,
from stolen cards used far from home, and from amounts beyond a customer's habits. The idea of compromised terminals
and customers follows Le Borgne, Siblini, Lebichot and Bontempi, "Reproducible Machine Learning for Credit Card Fraud
Detection" (2022); the simulator is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holdfast.errors import HoldfastError
from holdfast.simulate.table import DAY, Cells, Table, names, only, this_minute

CATEGORIES = ("grocery", "restaurant", "retail", "online", "travel")
ENTRY_MODES = ("chip", "contactless", "swipe", "online")
_SHARES = (0.34, 0.22, 0.24, 0.14, 0.06)
_PRICE = np.array([0.9, 0.7, 1.3, 1.1, 4.0])
"""What a payment costs at each category, in multiples of the customer's usual."""
_CHANNEL = np.array([[0.45, 0.5, 0.05, 0.0]] * 3 + [[0.0, 0.0, 0.0, 1.0], [0.25, 0.15, 0.1, 0.5]])
"""Shares of the entry modes at each category."""
_REMOTE = 3
"""The category reached from everywhere."""
_LARGEST = 5_000_000
"""Cents."""


@dataclass(frozen=True)
class _World:
    customers: int
    terminals: int
    usual: Cells  # the customer's usual amount
    spread: Cells
    pace: Cells  # payments a day
    hour: Cells  # when the customer tends to pay
    category: Cells  # of each terminal
    reach: Cells  # terminals within reach, customer after customer
    starts: Cells  # where each customer's terminals begin in `reach`; one longer than customers


def payments(
    *,
    customers: int = 1_000,
    terminals: int = 600,
    days: int = 90,
    end: int | None = None,
    seed: int = 7,
    fraud: float = 1.0,
) -> Table:
    """About 1.9 payments a day for each customer over the `days` whole days and the day of `end`
    (µs UTC, default this minute), in order of time.

    `fraud` scales how many terminals and cards are compromised (1.0 gives about 1.5 % of payments). Outcomes:
    frauds are reported after some days (median two, one in a hundred after more than seven), one honest payment in
    two hundred is disputed and cleared; all others never get one. Outcomes due after `end` are in the table too: the
    caller cuts with `Table.known` what had not been heard.
    """
    if customers < 1 or terminals < 1 or days < 1 or fraud < 0:
        raise HoldfastError(
            "cannot simulate that", where="simulate.cards", mend="customers, terminals and days >= 1, fraud >= 0"
        )
    rng = np.random.default_rng(seed)
    stop = this_minute() if end is None else end
    begin = stop - stop % DAY - days * DAY  # habits follow whole days, the last one is cut at the end
    world = _world(rng, customers, terminals)
    honest = _habits(rng, world, days + 1)
    theft = _stolen(rng, world, days + 1, fraud)
    columns = {name: np.concatenate([honest[name], theft[name]]) for name in honest}
    _tampered(rng, world, columns, days + 1, fraud)
    columns["moment"] += begin
    order = np.argsort(columns["moment"], kind="stable")
    order = order[: int((columns["moment"] < stop).sum())]
    return _table(rng, world, {name: column[order] for name, column in columns.items()})


def _world(rng: np.random.Generator, customers: int, terminals: int) -> _World:
    towns = rng.uniform(0, 100, (12, 2))
    home = towns[rng.integers(0, 12, customers)] + rng.normal(0, 4, (customers, 2))
    place = towns[rng.integers(0, 12, terminals)] + rng.normal(0, 4, (terminals, 2))
    category = rng.choice(5, terminals, p=_SHARES)
    reach, counts = [], np.empty(customers, dtype=np.int64)
    for first in range(0, customers, 512):
        apart = ((home[first : first + 512, None, :] - place[None, :, :]) ** 2).sum(axis=2)
        near = (apart < 5.0**2) | (category == _REMOTE)[None, :]
        near[np.arange(len(near)), apart.argmin(axis=1)] = True  # the nearest one, however far
        reach.append(np.nonzero(near)[1])
        counts[first : first + 512] = near.sum(axis=1)
    return _World(
        customers=customers,
        terminals=terminals,
        usual=rng.lognormal(3.3, 0.6, customers),
        spread=rng.uniform(0.3, 0.8, customers),
        pace=rng.gamma(2.5, 0.75, customers),
        hour=rng.normal(14.0, 2.5, customers),
        category=category,
        reach=np.concatenate(reach),
        starts=np.concatenate([[0], np.cumsum(counts)]),
    )


def _habits(rng: np.random.Generator, world: _World, days: int) -> dict[str, Cells]:
    """What customers do themselves. `moment` is in microseconds from the first midnight."""
    count = rng.poisson(world.pace * days)
    who = np.repeat(np.arange(world.customers), count)
    rows = len(who)
    width = world.starts[who + 1] - world.starts[who]
    terminal = world.reach[world.starts[who] + (rng.random(rows) ** 1.7 * width).astype(np.int64)]
    hour = (world.hour[who] + rng.normal(0, 4.0, rows)) % 24
    amount = world.usual[who] * _PRICE[world.category[terminal]] * np.exp(rng.normal(0, 1, rows) * world.spread[who])
    odd = rng.random(rows) < 0.004  # a holiday, a repair: large and honest
    amount = np.where(odd, amount * rng.uniform(4, 10, rows), amount)
    return {
        "moment": rng.integers(0, days, rows) * DAY + (hour * 3_600).astype(np.int64) * 1_000_000,
        "who": who,
        "terminal": terminal,
        "amount": amount,
        "fraud": np.zeros(rows, dtype=bool),
    }


def _stolen(rng: np.random.Generator, world: _World, days: int, fraud: float) -> dict[str, Cells]:
    """Stolen cards: for up to a week, bursts of payments at any terminal, a small one to try and then large ones."""
    thefts = rng.poisson(fraud * world.customers * days / 700)
    victim = rng.integers(0, world.customers, thefts)
    start = rng.uniform(0, days, thefts) * DAY
    bursts = rng.integers(1, 4, thefts)
    theft = np.repeat(np.arange(thefts), bursts)
    opened = start[theft] + np.where(rng.random(len(theft)) < 0.4, 0.0, rng.uniform(0, 7 * DAY, len(theft)))
    size = rng.integers(2, 7, len(theft))
    burst = np.repeat(np.arange(len(theft)), size)
    rank = np.arange(len(burst)) - np.repeat(np.cumsum(size) - size, size)
    moment = opened[burst] + rank * rng.uniform(60, 1_800, len(burst)) * 1_000_000
    who = victim[theft[burst]]
    remote = np.nonzero(world.category == _REMOTE)[0]
    anywhere = rng.integers(0, world.terminals, len(burst))
    chosen = remote[rng.integers(0, len(remote), len(burst))] if len(remote) else anywhere
    terminal = np.where(rng.random(len(burst)) < 0.6, chosen, anywhere)
    amount = np.where(
        rank == 0, rng.uniform(0.5, 3.0, len(burst)), world.usual[who] * rng.lognormal(1.6, 0.6, len(burst))
    )
    inside = moment < days * DAY
    return {
        "moment": ((moment // 1_000_000).astype(np.int64) * 1_000_000)[inside],
        "who": who[inside],
        "terminal": terminal[inside],
        "amount": amount[inside],
        "fraud": np.ones(int(inside.sum()), dtype=bool),
    }


def _tampered(rng: np.random.Generator, world: _World, columns: dict[str, Cells], days: int, fraud: float) -> None:
    """Tampered terminals: for two to four weeks a third of what is paid there is fraud, the amounts a little higher."""
    cases = rng.poisson(fraud * world.terminals * days / 900)
    where = rng.integers(0, world.terminals, cases)
    start = rng.uniform(-14, days, cases) * DAY
    stop = start + rng.uniform(14, 28, cases) * DAY
    bad = np.zeros(len(columns["moment"]), dtype=bool)
    order = np.lexsort((columns["moment"], columns["terminal"]))
    moment, terminal = columns["moment"][order], columns["terminal"][order]
    edges = np.searchsorted(terminal, np.arange(world.terminals + 1))
    for place, first, last in zip(where.tolist(), start.tolist(), stop.tolist(), strict=True):
        there = slice(edges[place], edges[place + 1])
        low, high = np.searchsorted(moment[there], [first, last]) + edges[place]
        bad[order[low:high]] = True
    bad &= rng.random(len(bad)) < 0.33
    columns["amount"] = np.where(bad, columns["amount"] * rng.uniform(1.0, 1.8, len(bad)), columns["amount"])
    columns["fraud"] = columns["fraud"] | bad


def _table(rng: np.random.Generator, world: _World, columns: dict[str, Cells]) -> Table:
    rows = len(columns["moment"])
    moment = columns["moment"]
    category = world.category[columns["terminal"]]
    mode = (rng.random(rows)[:, None] > np.cumsum(_CHANNEL, axis=1)[category][:, :3]).sum(axis=1)
    disputed = ~columns["fraud"] & (rng.random(rows) < 0.005)
    known = moment + (rng.gamma(2.6, 0.95, rows) * DAY).astype(np.int64)
    heard = columns["fraud"] | disputed
    return Table(
        {
            "payment_id": names("pay", np.arange(1, rows + 1), 8),
            "occurred_at": moment,
            "customer_id": names("cus", columns["who"] + 1, 6),
            "terminal_id": names("ter", columns["terminal"] + 1, 6),
            "merchant_category": np.array(CATEGORIES, dtype=object)[category],
            "entry_mode": np.array(ENTRY_MODES, dtype=object)[mode],
            "amount": np.clip(np.rint(columns["amount"] * 100), 1, _LARGEST).astype(np.int64),
            "is_fraud": only(heard, columns["fraud"]),
            "is_fraud_received_at": np.where(heard, known, -1),
        },
        {"amount": 2},
        frozenset({"occurred_at", "is_fraud_received_at"}),
    )
