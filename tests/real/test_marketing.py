"""UCI's bank marketing: how long a call took is known when its answer is, and is refused as leakage."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples.bank_marketing.run import EXAMPLE
from tests.real.versions import Data, data, version

from holdfast.checks import data_leakage
from holdfast.checks.limits import Limits


@pytest.fixture(scope="module")
def marketing() -> Data:
    return data(EXAMPLE)


def with_duration(contract: str) -> str:
    """The example's contract as somebody would write it who takes every column."""
    for before, more in (
        ('        "age": integer(', '        "duration": integer(at_least=0, unit="s"),\n'),
        ('        "job": calls.job,', '        "duration": calls.duration,\n'),
    ):
        assert contract.count(before) == 1
        contract = contract.replace(before, more + before)
    return contract


@pytest.mark.parametrize("split", ["time", "hash"])
def test_the_length_of_the_call_is_refused_as_leakage(marketing: Data, tmp_path: Path, split: str) -> None:
    subject = version(marketing.project(tmp_path / "project", contract=with_duration), split=split)
    answer = data_leakage.CHECK.ask(subject, Limits())
    assert (answer.status, data_leakage.CHECK.severity) == ("failed", "required")
    assert answer.why.startswith("without duration a model loses ")
    assert "train --without" in answer.mend


@pytest.mark.parametrize("split", ["time", "hash"])
def test_without_it_nothing_leaks(marketing: Data, tmp_path: Path, split: str) -> None:
    answer = data_leakage.CHECK.ask(version(marketing.project(tmp_path / "project"), split=split), Limits())
    assert answer.status == "passed", answer.why
