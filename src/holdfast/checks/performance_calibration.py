"""GATE204: of those it calls 30 %, do three in ten turn out so? Thresholds by cost, and people, read it that way."""

from __future__ import annotations

import numpy as np

from holdfast.checks.check import PERFORMANCE, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.training.evaluate import CALIBRATION_BINS


def ask(subject: Subject, limits: Limits) -> Answer:
    test, said = subject.split.test, subject.test_probability
    error = subject.test_metrics["calibration_error"]
    bins = np.minimum((said * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    curve = [
        {"rows": int(here.sum()), "said": float(said[here].mean()), "seen": float(test.y[here].mean())}
        for here in (bins == at for at in range(CALIBRATION_BINS))
        if here.any()
    ]
    evidence = {"error": error.as_dict(), "curve": curve}
    why = f"said and seen shares differ by {error.value:.3f} ({error.low:.3f} to {error.high:.3f}) in the mean"
    if (error.low or 0.0) > limits.most_calibration_error:
        return failed(why, "train with calibration = isotonic or sigmoid", **evidence)
    return passed(why, **evidence)


CHECK = Check("GATE204", PERFORMANCE, "Means what it says", ask)
