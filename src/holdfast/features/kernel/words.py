"""Text operations on one value. Text is NFC; case folding is ASCII only; length counts code points."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.contract.model import FIRST_CODE, UNKNOWN_CODE

_FOLD = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def lower(text: str) -> str:
    """A–Z to a–z, everything else as it is (str.lower would follow the Unicode tables of the Python that runs)."""
    return text.lower() if text.isascii() else text.translate(_FOLD)


def codes(values: Sequence[str]) -> dict[str, int]:
    """The category code of each declared text; any other text is `UNKNOWN_CODE`."""
    return {value: FIRST_CODE + i for i, value in enumerate(values)}


def code_of(text: str | None, table: dict[str, int]) -> int:
    """The category code of a text: 0 for null, 1 for an undeclared one."""
    return 0 if text is None else table.get(text, UNKNOWN_CODE)
