"""Names of records: a prediction's id says where in the ledger it is, a body's digest says whether it was seen."""

from __future__ import annotations

from hashlib import blake2b

from holdfast.contract.values import canonical_body

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u, so an id survives being read aloud."""

_VALUE = {letter: number for number, letter in enumerate(_ALPHABET)}
_CHECK = 31
"""Prime below the alphabet's size: one wrong letter or two swapped ones change the check letter."""


_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_WEIGHTS = [
    [(2 * at + 2) * first + (2 * at + 3) * second for first in range(32) for second in range(32)] for at in range(4)
]
"""What the pair of letters at each place adds to the check: an id is made for every answer."""


def prediction_id(seq: int) -> str:
    """``p`` + seq in base 32 (at least 8 letters) + a check letter; below 2**40 ids sort by seq."""
    if seq < 1 << 40:
        a, b, c, d = seq >> 30, seq >> 20 & 1023, seq >> 10 & 1023, seq & 1023
        check = (_WEIGHTS[0][a] + _WEIGHTS[1][b] + _WEIGHTS[2][c] + _WEIGHTS[3][d]) % _CHECK
        return f"p{_PAIRS[a]}{_PAIRS[b]}{_PAIRS[c]}{_PAIRS[d]}{_ALPHABET[check]}"
    digits = ""
    rest = seq
    while rest:
        digits = _ALPHABET[rest & 31] + digits
        rest >>= 5
    return f"p{digits}{_ALPHABET[_check(digits)]}"


def seq_of(name: str) -> int | None:
    """The seq in a prediction id, or None when the text is no such id (mistyped, cut, foreign)."""
    digits, check = name[1:-1], name[-1:]
    if not name.startswith("p") or not 8 <= len(digits) <= 13 or any(letter not in _VALUE for letter in name[1:]):
        return None
    if _VALUE[check] != _check(digits):
        return None
    seq = 0
    for letter in digits:
        seq = seq << 5 | _VALUE[letter]
    return seq


def _check(digits: str) -> int:
    return sum(place * _VALUE[letter] for place, letter in enumerate(digits, start=2)) % _CHECK


def body_digest(raw: dict[str, object]) -> bytes:
    """16 bytes that equal bodies share, however they were spelled (key order, spaces, 1.50 or 1.5)."""
    return canonical_digest(canonical_body(raw))


def canonical_digest(body: bytes) -> bytes:
    """`body_digest` of a body that is in its canonical spelling already."""
    return blake2b(body, digest_size=16).digest()
