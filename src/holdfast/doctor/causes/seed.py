"""DOC04: does something draw numbers without a seed, or with another one?"""

from __future__ import annotations

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.pair import Pair
from holdfast.doctor.side import UNTOLD

FOLLOWS = ("DOC06", "DOC07", "DOC12", "DOC16", "DOC17")


def look(pair: Pair) -> Finding | None:
    ours, theirs = pair.research.seed, pair.production.seed
    if UNTOLD in (ours, theirs) and None not in (ours, theirs):
        return None
    if ours == theirs and ours is not None:
        return None
    if pair.shown_equal:
        return None
    told = {name: seed for name, seed in (("research", ours), ("production", theirs)) if seed != UNTOLD}
    unset = [name for name, seed in told.items() if seed is None]
    seen = {"split", "scores", "model", "features"} & pair.disagreements.keys()
    says = (
        f"no seed is set in {' and in '.join(unset)}" if unset else f"seed {ours} in research, {theirs} in production"
    )
    if "split" in seen:
        assert pair.split is not None
        says += f"; {pair.split.count:,} of {len(pair.split.mask):,} rows are in another part of the split"
    elif seen:
        says += "; differ: " + ", ".join(sorted(seen))
    weight = (0.86 if "split" in seen else 0.84) if seen else 0.40
    return SEED.found(weight, says, explains=FOLLOWS, seeds=told, differ=pair.disagreements)


SEED = Cause(
    "DOC04",
    "No common seed",
    "Set one seed for everything that draws numbers (split, sampling, fitting, filling), in both places; record it.",
    look,
)
