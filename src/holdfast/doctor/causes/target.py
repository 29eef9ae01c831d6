"""DOC15: does the target say what happened? By the same rows' labels, by corrections, by what scores still tell."""

from __future__ import annotations

from math import sqrt

import numpy as np

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.figures import auc_error, more, z_of
from holdfast.doctor.pair import Pair
from holdfast.doctor.side import Floats, Rows
from holdfast.intervals import roc_auc

LEAST = 3
FEW_POSITIVES = 20
LOST = 0.05
"""Lower bound of the ROC-AUC lost, beyond which the target is asked about."""
CORRECTED = 0.02


def look(pair: Pair) -> Finding | None:
    return _other_labels(pair) or _corrected(pair) or _lost(pair)


def _other_labels(pair: Pair) -> Finding | None:
    item = pair.labels
    if item is None or item.count < LEAST:
        return None
    a, b = item.research[item.mask].astype(np.float64), item.production[item.mask].astype(np.float64)
    up, down = int(((a < 0.5) & (b > 0.5)).sum()), int(((a > 0.5) & (b < 0.5)).sum())
    says = (
        f"of {len(item.mask):,} rows that both have, {item.count:,} have another label: {up:,} negative in research "
        f"and positive in production, {down:,} the other way"
    )
    return TARGET.found(0.74, says, rows=item.count, of=len(item.mask), up=up, down=down, examples=item.examples())


def _corrected(pair: Pair) -> Finding | None:
    told = pair.production.corrected
    if told is None or told[0] < LEAST or more(told[0], told[1], CORRECTED * told[1], told[1], 1) <= 0:
        return None
    says = f"{told[0]:,} of {told[1]:,} outcomes were given otherwise first and corrected later"
    return TARGET.found(0.64, says, corrected=told[0], of=told[1])


def _lost(pair: Pair) -> Finding | None:
    """The scores are those of research, and tell less about the labels than they did."""
    ours, theirs = judged(pair.research.rows, learned=False), judged(pair.production.rows)
    if ours is None or theirs is None or {"features", "scores", "model"} & pair.disagreements.keys():
        return None
    (y, s), (y_live, s_live) = ours, theirs
    positives = (int(y.sum()), int(y_live.sum()))
    if min(*positives, len(y) - positives[0], len(y_live) - positives[1]) < FEW_POSITIVES:
        return None
    then, now = roc_auc(y == 1, s).value, roc_auc(y_live == 1, s_live).value
    error = sqrt(
        auc_error(then, positives[0], len(y) - positives[0]) ** 2
        + auc_error(now, positives[1], len(y_live) - positives[1]) ** 2
    )
    surely = (then - now) - z_of(1) * error
    if surely <= LOST:
        return None
    says = (
        f"the scores' ROC-AUC was {then:.3f} on {len(y):,} labelled rows in research and is {now:.3f} on "
        f"{len(y_live):,} in production (at least {surely:.3f} lost): where scores and "
        "variables are alike, the labels are not"
    )
    return TARGET.found(
        0.56, says, research=then, production=now, surely_lost=surely, rows=[len(y), len(y_live)],
        positives=list(positives),
    )  # fmt: skip


def judged(rows: Rows | None, *, learned: bool = True) -> tuple[Floats, Floats] | None:
    """Labels and scores where there are both; without `learned`, of rows the model has not learned from, if told."""
    if rows is None or rows.labels is None or rows.scores is None:
        return None
    keep = ~np.isnan(rows.labels) & ~np.isnan(rows.scores)
    if not learned and rows.split is not None:
        held_out = ~np.char.startswith(rows.split, "train")
        keep = keep & held_out if (keep & held_out).any() else keep
    return (rows.labels[keep], rows.scores[keep]) if keep.any() else None


TARGET = Cause(
    "DOC15",
    "The target is not reliable",
    "Confirm with who records it that the target is the real outcome: when it is written, by whom, whether it is "
    "corrected, and what becomes of cases that are never reported. Train on labels that have settled.",
    look,
)
