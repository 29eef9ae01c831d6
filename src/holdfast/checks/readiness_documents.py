"""GATE903: there is a model card, of this model, and it names everything that the model looks at."""

from __future__ import annotations

from holdfast.checks.check import READINESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.contract.words import expression_words

LEAST = 200
"""Characters; less is no documentation."""


def ask(subject: Subject, limits: Limits) -> Answer:
    contract = subject.bundle.contract
    place = subject.place.bundles_path / subject.bundle.hash
    card = (place / "model_card.md").read_text(encoding="utf-8")
    unnamed = [item.name for item in contract.features if item.name not in card]
    evidence = {
        "characters": len(card),
        "sections": [line.strip("# ") for line in card.splitlines() if line.startswith("## ")],
        "features": {
            item.name: item.description or expression_words(contract, item.expr) for item in contract.features
        },
        "features_not_named": unnamed,
    }
    wrong = []
    if len(card.strip()) < LEAST:
        wrong.append("the model card is empty" if not card.strip() else "the model card says next to nothing")
    else:
        if contract.name not in card:
            wrong.append(f"the model card is not of {contract.name}")
        if unnamed:
            wrong.append(f"the model card does not name {', '.join(unnamed[:5])}")
    if wrong:
        return failed("; ".join(wrong), "train again: holdfast train writes the card from what it measured", **evidence)
    why = f"a model card of {len(card.splitlines()):,} lines names all {len(contract.features)} features"
    return passed(why, **evidence)


CHECK = Check("GATE903", READINESS, "There is a model card", ask)
