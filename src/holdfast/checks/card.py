"""The model card: what a version is for, learned from, does and does not, in figures that were measured.

    card = made(subject, limits, asked)
    card.markdown(), card.html(), card.missing

Every number is taken from the bundle's manifest and profile, or from the evidence of a check. What was not measured is
said to be so, and named in `missing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from holdfast.checks import compliance_fairness, explainability_complete, explainability_stable
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.explain.words import what

if TYPE_CHECKING:
    from holdfast.checks.verdict import Asked

PARTS = ("train", "test", "baseline", "prior")
METRICS = ("roc_auc", "average_precision", "precision", "recall", "f1", "brier", "log_loss", "calibration_error")
SHOWN = 15
POPULATIONS = {
    "approved": "training rows that it decided negatively",
    "just_approved": "the tenth of those nearest the threshold",
    "all": "all training rows",
}


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    title: str
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    missing: tuple[str, ...] = ()
    """What should stand here and was not measured."""


@dataclass(frozen=True)
class Card:
    """A card in sections; the same in Markdown and as a fragment of HTML."""

    title: str
    sections: tuple[Section, ...]
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        empty = [f"{item.title}: nothing" for item in self.sections if not item.lines and not item.tables]
        return (*(f"{item.title}: {lack}" for item in self.sections for lack in item.missing), *empty)

    def markdown(self) -> str:
        parts = [f"# {self.title}"]
        for item in self.sections:
            parts += ["", f"## {item.title}", "", *(f"- {_flat(line)}" for line in item.lines)]
            for table in item.tables:
                parts += ["", _row(table.head), _row(("---",) * len(table.head)), *map(_row, table.rows)]
        return "\n".join(parts) + "\n"

    def html(self) -> str:
        """A ``<section class="model-card">``; nothing in it is not escaped."""
        parts = [f'<section class="model-card"><h2>{escape(self.title)}</h2>']
        for item in self.sections:
            parts.append(f"<h3>{escape(item.title)}</h3>")
            if item.lines:
                parts.append("<ul>" + "".join(f"<li>{escape(line)}</li>" for line in item.lines) + "</ul>")
            for table in item.tables:
                head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
                body = "".join(
                    "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
                )
                parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        return "".join(parts) + "</section>"


def made(subject: Subject, limits: Limits, asked: Sequence[Asked] = ()) -> Card:
    """The card of a version. Evidence that `asked` does not hold is measured now."""
    found = {item.check.code: item.answer for item in asked}
    for check in (explainability_complete.CHECK, explainability_stable.CHECK, compliance_fairness.CHECK):
        if check.code not in found:
            found[check.code] = check.ask(subject, limits)
    sections = (
        _purpose(subject, limits),
        _who(subject),
        _data(subject),
        _decides(subject, found),
        _good(subject),
        _looks(subject),
        _explains(subject, found),
        _fair(found),
        _limits(subject, found, asked),
        _environment(subject),
    )
    return Card(f"{subject.contract.name}, version {subject.version}", sections)


def _purpose(subject: Subject, limits: Limits) -> Section:
    contract = subject.contract
    said = contract.description or (
        f"Answers, for an event of {contract.decide_on}, whether {contract.label} will be true of it."
    )
    people = "positive" if limits.favourable == "positive" else "negative"
    lines = (
        said,
        f"Positive means {contract.positive or contract.label}; the decision people wish for is the {people} one.",
        f"Use: {limits.use_case or 'not said (checks.use_case)'}. Not meant for other events, products or countries.",
    )
    return Section("What it is for", lines)


def _who(subject: Subject) -> Section:
    record, bundle = subject.bundle.manifest.training, subject.bundle
    code = record.get("code") or {}
    commit = (
        f"commit {code['commit'][:12]}{', with changes' if code.get('changed') else ''}" if code else "not recorded"
    )
    lines = (
        f"Trained {record['when']} by {record['who']}; family {bundle.manifest.family}; code: {commit}.",
        f"Bundle {bundle.hash}; model {bundle.manifest.model_hash}; contract {bundle.manifest.contract}.",
    )
    return Section("Who made it", lines)


def _data(subject: Subject) -> Section:
    record, profile = subject.bundle.manifest.training, subject.bundle.profile
    data, split = record["data"], record["split"]
    left = ", ".join(record["settings"]["without"])
    first, last = _day(profile["from"]), _day(profile["to"])
    (learned, judged), (a, b) = split["rows"], split["positives"]
    lines = (
        f"{data['rows']:,} rows of {subject.contract.decide_on}; trained on {first} to {last}.",
        f"Learned from {learned:,} ({a:,} positive), judged on {judged:,} ({b:,} positive); split by {split['rule']}.",
        f"Fingerprint: content {data['content']}, schema {data['schema']}.",
        f"{len(subject.contract.features)} features; left out: {left or 'nothing'}.",
    )
    return Section("What it learned from", lines)


def _decides(subject: Subject, found: Mapping[str, Any]) -> Section:
    threshold, test = subject.bundle.threshold, subject.bundle.manifest.training["metrics"]["test"]
    table, error = subject.bundle.manifest.training["confusion"], _cell(test["calibration_error"])
    lines = (
        f"Positive from a probability of {threshold.value:.6g} on, chosen by {threshold.basis} on held-out rows.",
        f"Calibration: {subject.bundle.calibration.method}; said and seen differ by {error}.",
    )
    confusion = Table(
        ("test rows", "said positive", "said negative"),
        (
            ("positive", f"{table['true_positive']:,}", f"{table['false_negative']:,}"),
            ("negative", f"{table['false_positive']:,}", f"{table['true_negative']:,}"),
        ),
    )
    return Section("How it decides", lines, (confusion,))


def _good(subject: Subject) -> Section:
    record = subject.bundle.manifest.training
    metrics = record["metrics"]
    bare = not any(item["low"] is not None for item in metrics["test"].values())
    rows = tuple((name, *(_cell(metrics[part][name]) for part in PARTS)) for name in METRICS)
    lines = [f"95 % bootstrap intervals; beside a {record['baseline']} and a constant, on the same test rows."]
    lines += [f"Over the folds: {name} {at['mean']:.4f} ± {at['sd']:.4f}." for name, at in _folds(record)]
    lacks = ("intervals: trained with bootstrap = 0",) if bare else ()
    return Section("How good it is", tuple(lines), (Table(("metric", *PARTS), rows),), lacks)


def _folds(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, float]]]:
    yield from ((name, at) for name, at in record["validation"]["summary"].items() if name in METRICS)


def _looks(subject: Subject) -> Section:
    words = {item.name: what(item) for item in subject.contract.features}
    told = subject.bundle.manifest.training["importance"]
    rows = tuple(
        (item["feature"], words.get(item["feature"], ""), f"{item['value']:.5f} ± {item['spread']:.5f}")
        for item in told[:SHOWN]
    )
    lines = (f"{len(told)} features; importance as measured at training, the first {min(SHOWN, len(told))} shown.",)
    return Section("What it looks at", lines, (Table(("feature", "what it is", "importance"), rows),))


def _explains(subject: Subject, found: Mapping[str, Any]) -> Section:
    bundle, lines, lacks = subject.bundle, [], []
    if bundle.reference is None:
        lines.append("Reasons are told against the model's own base value: the bundle holds no reference.")
    else:
        who = POPULATIONS[bundle.reference.population]
        lines.append(
            f"At most four reasons, told against {who} ({bundle.reference.of:,}, {bundle.reference.rows:,} measured)."
        )
    for code, name in (("GATE601", "whether explanations add up"), ("GATE602", "whether reasons are stable")):
        answer = found[code]
        if answer.status in ("passed", "failed"):
            lines.append(f"{_begun(answer.why)} ({code}).")
        else:
            lacks.append(f"{name} ({code} {answer.status})")
    return Section("How it explains itself", tuple(lines), (), tuple(lacks))


def _fair(found: Mapping[str, Any]) -> Section:
    answer = found["GATE701"]
    shape = answer.evidence.get("groupings", ())
    if not shape:
        lacks = () if answer.status == "not_applicable" else (f"fairness (GATE701 {answer.status})",)
        return Section("How groups fare", (f"{_begun(answer.why)}.",), (), lacks)
    head = (
        "group",
        "rows",
        "positive",
        "favourable",
        "impact ratio",
        "true positive rate",
        "false positive rate",
        "calibration",
    )
    tables = tuple(
        Table(
            (f"by {item['by']}", *head[1:]),
            tuple(
                (
                    group["group"],
                    f"{group['rows']:,}",
                    f"{group['positives']:,}",
                    *(
                        _cell(group[name])
                        for name in (
                            "favourable", "impact_ratio", "true_positive_rate", "false_positive_rate", "calibration",
                        )
                    ),
                )
                for group in item["groups"]
            ),
        )
        for item in shape
    )  # fmt: skip
    lines = (
        f"On {answer.evidence['rows']:,} test rows; favourable is the {answer.evidence['favourable']} decision.",
        f"{_begun(answer.why)} (GATE701 {answer.status}).",
    )
    return Section("How groups fare", lines, tables)


def _limits(subject: Subject, found: Mapping[str, Any], asked: Sequence[Asked]) -> Section:
    record, profile = subject.bundle.manifest.training, subject.bundle.profile
    lines = [
        f"Learned from {_day(profile['from'])} to {_day(profile['to'])}; what came after was not measured.",
    ]
    if count := record["split"].get("test_rows_without_label"):
        lines.append(f"{count:,} rows of the test window had no label, and judged nothing.")
    if few := found["GATE701"].evidence.get("too_few_rows"):
        lines.append(f"Groups with too few rows to judge: {', '.join(few)}.")
    lines += [
        f"{item.check.code} {item.check.title}: {item.status}. {item.answer.why}"
        for item in asked
        if item.status != "passed" and item.check.code not in ("GATE604", "GATE702", "GATE704")
    ]
    return Section("What it cannot do, and what was found", tuple(lines))


def _environment(subject: Subject) -> Section:
    record = subject.bundle.manifest.training
    names = ", ".join(f"{name} {version}" for name, version in record["libraries"].items())
    lines = (f"Python {record['python']} on {record['platform']}, seed {record['settings']['seed']}.", f"{names}.")
    return Section("Where it was trained", lines)


def _cell(metric: Mapping[str, Any] | None) -> str:
    if metric is None:
        return "–"
    if metric["low"] is None:
        return f"{metric['value']:.4f}"
    return f"{metric['value']:.4f} ({metric['low']:.4f} to {metric['high']:.4f})"


def _day(instant: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)).strftime("%Y-%m-%d")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_flat(cell).replace("|", "\\|") for cell in cells) + " |"


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _flat(text: str) -> str:
    return " ".join(text.split())
