"""What looks like a person's data, by its pattern and, where it has one, its checksum. Nothing found is repeated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from holdfast.training.rows import Floats

FEWEST = 20
"""Distinct numbers from which on a checksum that nearly all of them pass is no accident."""

NEARLY_ALL = 0.9
"""One number in ten passes a check digit by chance."""


@dataclass(frozen=True)
class Kind:
    """One kind of personal data in text. `holds` tells the real ones from what only looks alike."""

    name: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool]


def luhn(digits: str) -> bool:
    """The check digit of payment cards and Swedish personal numbers."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def card(text: str) -> bool:
    """A payment card number: an issuer's first digit, 13 to 19 digits, Luhn."""
    digits = _digits(text)
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits)


def iban(text: str) -> bool:
    """ISO 13616: 97 divides the rearranged number with remainder 1."""
    word = text.replace(" ", "").upper()
    if not 15 <= len(word) <= 34:
        return False
    return int("".join(str(int(sign, 36)) for sign in word[4:] + word[:4])) % 97 == 1


def ssn(text: str) -> bool:
    """A US social security number as the administration gives them: no 000, 666, 9xx area, no empty part."""
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def bsn(digits: str) -> bool:
    """The Dutch eleven-test."""
    if len(digits) != 9 or len(set(digits)) == 1:
        return False
    return (
        sum(int(digit) * weight for digit, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0
    )


def pesel(digits: str) -> bool:
    """The Polish personal number: a date of birth and a check digit."""
    if len(digits) != 11 or not 1 <= int(digits[2:4]) % 20 <= 12 or not 1 <= int(digits[4:6]) <= 31:
        return False
    return (
        sum(int(digit) * weight for digit, weight in zip(digits, (1, 3, 7, 9) * 2 + (1, 3, 1), strict=True)) % 10 == 0
    )


def steuer_id(digits: str) -> bool:
    """The German tax number: ISO 7064, MOD 11,10."""
    if len(digits) != 11 or digits[0] == "0":
        return False
    carry = 10
    for digit in digits[:10]:
        carry = ((int(digit) + carry) % 10 or 10) * 2 % 11
    return (11 - carry) % 10 == int(digits[10])


def dni(text: str) -> bool:
    """The Spanish identity number: its letter follows from its digits."""
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(text[:8]) % 23] == text[8].upper()


def _any(_: str) -> bool:
    return True


def _kind(name: str, pattern: str, holds: Callable[[str], bool] = _any) -> Kind:
    return Kind(name, re.compile(pattern), holds)


KINDS = (
    _kind("an e-mail address", r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b"),
    _kind("an IBAN", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b", iban),
    _kind("a payment card number", r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w|\.\w)", card),
    _kind("a phone number", r"(?<![\w.])\+\d{1,3}[ ./-]?(?:\(0\))?\d(?:[ ./-]?\d){6,12}(?!\w|\.\w)"),
    _kind("a phone number", r"(?<![\w.])\(\d{3}\) ?\d{3}-\d{4}(?!\w|\.\w)"),
    _kind("a US social security number", r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-]|\.\w)", ssn),
    _kind("a Spanish identity number", r"(?<![\w.-])\d{8}[A-HJ-NP-TV-Za-hj-np-tv-z](?![\w-]|\.\w)", dni),
    _kind("a British insurance number", r"(?<!\w)[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)"),
)
NUMBERS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("payment card numbers", card),
    ("Dutch citizen numbers", bsn),
    ("Polish personal numbers", pesel),
    ("German tax numbers", steuer_id),
)
NAMES = frozenset({
    "ahmed", "ali", "amanda", "ana", "andreas", "andrew", "anna", "anthony", "antonio", "ashley", "benjamin",
    "brandon", "brian", "carlos", "carol", "charles", "christopher", "cynthia", "daniel", "david", "deborah",
    "donald", "donna", "elena", "elizabeth", "emily", "emma", "eric", "fatima", "francisco", "gary", "giovanni",
    "giuseppe", "hans", "hiroshi", "ivan", "jacob", "james", "jason", "jean", "jeffrey", "jennifer", "jessica",
    "john", "jonathan", "joseph", "joshua", "josé", "juan", "julia", "justin", "jürgen", "karen", "katharina",
    "kathleen", "kenneth", "kevin", "kimberly", "klaus", "larry", "laura", "li", "linda", "lisa", "luis",
    "margaret", "maria", "marie", "mark", "martin", "matthew", "melissa", "michael", "michelle", "ming", "mohammed",
    "nancy", "natalia", "nicholas", "olga", "omar", "paul", "peter", "pierre", "priya", "rahul", "rebecca",
    "richard", "robert", "ronald", "ryan", "samuel", "sandra", "sarah", "scott", "sergey", "sophie", "stefan",
    "stephanie", "stephen", "steven", "susan", "thomas", "timothy", "wei", "william", "wolfgang", "yuki",
})  # fmt: skip
"""Given names that are seldom anything else; a vocabulary that mostly begins with them is a list of people."""

FIELDS = re.compile(
    r"^(?:e_?mail(?:_address)?|(?:tele)?phone(?:_number)?|mobile(?:_number)?|(?:first|last|full|sur|family|given)_?name"
    r"|iban|card_number|pan|ssn|passport(?:_number)?|national_id|tax_id|street|(?:postal_|home_)?address"
    r"|(?:date_of_)?birth(?:_?da(?:y|te))?)$"
)
"""Names of text fields that hold a person's data whatever their values."""


def kinds_in(text: str) -> list[str]:
    """What kinds of personal data a text holds, each once."""
    found = [
        kind.name for kind in KINDS if any(kind.holds(hit.group()) for hit in kind.pattern.finditer(text))
    ]  # fmt: skip
    return list(dict.fromkeys(found))


def names_in(words: Sequence[str]) -> int:
    """How many of a vocabulary's words are people's names; 0 where it is no list of people."""
    first = [re.split(r"[ _,.]", word.strip().lower(), maxsplit=1)[0] for word in words]
    named = sum(word in NAMES for word in first)
    return named if named >= 3 and 2 * named >= len(words) else 0


def kinds_of_numbers(values: Floats | Iterable[float]) -> list[str]:
    """Which identifying numbers a column holds: nearly all of its distinct whole values pass the checksum."""
    whole = {int(value) for value in values if value == value and abs(value) < 2**53 and value == int(value)}
    digits = [str(value) for value in whole if value > 9_999_999]
    if len(digits) < FEWEST or len(digits) < NEARLY_ALL * len(whole):
        return []
    return [name for name, holds in NUMBERS if sum(map(holds, digits)) >= NEARLY_ALL * len(digits)]


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())
