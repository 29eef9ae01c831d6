from __future__ import annotations

import inspect
import re
from pathlib import Path

from tests.zoo import everything_contract

from holdfast.contract.glossary import OPERATIONS, PARAMETERS, REFUSALS
from holdfast.contract.model import Node
from holdfast.contract.reference import page, public_callables, undocumented
from holdfast.contract.scalars import Refused
from holdfast.features.kernel.operations import OPERATIONS as KERNEL

ROOM = Path(__file__).parents[2] / "src" / "holdfast" / "contract"
PAGE = Path(__file__).parents[2] / "docs" / "contract.md"


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_public_word_and_parameter_is_explained() -> None:
    assert undocumented() == []


def test_no_parameter_is_explained_that_nothing_takes() -> None:
    used = {name for _, item in public_callables() for name in inspect.signature(item).parameters}
    assert PARAMETERS.keys() - used == set()


def test_every_public_word_is_on_the_page() -> None:
    text = page()
    for name, _ in public_callables():
        assert f"`{name}" in text, name


def test_the_page_lists_the_operations_the_kernel_knows() -> None:
    assert OPERATIONS.keys() == KERNEL.keys()
    for name, (_, params, _) in OPERATIONS.items():
        assert [part.strip("` ") for part in params.split(",") if part] == [word for word, _ in KERNEL[name].params]


def test_the_contract_of_everything_uses_every_operation_and_aggregate() -> None:
    frozen = everything_contract()
    roots: list[Node] = [item.expr for item in frozen.features]
    roots += [item.where for item in frozen.aggregates if item.where is not None]
    assert {node.op for root in roots for node in root.walk()} == KERNEL.keys()
    assert len({item.name for item in frozen.aggregates}) == 11
    assert {item.type for source in frozen.sources for item in source.fields} == {
        "integer",
        "decimal",
        "real",
        "boolean",
        "category",
        "text",
        "timestamp",
    }


def test_every_code_of_a_refused_request_is_on_the_page_with_its_status() -> None:
    source = "".join((ROOM / name).read_text(encoding="utf-8") for name in ("scalars.py", "values.py"))
    raised = set(re.findall(r'(?:Refused|UnknownValue|missing)\(\s*"([a-z_]+)"', source))
    raised |= set(re.findall(r'Problem\([a-z_.\[\]:0-9]+, "([a-z_]+)"', source)) | {"range"}
    assert raised == REFUSALS.keys()
    assert {code: Refused(code, "").status for code in REFUSALS} == {
        code: status for code, (status, _) in REFUSALS.items()
    }
