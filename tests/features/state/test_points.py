"""From bodies to points: former names, values the server made up, and what is no point."""

from __future__ import annotations

import json

from holdfast.contract.model import Field
from holdfast.features.plan import Series
from holdfast.features.state.keys import entity_hash, event_key, id_bytes, sortable, time_of
from holdfast.features.state.points import Projector

CARD = Field("card", "text", nullable=True)
AMOUNT = Field("amount", "decimal", scale=2, nullable=True, former=("sum",))


def found(series: list[Series], body: dict[str, object], time: int = 7) -> list[tuple[bytes, object]]:
    points = Projector("payments", series).points(json.dumps(body).encode(), "p1", time)
    return [(point.key, point.value) for point in points]


def series(*fields: Field, value: str | None = "amount", nulls: bool = False) -> Series:
    return Series("ordered" if nulls else "sums", "payments", ("card",), (CARD, *fields), value, nulls=nulls)


def key(item: Series, *cells: object) -> bytes:
    return item.key + entity_hash(cells)  # type: ignore[arg-type]  # cells of a test


def test_a_point_goes_to_its_series_and_entity() -> None:
    one = series(AMOUNT)
    assert found([one], {"card": "c", "amount": 1.25}) == [(key(one, "c"), 125)]


def test_a_former_name_is_read_in_its_place_and_unknown_fields_are_left_alone() -> None:
    one = series(AMOUNT)
    assert found([one], {"card": "c", "sum": 1, "note": {"any": []}}) == [(key(one, "c"), 100)]


def test_a_null_value_is_a_point_only_where_nulls_are_values() -> None:
    sums, ordered = series(AMOUNT), series(AMOUNT, nulls=True)
    assert found([sums, ordered], {"card": "c", "amount": None}) == [(key(ordered, "c"), None)]


def test_a_null_key_is_an_entity_like_any_other() -> None:
    one = series(AMOUNT)
    assert found([one], {"card": None, "amount": 1}) == [(key(one, None), 100)]


def test_each_series_reads_a_field_its_own_way() -> None:
    strict = series(Field("amount", "decimal", scale=1))
    fine = series(Field("amount", "decimal", scale=3))
    counting = series(value=None)
    assert found([strict, fine, counting], {"card": "c", "amount": 1.25}) == [
        (key(fine, "c"), 1_250),
        (key(counting, "c"), None),
    ]


def test_a_body_that_is_no_json_object_is_no_point_and_stops_nothing() -> None:
    for body in (b"", b"[]", b"{", b"\xff"):
        assert Projector("payments", [series(AMOUNT)]).points(body, "p1", 7) == []


def test_an_id_and_a_time_the_server_made_up_are_those_it_recorded() -> None:
    when = Field("at", "timestamp", generated=True)
    name = Field("id", "text", generated=True)
    at = Series("extremes", "payments", ("id",), (when, name), "at")
    assert found([at], {}, time=12) == [(key(at, "p1"), 12)]


def test_keys_sort_as_times_and_ids_do() -> None:
    times = [-(2**60), -1, 0, 1, 2**60]
    assert [time_of(sortable(time)) for time in times] == times
    assert sorted(times, key=sortable) == times
    assert len(event_key("s" * 500, "i" * 5_000)) < 511
    assert id_bytes("x" * 300) != id_bytes("x" * 301)
    assert event_key("a", "b") != event_key("ab", "")
