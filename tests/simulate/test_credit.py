"""The credit simulator: 189 fields, gaps, and an outcome that can be learned."""

from __future__ import annotations

import numpy as np

from holdfast.simulate.credit import EXTERNAL, FIELDS, VOCABULARIES, applications
from holdfast.simulate.table import DAY

END = 1_790_000_000_000_000


def test_there_are_189_fields_and_a_column_for_each() -> None:
    columns = applications(200, end=END).columns
    assert len(FIELDS) == len(set(FIELDS)) == 189
    assert set(columns) - set(FIELDS) == {"application_id", "applied_at", "default", "default_received_at"}


def test_about_one_in_twelve_does_not_repay_and_external_scores_tell() -> None:
    columns = applications(20_000, end=END).columns
    known = np.array([value is not None for value in columns["default"]])
    default = columns["default"][known].astype(bool)
    assert 0.03 < default.mean() < 0.12
    score = columns[EXTERNAL[1]][known]
    assert np.nanmean(score[default]) < np.nanmean(score[~default]) - 0.1


def test_new_applications_have_no_outcome_yet_and_categories_keep_to_their_words() -> None:
    columns = applications(2_000, end=END).columns
    recent = columns["applied_at"] >= END - 90 * DAY
    assert recent.any()
    assert all(value is None for value in columns["default"][recent])
    for name, words in VOCABULARIES.items():
        assert {value for value in columns[name].tolist() if value is not None} <= set(words)
