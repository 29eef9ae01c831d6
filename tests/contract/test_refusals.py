"""Each way to write a wrong contract, the line it is on, and what the user is told: one snippet per kind of fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.contract import Contract, Events, days, load_file, text, timestamp
from holdfast.contract.faults import CODES
from holdfast.errors import HoldfastError, Problem

HEAD = """\
from holdfast.contract import *
from holdfast.contract import Events
payments = Events(
    "payments", id="id", time="at", fields={
        "id": text(), "at": timestamp(), "card": text(personal=True), "shop": text(),
        "amount": decimal(scale=2), "score": real(), "n": integer(), "flag": boolean(), "age": integer(nullable=True),
        "kind": category("online", "shop"), "other": category("shop", "online"),
    })
logins = Events("logins", id="id", time="at", fields={
    "id": text(), "at": timestamp(), "card": text(), "n": integer(), "kind": category("a", "b"), "ok": boolean()})
fraud = payments.label("fraud", known_after=days(7), absent=False, final_after=days(30))
hijack = logins.label("hijack", known_after=days(1))
card = payments.per("card")
"""
FOOT = """
contract = Contract("c", decide_on=payments, label=fraud, features={"ok": payments.amount, "f": f})
"""
LINE = HEAD.count("\n") + 1


def faults_of(text_of_file: str, tmp_path: Path) -> list[Problem]:
    file = tmp_path / "contract.py"
    file.write_text(text_of_file, encoding="utf-8")
    with pytest.raises(HoldfastError) as caught:
        load_file(file)
    assert all(problem.code in CODES for problem in caught.value.problems)
    return [
        Problem(item.field.removeprefix(f"{file}:"), item.code, item.what, item.mend) for item in caught.value.problems
    ]


FEATURES = [
    # a contract that could leak
    ("fraud", "leak", "learned after the decision"),
    ("payments.amount * fraud", "leak", "payments.fraud is learned after the decision, so * cannot see it"),
    ("when(fraud, 1).otherwise(0)", "leak", "so ~ cannot see it"),
    ("fraud == True", "leak", "so == cannot see it"),
    ("coalesce(fraud, False)", "leak", "so coalesce() cannot see it"),
    ("card.count(over=days(1), where=fraud)", "leak", "so where= cannot see it"),
    ("card.count(over=days(1), where=fraud & payments.flag)", "leak", "so & cannot see it"),
    ("card.mean(fraud, over=days(90))", "leak", "does not say where it ends"),
    ("card.sum(fraud, over=days(4), ending=days(3))", "leak", "whose label is not known yet"),
    ("card.mean(fraud, over=days(90), ending=days(7), including_current=True)", "leak", "own label is not known"),
    ("logins.n", "leak", "logins.n is of another source, without a time"),
    ("payments.amount + logins.n", "leak", "logins.n is of another source"),
    ("payments.label('x', known_after=days(7), absent=False, final_after=days(6))", "leak", "final before it is known"),
    ("payments.label('n', known_after=days(7))", "leak", "is a field of payments and its label"),
    ("logins.per('card').as_of(logins.n)", "missing", "within= is missing"),
    # names that do not exist
    ("payments.amuont", "unknown_name", "has no field 'amuont' (did you mean 'amount'?)"),
    ("payments['amuont'] + 1", "unknown_name", "did you mean 'amount'?"),
    ("payments.amount.rond(2)", "unknown_name", "did you mean 'round'?"),
    ("card.avg(payments.amount, over=days(3))", "unknown_name", "there is no aggregate 'avg'"),
    ("card.cuont(over=days(3))", "unknown_name", "did you mean 'count'?"),
    ("payments.per('crd').count(over=days(1))", "unknown_name", "did you mean 'card'?"),
    ("payments.kind == 'onlin'", "unknown_name", "did you mean 'online'?"),
    ("payments.kind.is_in(['shop', 'onlin'])", "unknown_name", "did you mean 'online'?"),
    ("payments.at.hour(zone='Europe/Berln')", "unknown_name", "did you mean 'Europe/Berlin'?"),
    ("card.last(payments.kind, over=days(1), otherwise='shp')", "unknown_name", "did you mean 'shop'?"),
    ("card.sum(logins.n, over=days(1))", "unknown_name", "logins.n is no field of payments"),
    ("card.mean(hijack, over=days(9), ending=days(1))", "unknown_name", "logins.hijack is no label of payments"),
    ("card.count(over=days(1), where=logins.ok)", "unknown_name", "logins.ok is not of them"),
    ("logins.per('card', on={'crad': 'card'}).count(over=days(1))", "unknown_name", "did you mean 'card'?"),
    # wrong kinds
    ("payments.flag + 1", "kind", "when(condition, 1).otherwise(0)"),
    ("log(payments.kind)", "kind", "log() takes a number, not a category"),
    ("payments.card < 'b'", "kind", "< takes a number or a timestamp, not a text"),
    ("payments.card == 3", "kind", "values of one kind, not a text and a number"),
    ("payments.kind == payments.other", "kind", "two different vocabularies"),
    ("payments.amount == None", "kind", "write .is_null()"),
    ("payments.amount & True", "kind", "& takes a boolean"),
    ("payments.amount.hour()", "kind", "hour() takes a timestamp"),
    ("when(payments.amount, 1).otherwise(0)", "kind", "~ takes a boolean"),
    ("when(payments.flag, 1).otherwise(payments.kind)", "kind", "when() takes values of one kind"),
    ("least(payments.amount, payments.card)", "kind", "least() takes a number, not a text"),
    ("payments.amount + object()", "kind", "is no value of an expression"),
    ("payments.amount()", "kind", "cannot be called"),
    ("card.sum(payments.score, over=days(1))", "kind", "sums of floats depend on their order"),
    ("card.mean(payments.score, over=days(1))", "kind", "sums of floats depend on their order"),
    ("card.distinct(payments.score, over=days(1))", "kind", "which is real"),
    ("card.last(payments.card, over=days(1))", "kind", "which is text"),
    ("card.min(payments.kind, over=days(1))", "kind", "which is category"),
    ("card.std(fraud, over=days(9), ending=days(7))", "kind", "std() of a label"),
    ("card.sum(payments.amount * 2, over=days(1))", "kind", "sum() takes a field, not mul(...)"),
    ("card.count(over=days(1), where=payments.amount)", "kind", "where= takes a boolean"),
    ("card.count(over=days(1), where=card.count(over=days(2)) > 1)", "kind", "has no aggregates"),
    ("card.count(over=days(1), otherwise='x')", "kind", "otherwise='x' does not fit"),
    ("card.last(payments.at, over=days(1), otherwise=3) - payments.at", "kind", "a time has no fallback"),
    # parameters
    ("card.count()", "missing", "over= is missing"),
    ("card.sum(None, over=days(1))", "missing", "sum() names no field"),
    ("payments.per().count(over=days(1))", "missing", "per() names no field"),
    ("card.count(over=days(0))", "value", "empty length of time"),
    ("card.count(over=days(-1))", "value", "days(-1) is not a length of time"),
    ("card.count(over=days(1.5))", "value", "days(1.5) is not a length of time"),
    ("card.count(over=3600)", "value", "over=3600 is not a length of time"),
    ("card.count(over=days(1), ending='x')", "value", "ending='x' is not a length of time"),
    ("card.count(over=days(1), ending=days(1), including_current=True)", "value", "ends before the decision"),
    ("logins.per('card').count(over=days(1), including_current=True)", "value", "not of logins"),
    ("card.count(over=days(1), at_least=-1)", "value", "at_least=-1"),
    ("card.distinct(payments.card, over=days(1), cap=0)", "value", "cap=0"),
    ("card.count(over=days(1), otherwise=float('nan'))", "value", "not a finite number"),
    ("payments.amount + float('inf')", "value", "inf is not a finite number"),
    ("payments.amount + 2**60", "value", "beyond 2^53"),
    ("payments.amount.round(-1)", "value", "round(-1)"),
    ("payments.amount.bin([3, 2])", "value", "bin() takes rising numbers"),
    ("payments.card.contains('')", "value", "contains('')"),
    ("payments.card.to_category(['a', 'a'])", "value", "distinct texts"),
    ("payments.kind.is_in([])", "value", "is_in() of no values"),
    ("payments.at > 'yesterday'", "value", "'yesterday' is not a timestamp"),
    ("least(payments.amount)", "value", "least() takes two values or more"),
    ("feature(payments.amount, max_null_share=2)", "value", "max_null_share=2 of 'f'"),
    ("feature(payments.amount, at_least=2, at_most=1)", "value", "no value of 'f' keeps its range"),
    ("payments.per('card', 'card').count(over=days(1))", "duplicate", "per() names a field twice"),
    # entities
    ("payments.per('score').count(over=days(1))", "key", "payments.score is real, which names no entity"),
    ("logins.per('id', on='shp').count(over=days(1))", "key", "has no field 'shp'"),
    ("logins.per('kind').count(over=days(1))", "key", "logins.kind (category) and payments.kind (category)"),
    ("logins.per('card', on='n').count(over=days(1))", "key", "logins.card (text) and payments.n (integer)"),
    # answers that no model takes
    ("payments.card", "answer", "is a text of a person (payments.card)"),
    ("payments.shop.lower()", "answer", "feature 'f' is a text"),
    ("payments.at", "answer", "feature 'f' is a timestamp"),
    ("None", "answer", "feature 'f' is always null"),
    # Python's own conditions
    ("payments.amount > 1 and payments.flag", "truth", "write & for and"),
    ("0 < payments.amount < 5", "truth", "(0 < x) & (x < 9)"),
    ("1 if payments.flag else 0", "truth", "when(condition, a).otherwise(b)"),
    ("payments.kind in ['online']", "truth", ".is_in([...]) for in"),
]


@pytest.mark.parametrize(("expression", "code", "says"), FEATURES, ids=[item[0] for item in FEATURES])
def test_a_wrong_feature_is_refused_with_its_line(expression: str, code: str, says: str, tmp_path: Path) -> None:
    problems = faults_of(HEAD + f"f = {expression}" + FOOT, tmp_path)
    assert [(item.field, item.code) for item in problems if item.code == code], problems
    chosen = next(item for item in problems if item.code == code)
    assert says in str(chosen)
    assert len(problems) == 1, problems
    assert chosen.mend
    # What only the whole contract shows is told at the line that made the expression, or its place among the features.
    assert chosen.field in (str(LINE), str(LINE + 1))


FIELDS = [
    ("'x': 3", "kind", "field 'x' has no type"),
    ("' x': text()", "value", "is no name for a field"),
    ("'x': integer(at_least='a')", "value", "at_least='a' is not a number"),
    ("'x': integer(at_least=3, below=3)", "value", "no number lies within the bounds"),
    ("'x': decimal(scale=-1)", "value", "scale=-1"),
    ("'x': decimal(scale=2, rounding='up')", "value", "rounding='up' is unknown"),
    ("'x': integer(on_odd='drop')", "value", "on_odd='drop' is unknown"),
    ("'x': category('a', on_unknown='unknwon')", "value", "did you mean 'unknown'?"),
    ("'x': integer(on_odd='impute')", "missing", "imputes, but not what"),
    ("'x': integer(at_most=5, impute=6)", "value", "impute=6 6 is out of range"),
    ("'x': integer(impute='a')", "value", "is a text 'a', not a whole number"),
    ("'x': category('a', impute='b')", "value", "'b' is not a known value"),
    ("'x': category()", "value", "category() lists no texts"),
    ("'x': category('a', 3)", "value", "category() lists no texts"),
    ("'x': category('a', 'b', 'a')", "duplicate", "category() lists a twice"),
    ("'x': category('\\u00e9', 'e\\u0301')", "duplicate", "twice"),
    ("'x': text(max_length=0)", "value", "max_length=0"),
    ("'x': timestamp(zone='Mars/Base')", "unknown_name", "there is no time zone 'Mars/Base'"),
    ("'x': timestamp(fold=1)", "value", "fold= without zone="),
    ("'x': timestamp(zone='UTC', fold=2)", "value", "fold=2 is neither"),
    ("'x': text(generated=True)", "value", "neither the id nor the time"),
    ("'x': integer(placeholders=[None])", "value", "the placeholder null"),
    ("'x': integer(former='y'), 'y': integer()", "duplicate", "'y' is a former name of 'x'"),
    ("'x': integer(former='z'), 'y': integer(former=('z',))", "duplicate", "'z' is a former name of 'y'"),
]


@pytest.mark.parametrize(("field", "code", "says"), FIELDS, ids=[item[0] for item in FIELDS])
def test_a_wrong_field_is_refused_with_its_line(field: str, code: str, says: str, tmp_path: Path) -> None:
    source = f"""\
from holdfast.contract import *
e = Events("e", id="id", time="at", fields={{"id": text(), "at": timestamp(), "n": integer(), {field}}})
y = e.label("label_y", known_after=days(1))
contract = Contract("c", decide_on=e, label=y, features={{"n": e.n}})
"""
    problems = faults_of(source, tmp_path)
    assert [(item.field, item.code) for item in problems] == [("2", code)], problems
    assert says in str(problems[0])
    assert problems[0].mend


STREAMS = [
    ('Events("e", id="id", time="att", fields=F)', "unknown_name", "did you mean 'at'?"),
    ('Events("e", id="key", time="at", fields=F)', "unknown_name", "declare it: 'key': text()"),
    ('Events("e", id="n", time="at", fields=F)', "kind", "id='n' is integer, not text"),
    ('Events("e", id="id", time="id", fields=F)', "kind", "time='id' is text, not timestamp"),
    ('Events("e", id="id", time="maybe", fields=F)', "value", "time='maybe' may be missing"),
    ('Events("e", id="long", time="at", fields=F)', "value", "id='long' may be 257 bytes long"),
    ('Events("e e", id="id", time="at", fields=F)', "value", "'e e' is no name for a source"),
    ('Events("e", id="id", time="at", fields=F, lag=5)', "value", "lag=5 is not a length of time"),
    ('Events("e", id="id", time="at", fields=F, lag=days(1), known_at="k")', "value", "lag= and known_at= are both"),
]


@pytest.mark.parametrize(("stream", "code", "says"), STREAMS, ids=[item[0] for item in STREAMS])
def test_a_wrong_source_is_refused_with_its_line(stream: str, code: str, says: str, tmp_path: Path) -> None:
    source = f"""\
from holdfast.contract import *
F = {{"id": text(), "at": timestamp(), "n": integer(), "maybe": timestamp(nullable=True),
     "long": text(max_length=257)}}
e = {stream}
y = e.label("label_y", known_after=days(1))
contract = Contract("c", decide_on=e, label=y, features={{"n": e.n}})
"""
    problems = faults_of(source, tmp_path)
    assert [(item.field, item.code) for item in problems] == [("4", code)], problems
    assert says in str(problems[0])


CONTRACTS = [
    ('Contract("a b", decide_on=payments, label=fraud, features=F)', "value", "'a b' is no name for a contract"),
    ('Contract("c", decide_on=payments, label=fraud, features={})', "missing", "has no features"),
    ('Contract("c", decide_on=payments, label="fraud", features=F)', "kind", "label= is no label"),
    ('Contract("c", decide_on=payments, label=hijack, features=F)', "value", "hijack' is of logins"),
    ('Contract("c", decide_on="payments", label=fraud, features=F)', "kind", "decide_on= is no stream"),
    ('Contract("c", decide_on=payments, label=fraud, features={"1": payments.n})', "value", "'1' is no name"),
    ('Contract("c", decide_on=payments, label=fraud, features=F, positive="model")', "duplicate", "positive='model'"),
    (
        'Contract("c", decide_on=payments, label=fraud, features=F, positive="p", probability="p")',
        "duplicate",
        "one name",
    ),
    ('[Contract("c", decide_on=payments, label=fraud, features=F)]', "file", "makes no contract"),
    ('Contract("c", decide_on=payments, label=fraud, featurs=F)', "file", "unexpected keyword argument 'featurs'"),
    ("Contarct('c')", "file", "did you mean 'Contract'?"),
    ("1 / 0", "file", "ZeroDivisionError"),
    ("(", "file", "is not Python"),
    ('Contract("c", decide_on=payments, label=fraud, features={"n": payments.n, "n": payments.n})', "duplicate", "'n'"),
]


@pytest.mark.parametrize(("made", "code", "says"), CONTRACTS, ids=[item[0] for item in CONTRACTS])
def test_a_wrong_contract_is_refused(made: str, code: str, says: str, tmp_path: Path) -> None:
    problems = faults_of(HEAD + f'F = {{"n": payments.n}}\ncontract = {made}\n', tmp_path)
    assert [item.code for item in problems] == [code], problems
    assert says in str(problems[0])


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    source = (
        HEAD
        + 'again = Events("payments", id="id", time="at", fields={"id": text(), "at": timestamp(), "card": text()})\n'
        + "f = again.per('card').count(over=days(1))"
        + FOOT
    )
    assert [item.code for item in faults_of(source, tmp_path)] == ["duplicate"]


def test_a_label_without_its_delay_or_its_absence_is_refused(tmp_path: Path) -> None:
    source = HEAD + (
        "a = payments.label('a')\n"
        "b = payments.label('b', known_after=days(1), absent=False)\n"
        "c = payments.label('c', known_after=days(1), final_after=days(2))\n"
        "d = payments.label('d', known_after=days(1), absent=True, final_after=days(2))\n"
        "e = payments.label('fraud', known_after=days(1))\n"
        "f = payments.n" + FOOT
    )
    found = [(int(item.field) - LINE, item.code) for item in faults_of(source, tmp_path)]
    assert found == [(0, "missing"), (1, "missing"), (2, "missing"), (3, "value"), (4, "duplicate")]


def test_every_fault_of_a_file_is_told_at_once_in_order_of_lines(tmp_path: Path) -> None:
    lines = [f"x{i} = {expression}" for i, (expression, _, _) in enumerate(FEATURES) if "label(" not in expression]
    source = HEAD + "\n".join(lines) + "\nf = fraud\n" + FOOT
    problems = faults_of(source, tmp_path)
    told = {int(item.field) - LINE for item in problems}
    assert [int(item.field) for item in problems] == sorted(int(item.field) for item in problems)
    # Faults that need a contract (a text as a feature) are told only of features; the rest of every expression.
    quiet = {i for i in range(len(lines)) if i not in told}
    spoken = [expression for expression, code, says in FEATURES if "label(" not in expression]
    for i in quiet:
        code = next(code for expression, code, _ in FEATURES if expression == spoken[i])
        assert code in ("leak", "answer", "key", "value")
    assert len(told) > 70


def test_one_mistake_is_told_once_however_often_it_is_used(tmp_path: Path) -> None:
    source = HEAD + "a = payments.amuont\nf = (a + 1) * a - least(a, 3)" + FOOT
    assert len(faults_of(source, tmp_path)) == 1


def test_outside_a_file_an_expression_still_refuses_truth() -> None:
    events = Events("e", id="id", time="at", fields={"id": text(), "at": timestamp()})
    with pytest.raises(HoldfastError) as caught:
        bool(events.id == "a")
    assert caught.value.problems[0].code == "truth"
    assert Path(__file__).name in caught.value.problems[0].field


def test_freezing_names_the_line_of_this_file() -> None:
    events = Events("e", id="id", time="at", fields={"id": text(), "at": timestamp()})
    known = events.label("y", known_after=days(1))
    contract = Contract("c", decide_on=events, label=known, features={"a": events.nothing, "b": events.at})
    with pytest.raises(HoldfastError) as caught:
        contract.freeze()
    assert [item.code for item in caught.value.problems] == ["answer", "unknown_name"]
    assert all(Path(__file__).name in item.field for item in caught.value.problems)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HoldfastError, match="there is no such contract file"):
        load_file(tmp_path / "nowhere.py")


def test_a_word_of_the_language_that_is_not_imported_says_how(tmp_path: Path) -> None:
    file = tmp_path / "contract.py"
    file.write_text("from holdfast.contract import minutes\nlog(minutes(3))\n")
    with pytest.raises(HoldfastError) as caught:
        load_file(file)
    assert [item.mend for item in caught.value.problems] == ["from holdfast.contract import log"]


def test_every_code_has_a_fault_that_shows_it() -> None:
    shown = {code for _, code, _ in [*FEATURES, *FIELDS, *STREAMS, *CONTRACTS]}
    assert shown == set(CODES)
