"""Faults of security (5), explainability (6) and compliance (7): what people have to be able to rely on."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import mlflow
import msgspec
import numpy as np
import pyarrow as pa
from benchmarks.scorecard.ask import IN_PROCESS, fault
from benchmarks.scorecard.fault import Fault
from benchmarks.scorecard.gate_model import GUESSING
from benchmarks.scorecard.stage import LENDER, Edit, Stage
from tests.checks.unsound import Fragile, With, flickering
from tests.vouched import promote

from holdfast.bundle.bundle import Bundle
from holdfast.checks import explainability_words
from holdfast.checks.personal import luhn
from holdfast.checks.subject import Subject
from holdfast.ledger.records import Decision, Promotion
from holdfast.project.server import Server
from holdfast.project.traffic import Client

NOT_SERVED = "GATE401 GATE402 GATE403 GATE801 GATE802 GATE803 GATE901 GATE1001 GATE1002"
"""What asks a server, which refuses an altered bundle; and what backs it up."""
EACH_EURO = "params={ num_iterations = 40, num_leaves = 127, min_data_in_leaf = 1 }"
ALTERED = f"GATE502 GATE503 {NOT_SERVED}"
LOAN = {
    "person": "p", "income": 30_000.5, "amount": 9_000, "months": 24, "purpose": "other", "sex": "male", "age": 40,
}  # fmt: skip


def _same(table: pa.Table) -> pa.Table:
    return table


def _trained(change: Callable[[pa.Table], pa.Table] = _same, *words: str, **more: Any) -> Any:
    def put(stage: Stage) -> Subject:
        stage.lender(change, words, **more)
        return stage.version()

    return put


def _worded(before: str, after: str) -> Edit:
    return lambda text: text.replace(before, after)


def _set(table: pa.Table, **columns: Any) -> pa.Table:
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table


def card_numbers(table: pa.Table) -> pa.Table:
    """Payment cards in the place of a number of months."""
    chance, found = np.random.default_rng(2), list[int]()
    while len(found) < table.num_rows:
        digits = "45" + "".join(map(str, chance.integers(0, 10, 13)))
        found.append(int(digits + next(str(at) for at in range(10) if luhn(digits + str(at)))))
    return _set(table, months=found)


AS_A_FEATURE: Edit = lambda text: text.replace(  # noqa: E731 — one of several edits, all of one form
    'integer(at_least=1, at_most=120, changeable="up")', "integer(at_least=1)"
).replace('"rate": feature', '"months": loans.months,\n        "rate": feature')


def by_whole_euros(table: pa.Table) -> pa.Table:
    """Whether the amount is even decides: whoever asks for a euro less gets the loan."""
    euros = np.random.default_rng(3).integers(1, 120, table.num_rows)
    return _set(table, amount=[f"{value}.00" for value in euros], default=euros % 2 == 0)


def kept_from_women(table: pa.Table) -> pa.Table:
    """What women want the money for stands for their sex, and they were refused before."""
    chance = np.random.default_rng(4)
    women = np.asarray(table["sex"].to_pylist()) == "female"
    proxy = women & (chance.random(table.num_rows) < 0.9)
    purpose = np.where(proxy, "other", chance.choice(["car", "home"], table.num_rows))
    default = np.asarray(table["default"].to_pylist()) | (proxy & (chance.random(table.num_rows) < 0.6))
    return _set(table, purpose=purpose, default=default)


def _copied(change: Callable[[Stage, Subject], Subject | None]) -> Any:
    """The clean version, and something done to it since."""

    def put(stage: Stage) -> Subject:
        stage.copied()
        sound = stage.version()
        return change(stage, sound) or sound

    return put


def an_address_in_the_card(stage: Stage, sound: Subject) -> None:
    card = sound.folder / "model_card.md"
    card.write_text(card.read_text() + "\nAsk ada@example.org, 4111 1111 1111 1111.\n")


def fragile(stage: Stage, sound: Subject) -> Subject:
    return replace(sound, bundle=cast(Bundle, Fragile(sound.bundle)))


def a_pickle_beside(stage: Stage, sound: Subject) -> None:
    (sound.folder / "model.pkl").write_bytes(pickle.dumps([1]))


def weak_package(stage: Stage, sound: Subject) -> None:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]
    item = {"package": {"ecosystem": "PyPI", "name": "numpy"}, "ranges": ranges}
    record = {"id": "TEST-1", "modified": "2026-11-01T00:00:00Z", "summary": "it leaks", "affected": [item]}
    told = {"date": "2026-11-01", "source": "test", "advisories": [record]}
    (stage.folder / "osv.json").write_text(json.dumps(told))
    stage.changed["advisories"] = "osv.json"


def a_changed_byte(stage: Stage, sound: Subject) -> None:
    place = sound.folder / "threshold.json"
    place.write_bytes(place.read_bytes().replace(b"0.", b"1.", 1))


def registered_otherwise(stage: Stage, sound: Subject) -> None:
    uri = sound.place.registry_uri
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.set_model_version_tag("lender", "1", "holdfast.model_hash", "f" * 64)


def _explained(stage: Stage, sound: Subject, contributions: Any) -> Subject:
    predictor = With(sound.bundle.predictor, contributions=contributions)
    return replace(sound, bundle=cast(Bundle, With(sound.bundle, predictor=predictor)))


def not_adding_up(stage: Stage, sound: Subject) -> Subject:
    real = sound.bundle.predictor.contributions
    return _explained(stage, sound, lambda row: [part * 1.0001 for part in real(row)])


def without_reasons(stage: Stage, sound: Subject) -> Subject:
    reference = sound.bundle.reference
    assert reference is not None
    none = replace(reference, contributions=tuple(99.0 for _ in reference.contributions))
    return replace(sound, bundle=cast(Bundle, With(sound.bundle, reference=none)))


def in_columns(stage: Stage, sound: Subject) -> None:
    """Reasons as a notebook writes them."""
    stage.patch.setattr(
        explainability_words,
        "compile_reason",
        lambda contract, feature, usual: lambda value: f"{feature.name}: {value}",
    )


def of_no_use(stage: Stage, sound: Subject) -> None:
    stage.changed["use_case"] = "loans"


def no_human_route(stage: Stage, sound: Subject) -> None:
    (stage.folder / "human_review.md").write_text("to do")


def without_a_reason(stage: Stage, sound: Subject) -> Subject:
    """Somebody made it live and did not say why."""
    of = sound.bundle
    with sound.place.writing() as (_, writer):
        step = Promotion(
            action="promote", alias="shadow", version="1", bundle=of.hash, contract=of.contract.hash, who="ada", why=" "
        )
        writer.commit([step])
    return stage.version()


def altered_answer(stage: Stage, sound: Subject) -> Subject:
    """A decision in the ledger that the version never made."""
    project = sound.place
    promote(project, "1", why="the first")
    with Server(project.folder) as server, Client(server.port) as client:
        status, reply = client.post("/predict", LOAN)
        if status != 200:
            raise RuntimeError(reply)
    (made,) = (item for item in project.reader.records() if isinstance(item, Decision))
    with project.writing() as (_, writer):
        writer.commit([msgspec.structs.replace(made, event_id="other", prediction_id="", probability=0.9999)])
    return stage.version()


_ = partial(fault, base=LENDER)
FAULTS: tuple[Fault, ...] = (
    _("C5.1a", "a field marked as personal is a feature", "GATE501",
      _trained(contract=_worded('"income": decimal(', '"income": decimal(personal=True, ')), in_the_data=False,
      beside="GATE603"),
    _("C5.1b", "e-mail addresses that nobody marked as personal", "GATE501",
      _trained(contract=_worded('"e_mail": text(personal=True, ', '"e_mail": text(')), columns="e_mail"),
    _("C5.2a", "payment card numbers as a feature", "GATE501", _trained(card_numbers, contract=AS_A_FEATURE),
      columns="months", beside=f"{GUESSING} GATE109 GATE305 GATE505 GATE605"),
    _("C5.2b", "an address and a card number in the model card", "GATE501", _copied(an_address_in_the_card),
      beside=ALTERED, in_the_data=False),
    _("C5.3a", "a euro less turns every refusal", ("GATE504", "GATE303"), _trained(by_whole_euros, EACH_EURO),
      columns="amount", beside=f"{GUESSING} GATE101 GATE105 GATE304"),
    _("C5.3b", "a model that looks at the cents", "GATE504", _copied(fragile), in_the_data=False,
      categories=IN_PROCESS, beside=f"{GUESSING} GATE305 GATE601"),
    _("C5.3c", "a pickle beside the model", "GATE503", _copied(a_pickle_beside), beside=ALTERED, in_the_data=False),
    _("C5.3d", "a library with a known weakness", "GATE505", _copied(weak_package), in_the_data=False),
    _("C5.4a", "a byte of the bundle changed after it was sealed", "GATE502", _copied(a_changed_byte),
      beside=ALTERED, in_the_data=False),
    _("C5.4b", "registered under another hash", "GATE502", _copied(registered_otherwise), in_the_data=False),
    _("C6.1a", "refusals without a reason", "GATE601", _copied(without_reasons), in_the_data=False,
      categories=IN_PROCESS, beside="GATE602 GATE603"),
    _("C6.1b", "reasons that show columns and codes", "GATE603", _copied(in_columns), in_the_data=False),
    _("C6.2a", "contributions that do not add up to the score", "GATE601", _copied(not_adding_up), in_the_data=False,
      categories=IN_PROCESS),
    _("C6.2b", "a first reason that a cent turns", "GATE602",
      _copied(lambda stage, sound: _explained(stage, sound, flickering)), in_the_data=False, categories=IN_PROCESS,
      beside="GATE601"),
    _("C6.3a", "a model card whose figures have no intervals", "GATE604", _trained(_same, "bootstrap=0"),
      in_the_data=False, beside="GATE202"),
    _("C6.3b", "a feature that nobody describes", "GATE605",
      _trained(contract=_worded(', description="amount asked for"', "")), in_the_data=False, beside="GATE603 GATE903"),
    _("C7.1a", "nobody says which law holds", "GATE702", _copied(of_no_use), in_the_data=False, beside="GATE704"),
    _("C7.1b", "a credit model that cannot tell specific reasons", "GATE702", _copied(in_columns), in_the_data=False,
      beside="GATE603"),
    _("C7.2a", "women are refused by what stands for their sex", "GATE701", _trained(kept_from_women),
      columns="sex purpose", beside=f"{GUESSING} GATE111 GATE306"),
    _("C7.2b", "no way to a person is written down", "GATE704", _copied(no_human_route), in_the_data=False),
    _("C7.3a", "made live without a reason", "GATE703", _copied(without_a_reason), in_the_data=False),
    _("C7.3b", "an answer in the records that was never given", "GATE703", _copied(altered_answer),
      beside="GATE1001", in_the_data=False),
)  # fmt: skip
