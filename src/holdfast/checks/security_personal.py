"""GATE501: is a person's data in what the model knows, or in what is carried around with it?

A bundle is copied to every server and kept for years: nothing in it may tell who anybody is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from holdfast.bundle.manifest import MANIFEST
from holdfast.checks.check import SECURITY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.personal import FIELDS, kinds_in, kinds_of_numbers, names_in
from holdfast.checks.subject import Subject
from holdfast.contract.model import Contract, Feature
from holdfast.explain.words import is_personal
from holdfast.project.alerts.words import texts

LOOKED_AT = 2_000
"""Values of each feature, spread over the rows; golden rows and profile are made of the same."""
TEXTS = ("contract.json", "reference/profile.json", "threshold.json", "calibration.json", "model_card.md")


def ask(subject: Subject, limits: Limits) -> Answer:
    contract = subject.contract
    own = [item.name for item in contract.features if straight(contract, item)]
    found = [(name, "it is a field marked personal, as it is") for name in own]
    for place, words in _vocabularies(contract):
        if count := names_in(words):
            found.append((place, f"{count} of its {len(words)} words are people's names"))
        found += [
            (place, f"a word of it is {kind}") for kind in sorted({kind for word in words for kind in kinds_in(word)})
        ]
    at = np.unique(np.linspace(0, len(subject.rows) - 1, LOOKED_AT).astype(np.int64))
    for column, feature in enumerate(contract.features):
        if feature.expr.kind == "number":
            found += [(feature.name, f"its values are {kind}") for kind in kinds_of_numbers(subject.rows.X[at, column])]
    for source in contract.sources:
        for field in source.fields:
            if field.type == "text" and not field.personal and FIELDS.match(field.name.lower()):
                found.append((f"{source.name}.{field.name}", "by its name a person's data, and not marked personal"))
    looked, held = _files(subject)
    found += held
    derived = [item.name for item in contract.features if is_personal(contract, item) and not straight(contract, item)]
    evidence = {
        "found": [{"where": where, "what": what} for where, what in dict.fromkeys(found)],
        "derived_from_personal_fields": derived,
        "values_of_each_feature": len(at),
        "files": looked,
    }
    if found:
        told = "; ".join(f"{where}: {what}" for where, what in list(dict.fromkeys(found))[:5])
        mend = "leave it out, or make of it what tells nobody apart (a count, a region, an age); mark personal fields"
        return failed(told, mend, **evidence)
    beside = f"; {len(derived)} features are derived from personal fields" if derived else ""
    return passed(f"none in {len(contract.features)} features and {looked or 'no'} files{beside}", **evidence)


def straight(contract: Contract, feature: Feature) -> bool:
    """Whether the feature's value is a personal field's own, of this event or of one before."""
    node = feature.expr
    if node.op == "field":
        return contract.source(node["source"]).field(node["name"]).personal
    if node.op == "to_category":
        return any(
            item.op == "field" and contract.source(item["source"]).field(item["name"]).personal for item in node.args
        )
    if node.op == "aggregate":
        aggregate = contract.aggregates[node["index"]]
        own = aggregate.name in ("first", "last", "as_of", "min", "max") and not aggregate.label
        return own and aggregate.value is not None and contract.source(aggregate.source).field(aggregate.value).personal
    return False


def _vocabularies(contract: Contract) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every list of words that the contract, and so the bundle, holds."""
    for source in contract.sources:
        for field in source.fields:
            words = (*field.values, *field.placeholders, *(() if field.impute is None else (field.impute,)))
            if words:
                yield f"{source.name}.{field.name}", words
    filters = [item.where for item in contract.aggregates if item.where is not None]
    for feature in contract.features:
        for node in feature.expr.walk():
            yield from ((feature.name, words) for words in _listed(node.params))
    for root in filters:
        for node in root.walk():
            yield from (("a filter", words) for words in _listed(node.params))


def _listed(params: tuple[tuple[str, Any], ...]) -> Iterator[tuple[str, ...]]:
    for name, value in params:
        if name in ("values", "value", "text"):
            words = value if isinstance(value, tuple) else (value,)
            if texts := tuple(word for word in words if isinstance(word, str)):
                yield texts


def _files(subject: Subject) -> tuple[int, list[tuple[str, str]]]:
    """How many of the bundle's texts were read, and what they hold; who trained may be named in it."""
    if subject.project is None:
        return 0, []
    found, looked = [], 0
    who = str(subject.bundle.manifest.training.get("who", ""))
    for name in (*TEXTS, MANIFEST):
        path = subject.folder / name
        if not path.is_file():
            continue
        looked += 1
        text = path.read_text(encoding="utf-8", errors="replace")
        parts = "\n".join(texts(json.loads(text))) if name.endswith(".json") else text
        found += [(name, f"it holds {kind}") for kind in kinds_in(parts.replace(who, "") if who else parts)]
    return looked, found


CHECK = Check("GATE501", SECURITY, "No person's data in features and bundle", ask)
