"""A contract file is executed once, here; everything after that reads what it froze."""

from __future__ import annotations

import ast
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from holdfast.contract.faults import fault, gathering, refuse
from holdfast.contract.freeze import Contract, examine
from holdfast.contract.model import Contract as Frozen
from holdfast.errors import HoldfastError


def load_file(path: Path | str) -> Frozen:
    """Execute a contract file and freeze the contract in it (the only one, or the one called ``contract``).

    Raises HoldfastError with every fault: those of the language with their lines, and where Python itself stopped.
    """
    file = Path(path)
    try:
        source = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise HoldfastError("there is no such contract file", where=str(file), mend="check its path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise HoldfastError("the contract file cannot be read", where=str(file), mend=str(error)) from None
    with gathering() as faults:
        contract = _run(source, file)
        frozen = None
        if contract is not None:
            frozen, found = examine(contract)
            faults += found
    if frozen is None or faults:
        raise refuse(f"the contract in {file} is refused", faults)
    return frozen


def _run(source: str, file: Path) -> Contract | None:
    """The contract that the file makes. What goes wrong is gathered as faults."""
    try:
        tree = ast.parse(source, str(file))
    except SyntaxError as error:
        fault("file", f"is not Python: {error.msg}", "mend the line", f"{file}:{error.lineno or 1}")
        return None
    _check_repeated_keys(tree, file)
    module = ModuleType("holdfast_contract_file")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses look their module up while it runs
    try:
        exec(compile(tree, str(file), "exec"), module.__dict__)  # noqa: S102 - the user's own file, by their command
    except HoldfastError as error:
        if not error.problems:
            fault("file", str(error), "", _line(error, file))
    except Exception as error:  # noqa: BLE001 - whatever the user's file raises is the user's to see, with its line
        fault("file", f"{type(error).__name__}: {error}", _hint(error, module), _line(error, file))
    else:
        return _pick(module, file)
    finally:
        sys.modules.pop(module.__name__, None)
    return None


def _pick(module: ModuleType, file: Path) -> Contract | None:
    found = {name: item for name, item in vars(module).items() if isinstance(item, Contract)}
    chosen = found.get("contract") or (next(iter(found.values())) if len(set(map(id, found.values()))) == 1 else None)
    if chosen is None:
        what = f"makes {len(found)} contracts" if found else "makes no contract"
        fault("file", what, "name one: contract = Contract(...)", f"{file}:1")
    return chosen


def _check_repeated_keys(tree: ast.Module, file: Path) -> None:
    """Python keeps the last of two equal keys in silence; a feature or a field would vanish."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Dict):
            continue
        seen: set[object] = set()
        for key in node.keys:
            if isinstance(key, ast.Constant):
                if key.value in seen:
                    what = f"{key.value!r} is given twice"
                    fault("duplicate", what, "rename one or remove it", f"{file}:{key.lineno}")
                seen.add(key.value)


def _line(error: BaseException, file: Path) -> str:
    lines = [item.lineno for item in traceback.extract_tb(error.__traceback__) if item.filename == str(file)]
    return f"{file}:{lines[-1]}" if lines and lines[-1] else f"{file}:1"


def _hint(error: Exception, module: ModuleType) -> str:
    """``did you mean``, for a name that does not exist here or in the language."""
    import holdfast.contract as language

    if isinstance(error, NameError | ImportError) and error.name:
        name = error.name
        if isinstance(error, ImportError):
            quoted = str(error).split("'")
            name = quoted[1] if len(quoted) > 1 else name
        words = [word for word in (*vars(module), *language.__all__) if not word.startswith("_")]
        close = get_close_matches(name, words, n=1)
        if close:
            missing = close[0] in language.__all__ and close[0] not in vars(module)
            if missing and close[0] == name:
                return f"from holdfast.contract import {name}"
            return f"did you mean {close[0]!r}?" + (" (from holdfast.contract import it)" if missing else "")
    return "mend this line; faults after it show once it runs"
