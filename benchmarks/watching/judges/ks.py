"""The documents' own test: Kolmogorov–Smirnov at p < 0.05, column by column; chi-squared where it is a category."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp
from shown import judge

LEVEL = 0.05


def look(reference: pd.DataFrame, current: pd.DataFrame, about: dict[str, Any]) -> list[str]:
    raised = []
    for name in [*about["numbers"], about["score"]]:
        ours, theirs = reference[name].dropna(), current[name].dropna()
        if len(ours) and len(theirs) and ks_2samp(ours, theirs).pvalue < LEVEL:
            raised.append(name)
    for name in about["categories"]:
        words = pd.concat([reference[name], current[name]]).fillna("(null)").unique()
        table = np.array([side[name].fillna("(null)").value_counts().reindex(words, fill_value=0) for side in
                          (reference, current)])  # fmt: skip
        if table.shape[1] > 1 and chi2_contingency(table).pvalue < LEVEL:
            raised.append(name)
    return raised


if __name__ == "__main__":
    judge(look)
