"""`serving.reasons` says which decisions come with their reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.project.project import Project
from holdfast.project.serve import parts


@pytest.mark.parametrize("when", ["positive", "asked", "never"])
def test_what_is_set_reaches_the_server(tmp_path: Path, when: str) -> None:
    (tmp_path / "holdfast.toml").write_text(f'[serving]\nreasons = "{when}"\n')
    assert parts(Project.open(tmp_path))["limits"].reasons == when


def test_positive_decisions_are_told_with_reasons_unless_said_otherwise(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text("")
    assert parts(Project.open(tmp_path))["limits"].reasons == "positive"


def test_a_word_that_says_no_decisions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text('[serving]\nreasons = "sometimes"\n')
    with pytest.raises(HoldfastError, match="says no decisions") as fault:
        parts(Project.open(tmp_path))
    assert fault.value.mend == "one of: positive, asked, never"
