"""The page about metrics, traces and logs is what the code does; its alerts ask for what exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.serving.shop import payment, serving, shop

from holdfast.access import keys
from holdfast.cli.reference import filled
from holdfast.serving.metrics import FALLBACKS, FAMILIES

PAGE = (Path(__file__).parents[2] / "docs" / "observing.md").read_text(encoding="utf-8")
WORDS = {
    "absent", "sum", "rate", "increase", "histogram_quantile", "by", "le", "or", "and", "offset", "m", "d", "route",
    "status", "reason", "kind",
}  # fmt: skip


def block(name: str) -> dict[str, Any]:
    """The YAML after a comment that names it."""
    found = re.search(rf"<!-- {name} -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    told: dict[str, Any] = yaml.safe_load(found[1])
    return told


def faults(expression: str) -> list[str]:
    """Metrics and labels that do not exist, words of no meaning, brackets that do not match."""
    families = {item.name: item for item in FAMILIES}
    found: list[str] = []
    for name, inside in re.findall(r"(holdfast_\w+)(?:\{([^}]*)\})?", expression):
        family = families.get(name) or families.get(re.sub("_(bucket|sum|count)$", "", name))
        if family is None or (name not in families and family.kind != "histogram"):
            found.append(f"{name} does not exist")
            continue
        for label, how, value in re.findall(r'(\w+)(=~|=|!=|!~)"([^"]*)"', inside):
            if label not in family.labels:
                found.append(f"{name} has no label {label}")
            if label == "kind" and how == "=" and value not in FALLBACKS:
                found.append(f"{value} is no fallback")
    rest = re.sub(r'"[^"]*"', "", expression)
    found += [word for word in re.findall(r"[a-z_]+", re.sub(r"holdfast_\w+", "", rest)) if word not in WORDS]
    depth: list[str] = []
    for mark in re.sub(r"[^()\[\]{}]", "", rest):
        if mark in "([{":
            depth.append(mark)
        elif not depth or depth.pop() + mark not in ("()", "[]", "{}"):
            found.append("brackets")
    return found + (["brackets"] if depth else [])


def test_its_tables_are_made_from_the_code() -> None:
    assert all(f"<!-- {name}: made" in PAGE for name in ("metrics", "fallbacks", "fields"))
    assert filled(PAGE) == PAGE, "run `make docs`"
    assert filled(PAGE.replace("| `holdfast_workers` |", "| `holdfast_staff` |")) == PAGE


def test_each_alert_asks_for_metrics_and_labels_that_exist() -> None:
    (group,) = block("alerts")["groups"]
    assert len(group["rules"]) >= 10
    for rule in group["rules"]:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch("Holdfast[A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        assert faults(rule["expr"]) == [], rule["alert"]


@pytest.mark.parametrize(
    "expression",
    [
        "holdfast_nonsense > 1",
        'holdfast_replies_total{card="1"}',
        "sum(rate(holdfast_replies_total[5m])",
        "holdfast_workers_bucket > 1",
        "holdfast_workers > bogus(1)",
        'holdfast_fallbacks_total{kind="none"} > 0',
    ],
)
def test_an_alert_that_asks_for_nothing_is_found(expression: str) -> None:
    assert faults(expression)


def test_the_scrape_config_gets_the_page_with_a_viewers_key_and_not_with_a_scorers(tmp_path: Path) -> None:
    (job,) = block("scrape")["scrape_configs"]
    home = tmp_path / ".holdfast"
    shop(home)
    texts = {role: keys.create(home, role, [role], by="test")[1] for role in ("viewer", "scorer")}
    with serving(home) as server:
        for role, status in (("viewer", 200), ("scorer", 403)):
            credentials = {"authorization": f"{job['authorization']['type']} {texts[role]}"}
            reply = httpx.get(server.address + job["metrics_path"], headers=credentials)
            assert (reply.status_code, "holdfast_build_info" in reply.text) == (status, status == 200)
        assert httpx.post(server.address + "/predict", json=payment(1)).status_code == 401
