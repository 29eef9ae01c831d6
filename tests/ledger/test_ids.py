from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.contract.values import read_strict
from holdfast.ledger.ids import body_digest, prediction_id, seq_of


@given(st.integers(1, 2**60))
def test_a_prediction_id_says_its_seq(seq: int) -> None:
    assert seq_of(prediction_id(seq)) == seq


@given(st.integers(1, 2**40 - 1), st.integers(1, 2**40 - 1))
def test_ids_sort_as_their_records_do(one: int, other: int) -> None:
    assert (one < other) == (prediction_id(one) < prediction_id(other))


@given(st.text(max_size=20))
def test_a_foreign_text_is_no_prediction_id(name: str) -> None:
    seq = seq_of(name)
    assert seq is None or prediction_id(seq) == name


def test_two_swapped_letters_are_noticed() -> None:
    name = prediction_id(123_456_789)
    swapped = [
        name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in range(1, len(name) - 2) if name[i] != name[i + 1]
    ]
    assert swapped
    assert all(seq_of(item) is None for item in swapped)


def test_a_body_is_itself_however_it_is_spelled() -> None:
    one = body_digest(read_strict(b'{"a": 1.50, "b": "x"}'))
    assert one == body_digest(read_strict(b'{ "b":"x","a":1.5}'))
    assert one != body_digest(read_strict(b'{"a": 1.51, "b": "x"}'))
