"""One reader for every dataclass of settings: what fits, and what is told of what does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from holdfast.errors import HoldfastError, Problem
from holdfast.settings import Setting, read, setting, settings_of


@dataclass(frozen=True)
class Oven:
    degrees: int = setting(180, "How hot.", "the cook book")
    minutes: float = setting(20.0, "For how long.")
    fan: bool = setting(False, "Whether air is moved.")
    name: str = setting("oven", "What it is called.")
    mode: Literal["grill", "bake"] = setting("bake", "Which way.")
    shelves: tuple[str, ...] = setting((), "What lies on each.")
    notes: Mapping[str, Any] = setting({}, "Whatever else.")
    least: float | None = setting(None, "Degrees below which it ends; unset: never.")
    code: str = setting("", "Opens the door.", secret=True)


def oven(told: Mapping[str, Any]) -> Oven:
    return read(Oven, told, refusal="the oven cannot be used", called="knob", table="oven.", where="oven.toml")


def faults(told: Mapping[str, Any]) -> tuple[Problem, ...]:
    with pytest.raises(HoldfastError, match=r"^oven\.toml: the oven cannot be used") as caught:
        oven(told)
    return caught.value.problems


FITS: list[tuple[str, Any, Any]] = [
    ("degrees", 200, 200),
    ("minutes", 0.5, 0.5),
    ("minutes", 3, 3),
    ("fan", True, True),
    ("name", "", ""),
    ("mode", "grill", "grill"),
    ("shelves", ["bread", "cake"], ("bread", "cake")),
    ("notes", {"salt": {"g": 3}}, {"salt": {"g": 3}}),
    ("least", None, None),
    ("least", 90.5, 90.5),
]

WRONG: list[tuple[str, Any, str]] = [
    ("degrees", 1.5, "1.5 is not a whole number"),
    ("degrees", True, "True is not a whole number"),
    ("degrees", None, "None is not a whole number"),
    ("minutes", "3", "'3' is not a number"),
    ("minutes", True, "True is not a number"),
    ("fan", 1, "1 is not true or false"),
    ("name", 5, "5 is not text"),
    ("mode", 5, "5 is not text"),
    ("shelves", "bread", "'bread' is not a list of texts"),
    ("shelves", ["bread", 1], "['bread', 1] is not a list of texts"),
    ("notes", [1], "[1] is not a table"),
    ("least", "low", "'low' is not a number"),
]


@pytest.mark.parametrize(("name", "value", "kept"), FITS)
def test_a_value_that_fits_is_kept(name: str, value: Any, kept: Any) -> None:
    assert getattr(oven({name: value}), name) == kept


@pytest.mark.parametrize(("name", "value", "what"), WRONG)
def test_a_value_of_the_wrong_type_is_told_with_what_is_meant(name: str, value: Any, what: str) -> None:
    meant = next(item.help for item in settings_of(Oven) if item.name == name)
    assert faults({name: value}) == (Problem(f"oven.{name}", "type", what, meant),)


def test_an_unknown_name_is_told_with_the_one_it_is_like_else_with_all() -> None:
    slip, other = faults({"degree": 1, "xyz": 2})
    assert slip == Problem("oven.degree", "unknown_setting", "there is no such knob", "did you mean degrees?")
    assert other.mend == "one of: degrees, minutes, fan, name, mode, shelves, notes, least, code"
    with pytest.raises(HoldfastError) as caught:
        read(Oven, {"xyz": 2}, refusal="no", called="knob", known_from="see the manual")
    assert caught.value.problems[0].mend == "see the manual"


def test_all_that_is_wrong_is_told_in_the_order_of_the_table() -> None:
    assert [item.field for item in faults({"fan": 1, "xyz": 2, "degrees": "hot", "name": "mine"})] == [
        "oven.fan",
        "oven.xyz",
        "oven.degrees",
    ]


def test_a_key_of_a_table_may_be_written_with_a_dot() -> None:
    made = oven({"notes.salt": 3, "notes": {"fat": 4}, "notes.by.whom": 5})
    assert made.notes == {"salt": 3, "fat": 4, "by.whom": 5}
    with pytest.raises(TypeError):
        made.notes["salt"] = 0  # type: ignore[index]
    assert [item.field for item in faults({"name.salt": 3, "notes.": 4})] == ["oven.name.salt", "oven.notes."]


def test_nothing_told_is_every_default_and_no_default_is_shared() -> None:
    assert oven({}) == Oven()
    assert Oven().notes is not Oven().notes


def test_names_may_be_spelled_otherwise_than_fields_and_faults_worded_otherwise() -> None:
    def wrong(item: Setting, value: object) -> tuple[str, str]:
        return f"{item.name} cannot be {value}", f"say {item.default}"

    def made(told: Mapping[str, Any]) -> Oven:
        return read(Oven, told, refusal="no", called="knob", spelled=str.upper, wrong=wrong)

    assert made({"DEGREES": 90, "NOTES.a": 1}) == Oven(degrees=90, notes={"a": 1})
    with pytest.raises(HoldfastError) as caught:
        made({"degrees": 90, "FAN": "on"})
    assert [item.as_dict() for item in caught.value.problems] == [
        {"field": "degrees", "code": "unknown_setting", "what": "there is no such knob",
         "mend": "one of: DEGREES, MINUTES, FAN, NAME, MODE, SHELVES, NOTES, LEAST, CODE"},
        {"field": "FAN", "code": "type", "what": "fan cannot be on", "mend": "say False"},
    ]  # fmt: skip


def test_a_setting_says_where_its_default_comes_from_and_a_secret_is_not_shown() -> None:
    assert [item.source for item in settings_of(Oven)][:2] == ["the cook book", ""]
    assert "code" not in repr(Oven(code="1234"))
