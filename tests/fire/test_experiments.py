"""Each experiment in its short form: the claim holds, and without the mechanism it would not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fire.__main__ import EXPERIMENTS, table
from fire.experiment import Plan, Result

pytestmark = pytest.mark.long

NEEDS_A_SERVER = {"X6"}
"""These start PostgreSQL and an MLflow server, which takes half a minute."""


@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_the_claim_holds_and_its_control_fails(name: str, tmp_path: Path) -> None:
    if name in NEEDS_A_SERVER and os.environ.get("HOLDFAST_REQUIRE_SERVICES") != "1":
        pytest.skip("starts an MLflow server on PostgreSQL: HOLDFAST_REQUIRE_SERVICES=1 runs it")
    found = EXPERIMENTS[name][1](Plan(tmp_path, short=True))
    print(found)
    if found.skipped:
        pytest.skip(found.skipped)
    assert found.control_failed, str(found)
    assert found.held, str(found)


def test_a_control_that_does_not_fail_is_no_success() -> None:
    found = Result({"lost": 0}, held=True, control="without it 0 are lost", control_failed=False)
    assert not found.ok
    assert "DID NOT FAIL" in str(found)
    assert "DID NOT HOLD" in table({"X1": found})
