"""The page lists the causes and the faults that there are."""

from __future__ import annotations

import re
from pathlib import Path

from holdfast.doctor.catalog import CAUSES

from .faults import FAULTS

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")


def test_every_cause_stands_on_the_page_under_its_title() -> None:
    told = re.findall(r"^\| (DOC\d\d) \| ([^|]+) \|", PAGE, re.M)
    assert told == [(cause.code, cause.title) for cause in CAUSES]


def test_every_injected_fault_stands_on_the_page() -> None:
    told = re.findall(r"^\| ([TX]\d[a-z]?) \| ([^|]+) \| ([^|]+) \| (DOC\d\d) \|$", PAGE, re.M)
    assert told == [(name, fault.row, fault.what, fault.code) for name, fault in FAULTS.items()]
