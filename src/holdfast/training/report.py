"""The model card, written from what was measured, and the pictures of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.contract.model import Contract
from holdfast.training.learn import Learned

SHOWN = ("roc_auc", "average_precision", "precision", "recall", "f1", "precision_top_1pct", "brier", "log_loss")


def model_card(contract: Contract, learned: Learned, record: Mapping[str, Any]) -> str:
    """Markdown. `record` holds metrics by part, split, data, settings, importance, who and when."""
    settings, split, metrics, data = record["settings"], record["split"], record["metrics"], record["data"]
    basis = "".join(f"; {name} {_number(value)}" for name, value in learned.threshold.details.items())
    folds = record["validation"]["summary"].items()
    lines = [
        f"# {contract.name}: {settings['family']}",
        "",
        contract.description
        or f"Answers whether `{contract.label}` will be true of an event of `{contract.decide_on}`.",
        "",
        f"Trained {record['when']} by {record['who']} with Python {record['python']} on {record['platform']}.",
        *_code(record["code"]),
        "",
        "## What it learned from",
        "",
        f"- {_part(split, 0)}; judged on {_part(split, 1)}.",
        f"- Split: {_split(split)}",
        f"- Data {data['content'][:16]}, schema {data['schema'][:16]}, contract {record['contract']}.",
        f"- Left out: {', '.join(settings['without']) or 'nothing'}. Imbalance: {settings['imbalance']}.",
        "",
        "## How it decides",
        "",
        f"- Positive from a probability of {learned.threshold.value:.6g} on. Rule: {learned.threshold.basis}{basis}.",
        "- The threshold and the calibration come from held-out training rows; test rows had no say.",
        f"- Calibration: {learned.calibration.method}.",
        "",
        "## How good it is",
        "",
        f"Test rows, 95 % bootstrap intervals, beside a {record['baseline']} and a constant.",
        "",
        "| metric | train | test | baseline | constant |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in SHOWN:
        cells = [_cell(metrics[part][name]) for part in ("train", "test", "baseline", "prior")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    table = record["confusion"]
    lines += [
        "",
        "| test | said positive | said negative |",
        "| --- | --- | --- |",
        f"| positive | {table['true_positive']:,} | {table['false_negative']:,} |",
        f"| negative | {table['false_positive']:,} | {table['true_negative']:,} |",
        "",
        f"Over the folds: {', '.join(_fold(name, at) for name, at in folds)}.",
        "",
        "## What it looks at",
        "",
        "| feature | importance | what it is |",
        "| --- | --- | --- |",
    ]
    told = {feature.name: feature.description or feature.unit for feature in contract.features}
    lines += [
        f"| {item['feature']} | {item['value']:.5f} ± {item['spread']:.5f} | {told.get(item['feature'], '')} |"
        for item in record["importance"]
    ]
    lines += ["", "## What was not measured", "", *_unknown(contract, record)]
    return "\n".join(lines) + "\n"


def _unknown(contract: Contract, record: Mapping[str, Any]) -> list[str]:
    lines = ["- How it does on events unlike the ones above: other countries, other products, later years."]
    if not any(field.protected for field in contract.deciding.fields):
        lines.append("- Fairness between groups: the contract marks no field as protected.")
    if unlabelled := record["split"].get("test_rows_without_label"):
        lines.append(f"- {unlabelled:,} rows of the test window without a label.")
    return lines


def _code(code: Mapping[str, Any]) -> list[str]:
    if not code:
        return []
    return [f"Code at commit {code['commit'][:12]}" + (", with changes not committed." if code["changed"] else ".")]


def _part(split: Mapping[str, Any], part: int) -> str:
    rows, positives = split["rows"][part], split["positives"][part]
    return f"{rows:,} rows, {positives:,} positive ({100 * positives / rows:.2f} %)"


def _fold(name: str, found: Mapping[str, float]) -> str:
    return f"{name} {found['mean']:.4f} ± {found['sd']:.4f}"


def _split(split: Mapping[str, Any]) -> str:
    if split["rule"] == "hash":
        return f"by the hash of the id under the key {split['key']!r}, {split['test_share']:.0%} held out."
    (a, b), (c, d) = split["train"], split["test"]
    return (
        f"by time; learned from {_day(a)} to {_day(b)}, then {split['delay'] / 86_400e6:g} days in which labels "
        f"settle, judged on {_day(c)} to {_day(d)} (UTC, ends excluded)."
    )


def _day(instant: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _cell(metric: Mapping[str, float | None]) -> str:
    if metric["low"] is None:
        return f"{metric['value']:.4f}"
    return f"{metric['value']:.4f} ({metric['low']:.4f}–{metric['high']:.4f})"


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
