"""GATE603: are reasons told in the contract's words? GATE605: has every feature words of its own?

A reason may not show a code, a raw column name where the contract describes it, or what a personal field holds.
"""

from __future__ import annotations

import re

import numpy as np

from holdfast.checks.check import EXPLAINABILITY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.contract.model import Feature
from holdfast.explain.groups import groups_of
from holdfast.explain.reasons import reasoner
from holdfast.explain.words import compile_reason, is_personal, value_in_words, what

ROWS = 200
SHOWN = 5
_CODE = re.compile(r"\bcode \d+\b|\bnan\b|\binf\b")


def ask(subject: Subject, limits: Limits) -> Answer:
    contract, bundle = subject.contract, subject.bundle
    index = subject.split.test.index
    index = index[np.unique(np.linspace(0, len(index) - 1, ROWS).astype(np.int64))]
    rows = subject.rows.X[index]
    usual = [float("nan")] * len(contract.features) if bundle.reference is None else list(bundle.reference.usual)
    wrong: dict[str, str] = {}
    rendered = 0
    for at, feature in enumerate(contract.features):
        say = compile_reason(contract, feature, usual[at])
        for value in np.unique(rows[:, at])[:ROWS].tolist():
            rendered += 1
            if why := _wrong(subject, feature, value, say(value)):
                wrong.setdefault(feature.name, why)
    told = [reasoner(bundle).because(row, positive=True) for row in rows[:20].tolist()]
    examples = list(dict.fromkeys(item.text for because in told for item in because.reasons[:1]))[:SHOWN]
    covered = [at for group in groups_of(contract) for at in group.members]
    if sorted(covered) != list(range(len(contract.features))):
        wrong["groups"] = "a feature is in no group, or in two"
    evidence = {"rendered": rendered, "groups": len(groups_of(contract)), "examples": examples, "wrong": wrong}
    if wrong:
        said = "; ".join(f"{name}: {why}" for name, why in list(wrong.items())[:SHOWN])
        return failed(said, "describe the feature in the contract (`description=`), and declare its words", **evidence)
    return passed(f"{rendered:,} reasons of {len(contract.features)} features are told in words", **evidence)


def _wrong(subject: Subject, feature: Feature, value: float, text: str) -> str:
    """What is wrong with a reason's text; empty where nothing is."""
    name, _, rest = text.partition(": ")
    if _CODE.search(rest):
        return f"a reason shows a code: {text}"
    if feature.description and feature.name in name.split() and feature.name not in feature.description.split():
        return f"a reason shows the column's name: {text}"
    if not name.strip() or not name.startswith(what(feature)):
        return f"a reason does not say what it is about: {text}"
    if is_personal(subject.contract, feature):
        word = value_in_words(subject.contract, feature, value)
        if isinstance(word, str | float) and not isinstance(word, bool) and str(word) in rest:
            return "a reason shows what a personal field holds"
    return ""


def described(subject: Subject, limits: Limits) -> Answer:
    bare = [item.name for item in subject.contract.features if not item.description]
    count = len(subject.contract.features)
    evidence = {"features": count, "without_description": bare}
    if bare:
        said = (
            f"{len(bare)} of {count} features have no description, so reasons spell their names: {', '.join(bare[:5])}"
        )
        return failed(said, "`feature(…, description=…)` in the contract: these words are what people read", **evidence)
    return passed(f"all {count} features are described", **evidence)


CHECK = Check("GATE603", EXPLAINABILITY, "Reasons in the contract's words", ask)
DESCRIBED = Check("GATE605", EXPLAINABILITY, "Every feature is described", described, "advised")
