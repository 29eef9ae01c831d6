"""Mutants: small faults put into the engines, each of which the parity property has to notice.

An edit names a function, a piece of its source and what to put there instead; the function's code is exchanged in place
(so every table and import that holds it sees the fault) and put back afterwards. A piece that is no longer in the
source is an error: mend the mutant here, for nobody else tests that fault.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import reduce
from types import CodeType, FunctionType
from typing import Any

FEATURES = "holdfast.features."


@dataclass(frozen=True)
class Edit:
    """In `function` (module:qualified name, below holdfast.features), `old` becomes `new`."""

    function: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    name: str
    edits: tuple[Edit, ...]


def _m(name: str, *edits: tuple[str, str, str]) -> Mutant:
    return Mutant(name, tuple(Edit(*edit) for edit in edits))


SUMS, LABEL, RANGES, ORDERED = (
    f"state.reads:{name}" for name in ("_Compiler._sums", "_Compiler._label", "_ranges", "_ordered")
)
MUTANTS = (
    _m(
        "window starts one late, state",
        (SUMS, "far = aggregate.ending + aggregate.over", "far = aggregate.ending + aggregate.over - 1"),
    ),
    _m("window starts one late, batch", ("windows:Points.window", "(asking, start)", "(asking, start - 1)")),
    _m("window holds its end, state", (SUMS, "group.end(aggregate.ending, ", "group.end(aggregate.ending - 1, ")),
    _m(
        "window holds its end, batch",
        ("windows:Points.window", "self.before(asking, end)", "self.before(asking, end - 1)"),
    ),
    _m(
        "window holds its end, shared plan",
        ("plan:Read.window", "t - self.aggregate.ending", "t - self.aggregate.ending + 1"),
    ),
    _m("ending ignored, batch", ("answers:_Group._window", ", aggregate.ending)", ", 0)")),
    _m("lag ignored, batch", ("history:load", "time.values + source.lag", "time.values")),
    _m("known_at ignored, batch", ("history:load", "parsed[source.known_at].values if", "time.values if")),
    _m("what is known at the cut counts, batch", ("windows:Points._known_part", ">= asking.cuts", "> asking.cuts")),
    _m("what is not known yet counts, batch", ("windows:Points._known_part", "if not len(late):", "if True:")),
    _m(
        "late record dropped, state",  # one older than a record before it has no points
        (
            "state.writing:Writer.apply_event",
            "if projector is not None:",
            "self.latest = max(t, getattr(self, 'latest', t))\n    if t == self.latest and projector is not None:",
        ),
    ),
    _m(
        "sums kept in floats, state",
        (SUMS, '"s = {high.s} - {low.s}"', '"s = int(float({high.s}) - float({low.s}))"'),
    ),
    _m(
        "time of the last point is the one before's, state",
        ("state.reads:_Group._leaf", "words[i] if i", "words[i - 1] if i"),
    ),
    _m(
        "what lies before the open leaf is forgotten, state",
        ("state.reads:_Group.source", "{names.n} += base_n", "{names.n} += 0"),
    ),
    _m("windows are sought in the open leaf alone, state", ("state.ranges:Ranges.find", "< start:", "< end:")),
    _m(
        "sums kept in floats, batch",
        (
            "windows:Points.total",
            "running[window.hi] - running[window.lo]",
            "Limbs.of((running[window.hi].small()[0] - running[window.lo].small()[0]).astype(np.int64))",
        ),
    ),
    _m("mean divided twice, state", ("kernel.finish:mean", "s / (n * 10**scale)", "s / 10**scale / n")),
    _m(
        "mean divided twice, batch",
        ("kernel.finish:means", "values / (n.astype(np.float64) * float(10**scale))", "values / float(10**scale) / n"),
    ),
    _m("deviation over n, state", ("kernel.finish:deviation", "n * (n - 1)", "n * n")),
    _m("deviation over n, batch", ("kernel.finish:deviations", "(n - 1).astype", "n.astype")),
    _m(
        "deviation over n, both engines",
        ("kernel.finish:deviation", "n * (n - 1)", "n * n"),
        ("kernel.finish:deviations", "(n - 1).astype", "n.astype"),
    ),
    _m("tie-break dropped, batch", ("history:canonical_order", "if not same.any():", "if True:")),
    _m("tie-break dropped, state", ("state.ordered:pair", "+ event_id", "+ event_id[::-1]")),
    _m(
        "label counted before it may be known, state",
        (LABEL, "max(aggregate.ending, label.known_after)", "aggregate.ending"),
    ),
    _m(
        "label counted before it may be known, batch",
        ("answers:_Group._label", "max(aggregate.ending, label.known_after)", "aggregate.ending"),
    ),
    _m("absent label ignored, state", (LABEL, "if read.final_end(0) is not None:", "if False:")),
    _m("absent label ignored, batch", ("answers:_Group._label", "if label.absent is not None and", "if False and")),
    _m(
        "absent label final one early, shared plan",
        ("plan:Read.final_end", "t - self.label.final_after)", "t - self.label.final_after + 1)"),
    ),
    _m(
        "correction added, not replaced, state",
        ("state.writing:Writer._label", "given.value - (0 if known is None else known.value)", "given.value"),
    ),
    _m(
        "correction added, not replaced, batch",
        ("label_points:steps", "value[later] - value[later - 1]", "value[later]"),
    ),
    _m(
        "older version wins when it comes later, state",
        ("state.writing:Writer._label", "known.version >= given.version", "False"),
    ),
    _m(
        "older version wins when it comes later, batch",
        ("label_points:steps", "highest[1:] > highest[:-1]", "highest[1:] >= highest[:-1]"),
    ),
    _m(
        "outcome before its event is lost, state",
        ("state.writing:Writer.apply_event", "if early is not None:", "if False:"),
    ),
    _m(
        "outcome known before its event, batch",
        ("label_points:label_points", "np.maximum(known, events.known[event])", "known"),
    ),
    _m(
        "repeated event counted twice, state",
        ("state.writing:Writer.apply_event", "if found is not None:", "if False:"),
    ),
    _m("current event counted twice, state", (SUMS, "    n += 1", "    n += 2")),
    _m("current event counted twice, batch", ("answers:_Group._sums", "n = n + current", "n = n + current * 2")),
    _m(
        "at_least off by one, state",
        (SUMS, "if n < {least}", "if n <= {least}"),
    ),
    _m("at_least off by one, batch", ("answers:finished", "n < aggregate.at_least", "n <= aggregate.at_least")),
    _m("filter ignored, state", ("state.points:project", "layout.passes is None or", "True or")),
    _m("filter ignored, batch", ("answers:selection", "if series.where is not None:", "if False:")),
    _m("null counted, state", ("state.points:project", "not layout.nulls and", "False and")),
    _m("null counted, batch", ("answers:selection", "if series.value is not None and not series.nulls:", "if False:")),
    _m("nulls never skipped, shared plan", ("plan:_points", "and not aggregate.skip_nulls", "")),
    _m("null key in every entity, batch", ("entities:_with_null", "np.where(nulls[0], size, events)", "events")),
    _m("cap ignored, state", (RANGES, "float(min(len(found.values), cap))", "float(len(found.values))")),
    _m("cap ignored, batch", ("answers:_Group._distinct", "np.minimum(counts, aggregate.cap)", "counts")),
    _m("first is last, state", (ORDERED, "ordered.first if", "ordered.last if")),
    _m("first is last, batch", ("answers:_Group._ordered", "first if aggregate.name", "last if aggregate.name")),
    _m(
        "NaN and −0.0 leak, one row",
        ("kernel.scalar:_Writer.answer", "return name if name in self.clean else", "return name if True else"),
    ),
    _m("NaN and −0.0 leak, columns", ("kernel.columns:_answer", "column.values + 0.0", "column.values")),
    _m("infinity leaks, columns", ("kernel.columns:_finite", "np.isinf(values)", "np.isnan(values)")),
    _m("null compares as false, one row", ("kernel.scalar:_compare", "None if", "False if")),
    _m("null and false is null, columns", ("kernel.columns:_and", "true | false", "true")),
    _m("rounding of the product, columns", ("kernel.rounding:round_all", "r / p", "np.rint(y) / p")),
    _m("zone ignored, columns", ("kernel.columns:_part", "if zone is None else", "if True else")),
    _m(
        "shared kernel altered: exp",
        ("kernel.elementary:exp_sum", "rest * s", "0.0"),
        ("kernel.elementary_columns:_exp_sum", "rest * s", "0.0"),
    ),
    _m(
        "shared kernel altered: log",
        ("kernel.elementary:log", "e * LN2_LO", "0.0"),
        ("kernel.elementary_columns:log", "e * LN2_LO", "0.0"),
    ),
    _m(
        "shared kernel altered: round half up",
        ("kernel.rounding:round_one", "round(x, digits)", "(x * 10**digits + 0.5) // 1 / 10**digits"),
        ("kernel.rounding:round_all", "rounded[large] =", "rounded = np.floor(x * p + 0.5) / p\n    rounded[large] ="),
    ),
)


@contextmanager
def mutated(mutant: Mutant) -> Iterator[None]:
    """The engines with the fault, for as long as the block runs."""
    with ExitStack() as undo:
        sources: dict[str, tuple[FunctionType, str]] = {}
        for edit in mutant.edits:
            function, source = sources.get(edit.function) or _source(edit.function)
            if edit.old not in source:
                raise LookupError(f"mutant {mutant.name!r} no longer fits {edit.function}: no {edit.old!r} there")
            sources[edit.function] = function, source.replace(edit.old, edit.new)
        for function, source in sources.values():
            undo.callback(setattr, function, "__code__", function.__code__)
            function.__code__ = _compiled(function, source)
        yield


def _source(name: str) -> tuple[FunctionType, str]:
    module, path = name.split(":")
    function: Any = reduce(getattr, path.split("."), importlib.import_module(FEATURES + module))
    return function, textwrap.dedent(inspect.getsource(function))


def _compiled(function: FunctionType, source: str) -> CodeType:
    whole = compile("from __future__ import annotations\n" + source, function.__code__.co_filename, "exec")
    return next(item for item in whole.co_consts if isinstance(item, CodeType) and item.co_name == function.__name__)
