"""NannyML's univariate drift as it comes: Jensen–Shannon's distance, thresholds of three standard deviations over the
chunks of the reference.

Chunks are days, as a look is; at scale its own default, ten. A week's chunks would be four in the reference, and it
warns below six: so it is asked by the day alone.
"""

from __future__ import annotations

import logging
import os

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import pandas as pd
from shown import About, Look, columns, judge, yes

logging.disable(logging.WARNING)


def fit(reference: pd.DataFrame, about: About) -> Look:
    return _fitted(reference, about, timestamp_column_name="time", chunk_period="D")


def at_scale(reference: pd.DataFrame, about: About) -> Look:
    return _fitted(reference, about)


def _fitted(reference: pd.DataFrame, about: About, **chunks: str) -> Look:
    made = nannyml.UnivariateDriftCalculator(
        column_names=columns(about), treat_as_categorical=about["categories"], **chunks
    ).fit(reference)

    def look(current: pd.DataFrame) -> list[str]:
        found = made.calculate(current).filter(period="analysis").to_df()
        found = found.iloc[-1:] if chunks else found
        return [item[0] for item in found.columns if item[-1] == "alert" and yes(found[item])]

    return look


if __name__ == "__main__":
    judge(fit, at_scale, ("day",))
