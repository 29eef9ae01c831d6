"""What an incident left is run like any other drill, on a real server, and is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.drills.catalog import KNOWN
from holdfast.drills.left import left
from holdfast.drills.run import Drills

pytestmark = pytest.mark.long

RENAMED = """
name = "incident-7"
incident = "the tills say 422"
causes = ["missing", "refused", "schema", "unknown_field"]
within_predictions = 500
within_minutes = 1440.0
inject = "rename"
field = "merchant_category"
to = "category"
"""


def test_a_field_that_was_renamed_once_is_caught_the_next_time(drills: Drills, tmp_path: Path) -> None:
    (tmp_path / "drills").mkdir()
    (tmp_path / "drills" / "incident-7.toml").write_text(RENAMED)
    (drill,) = left(tmp_path, KNOWN)
    ran = drills.one(drill)
    assert ran.status == "caught", ran
    assert ran.naming is not None
    assert ran.naming.predictions <= 20
    assert ran.clean == ()
