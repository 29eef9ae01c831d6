"""The documents' own test: Kolmogorov–Smirnov at p < 0.05, column by column, of what is not null; and their own alert,
when more than a tenth of the columns drifted.

Their code tests numbers alone. Categories are tested by chi-squared at the same level, so that it is not blind to them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp
from shown import About, Look, columns, judge

LEVEL = 0.05
SHARE = 0.1


def fit(reference: pd.DataFrame, about: About) -> Look:
    def look(current: pd.DataFrame) -> list[str]:
        raised = []
        for name in (*about["numbers"], about["score"]):
            before, now = reference[name].dropna(), current[name].dropna()
            if len(before) and len(now) and ks_2samp(before, now).pvalue < LEVEL:
                raised.append(name)
        for name in about["categories"]:
            table = _counted(reference[name], current[name])
            if table.shape[1] > 1 and chi2_contingency(table).pvalue < LEVEL:
                raised.append(name)
        many = len(raised) / len(columns(about)) > SHARE
        return [*raised, *(["…more than a tenth"] if many else [])]

    return look


def _counted(*sides: pd.Series) -> np.ndarray:
    words = pd.concat(sides).fillna("(null)").unique()
    return np.array([side.fillna("(null)").value_counts().reindex(words, fill_value=0) for side in sides])


if __name__ == "__main__":
    judge(fit)
