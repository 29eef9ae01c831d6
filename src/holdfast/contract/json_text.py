"""Strict JSON: what a request body may be, and the one spelling of it that names it.

Python's own reader takes NaN, keeps the last of two equal keys and lets lone surrogates and any depth through; none of
that may reach a ledger. Numbers with a point or an exponent stay decimal text, so no cent is lost to binary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import NoReturn

DEEPEST = 16
"""Nesting of arrays and objects that is still read."""

PLAIN_EXPONENT = 30
"""Numbers with an exponent further from 0 than this keep it in their canonical spelling."""


class NotJson(ValueError):  # noqa: N818 - named for the verdict, like Refused
    """A body that is not one strict JSON object (HTTP 400)."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Number(str):
    """Decimal text of a JSON number that is not a plain integer: it has a point or an exponent."""

    __slots__ = ()


def read_strict(body: bytes, *, nan_is_null: bool = False) -> dict[str, object]:
    """A JSON object, read strictly. Values: str, bool, None, int, `Number`, list, dict.

    Raises NotJson for anything else: bytes that are not UTF-8, NaN and Infinity, a key given twice, a lone surrogate,
    nesting deeper than 16, a number too long to read, a top level that is no object. With `nan_is_null`, NaN is read
    as null: table libraries write it for a value that is not there.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson(f"the body is not UTF-8 (byte {error.start})") from None
    if text.count("{") + text.count("[") > DEEPEST:
        _check_depth(text)
    try:
        value = (_table_decoder if nan_is_null else _decoder).decode(text)
    except NotJson:
        raise
    except json.JSONDecodeError as error:
        raise NotJson(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    except ValueError:
        raise NotJson("a number in the body has too many digits") from None
    except RecursionError:
        raise NotJson(f"the body is nested deeper than {DEEPEST}") from None
    if type(value) is not dict:
        raise NotJson("the body is not a JSON object")
    if "\\u" in text:
        _check_surrogates(value)
    return value


def canonical_body(raw: Mapping[str, object]) -> bytes:
    """The one spelling of a body: keys sorted, no spaces, equal numbers spelled alike (1.50, 1.5 and 15e-1).

    Takes what `read_strict` gives. Bodies that mean the same JSON give equal bytes.
    """
    return _spell(raw).encode("utf-8")


def canonical_number(text: str) -> str:
    """The one spelling of a JSON number: no exponent (while short), no trailing zeros, no minus before zero."""
    if "e" not in text and "E" not in text and len(text) <= PLAIN_EXPONENT:
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return "0" if text == "-0" else text
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:  # an exponent beyond what decimal holds: equal only to itself
        return text.lower()
    if not isinstance(exponent, int):
        return text.lower()
    body = "".join(map(str, digits)).lstrip("0")
    if not body:
        return "0"
    bare = body.rstrip("0")
    exponent += len(body) - len(bare)
    minus = "-" if sign else ""
    if exponent > PLAIN_EXPONENT or exponent < -PLAIN_EXPONENT:
        return f"{minus}{bare}e{exponent}"
    if exponent >= 0:
        return minus + bare + "0" * exponent
    bare = bare.rjust(1 - exponent, "0")
    return f"{minus}{bare[:exponent]}.{bare[exponent:]}"


def _spell(value: object) -> str:
    if type(value) is str:
        return encode_basestring(value)
    if isinstance(value, str):
        return canonical_number(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return canonical_number(repr(value))
    if isinstance(value, Mapping):
        return "{" + ",".join([f"{encode_basestring(key)}:{_spell(value[key])}" for key in sorted(value)]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([_spell(item) for item in value]) + "]"
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    shape = dict(pairs)
    if len(shape) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotJson(f"the key {twice[:80]!r} is given twice")
    return shape


def _refuse_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not a JSON number")


def _nan_is_null(name: str) -> None:
    if name != "NaN":
        _refuse_constant(name)


_decoder = json.JSONDecoder(parse_float=Number, parse_constant=_refuse_constant, object_pairs_hook=_unique)
_table_decoder = json.JSONDecoder(parse_float=Number, parse_constant=_nan_is_null, object_pairs_hook=_unique)


def _check_depth(text: str) -> None:
    """Counts brackets outside strings, before the recursive reader sees them."""
    depth, inside, skip = 0, False, False
    for letter in text:
        if skip:
            skip = False
        elif inside:
            skip = letter == "\\"
            inside = letter != '"'
        elif letter == '"':
            inside = True
        elif letter in "[{":
            depth += 1
            if depth > DEEPEST:
                raise NotJson(f"the body is nested deeper than {DEEPEST}")
        elif letter in "]}":
            depth -= 1


def _check_surrogates(value: object) -> None:
    """JSON can escape half a character; such text cannot be stored."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise NotJson("a text in the body holds a lone surrogate") from None
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_surrogates(key)
            _check_surrogates(item)
    elif isinstance(value, list):
        for item in value:
            _check_surrogates(item)
