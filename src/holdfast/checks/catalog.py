"""Every check of the gate, in the order in which they are asked."""

from __future__ import annotations

from holdfast.checks import (
    data_conflicts,
    data_missing,
    data_size,
    data_source,
    performance_calibration,
    performance_metrics,
    robustness_extremes,
    robustness_folds,
    robustness_missing,
    robustness_noise,
    robustness_overfit,
)
from holdfast.checks.check import Check

CHECKS: tuple[Check, ...] = (
    data_size.CHECK,
    data_missing.CHECK,
    data_conflicts.CHECK,
    data_source.CHECK,
    performance_metrics.CHECK,
    performance_calibration.CHECK,
    robustness_overfit.CHECK,
    robustness_folds.CHECK,
    robustness_noise.CHECK,
    robustness_missing.CHECK,
    robustness_extremes.CHECK,
)
