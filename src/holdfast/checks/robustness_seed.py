"""GATE307: would another seed decide otherwise? The same rows, family and parameters, fitted with two seeds.

What differs between the two is drawn, not learned. A family that draws nothing differs in nothing.
"""

from __future__ import annotations

from holdfast.bundle.calibration import Calibration
from holdfast.checks.check import ROBUSTNESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.quick import again, plain_sample
from holdfast.checks.subject import Subject
from holdfast.intervals import share
from holdfast.training.rows import Floats

MOST = 10_000
CELLS, LEAST = 1_000_000, 5_000
OTHER = 7_919
"""Added to the seed."""


def ask(subject: Subject, limits: Limits) -> Answer:
    seed, threshold = subject.settings.seed, subject.bundle.threshold.value
    most = min(MOST, max(LEAST, CELLS // len(subject.rows.names)))
    learned = plain_sample(subject.split.train, seed, most)
    judged = plain_sample(subject.split.test, seed, most)
    rows = subject.rows.X[judged.index]

    def said(with_seed: int) -> Floats:
        fitted = again(subject, learned, with_seed)
        return Calibration().apply(fitted.predictor.scores(rows), fitted.spec.link)

    one, other = said(seed), said(seed + OTHER)
    differ = share(int(((one >= threshold) != (other >= threshold)).sum()), len(rows))
    evidence = {
        "flipped": differ.as_dict(),
        "moved": float(abs(one - other).mean()),
        "rows": {"learned": len(learned), "judged": len(rows)},
        "seeds": [seed, seed + OTHER],
    }
    why = f"{differ.value:.2%} of the decisions differ between two seeds, on {len(learned):,} rows learned from"
    if (differ.low or 0.0) > limits.most_seed_flipped:
        return failed(why, "more trees, less drawing of rows and features, or the mean of several seeds", **evidence)
    return passed(why, **evidence)


CHECK = Check("GATE307", ROBUSTNESS, "Another seed decides alike", ask)
