"""DOC16: does another model answer? Another bundle, another threshold, another contract."""

from __future__ import annotations

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.pair import Pair


def look(pair: Pair) -> Finding | None:
    ours, theirs = pair.research.model, pair.production.model
    told = []
    if pair.other_model:
        told.append(f"research has {_named(ours.version, ours.hash or ours.bundle)}, production answers by "
                    f"{_named(theirs.version, theirs.hash or theirs.bundle)}")  # fmt: skip
    if ours.contract and theirs.contract and ours.contract != theirs.contract:
        told.append(f"contract {ours.contract[:12]} in research, {theirs.contract[:12]} in production")
    if ours.threshold is not None and theirs.threshold is not None and ours.threshold != theirs.threshold:
        told.append(f"threshold {ours.threshold:g} in research, {theirs.threshold:g} in production")
    if not told:
        return None
    return MODEL.found(
        0.75, "; ".join(told), explains=("DOC07", "DOC17"),
        research={"version": ours.version, "hash": ours.hash, "bundle": ours.bundle, "threshold": ours.threshold},
        production={
            "version": theirs.version, "hash": theirs.hash, "bundle": theirs.bundle, "threshold": theirs.threshold,
        },
    )  # fmt: skip


def _named(version: str, digest: str) -> str:
    return f"version {version} ({digest[:12]})" if version else f"model {digest[:12]}"


MODEL = Cause(
    "DOC16",
    "Another model answers",
    "Compare with the version that answers (`holdfast versions` says which), or promote the one that was meant.",
    look,
)
