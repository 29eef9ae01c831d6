"""DOC17: scores differ, or rows get none, and nothing else that was looked at says why."""

from __future__ import annotations

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.pair import Pair


def look(pair: Pair) -> Finding | None:
    scores, unscored = pair.scores, pair.unscored
    parts = []
    if scores is not None and scores.count:
        parts.append(
            f"{scores.count:,} of {len(scores.mask):,} rows get another score, with no difference in what was told"
        )
    if unscored.any():
        parts.append(f"{int(unscored.sum()):,} of {len(unscored):,} rows get no score")
    if not parts:
        return None
    rows = pair.production.rows
    assert rows is not None
    return UNEXPLAINED.found(
        0.10, "; ".join(parts), examples=scores.examples() if scores is not None else [],
        unscored=[str(item) for item in rows.ids[unscored][:5]],
    )  # fmt: skip


UNEXPLAINED = Cause(
    "DOC17",
    "Scores differ, and nothing told explains it",
    "Tell more of both sides: features and inputs of the same rows, versions, the model's hash, a second scoring.",
    look,
)
