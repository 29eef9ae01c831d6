"""The fraud simulator keeps the distributions it promises."""

from __future__ import annotations

import numpy as np

from holdfast.simulate.fraud import CATEGORIES, payments

END = 1_790_000_000_000_000


def test_equal_seeds_give_equal_payments_and_others_do_not() -> None:
    assert payments(500, end=END).arrow().equals(payments(500, end=END).arrow())
    assert not payments(500, end=END).arrow().equals(payments(500, end=END, seed=43).arrow())


def test_hour_and_weekday_agree_with_the_time_and_rows_are_in_its_order() -> None:
    columns = payments(2_000, end=END).columns
    stamps = columns["occurred_at"].astype("datetime64[us]")
    assert (np.diff(columns["occurred_at"]) >= 0).all()
    assert columns["occurred_at"].max() < END
    assert [stamp.item().weekday() for stamp in stamps] == columns["day_of_week"].tolist()
    assert [stamp.item().hour for stamp in stamps] == columns["hour"].tolist()


def test_two_percent_are_fraud_and_look_as_the_handbook_says() -> None:
    whole = payments(50_000, end=END)
    columns = whole.columns
    heard = columns["is_fraud"] == np.array(True, dtype=object)
    assert 0.018 < heard.mean() <= 0.02  # the rest is not yet reported
    assert set(columns["hour"][heard].tolist()) == {0, 1, 2, 3, 4, 5, 23}
    usual, odd = np.median(columns["amount"][~heard]) / 100, np.median(columns["amount"][heard]) / 100
    assert 31 < usual < 36  # e^3.5 = 33.1
    assert 205 < odd < 290  # e^5.5 = 244.7
    shares = [(columns["merchant_category"][heard] == name).mean() for name in CATEGORIES]
    assert np.allclose(shares, [0.05, 0.05, 0.10, 0.60, 0.20], atol=0.05)


def test_no_outcome_is_known_after_the_end() -> None:
    columns = payments(20_000, end=END).columns
    received = columns["is_fraud_received_at"]
    assert received.max() < END
    assert ((received >= 0) == np.array([value is not None for value in columns["is_fraud"]])).all()
