"""X12: schemathesis, every phase and every check, with keys, against the OpenAPI of a running server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from fire.crowd import call
from fire.experiment import Plan, Result
from fire.server import Running, new_shop
from holdfast.access import keys

PHASES = "examples,coverage,fuzzing,stateful"
SETTINGS = """
headers = {{ Authorization = "Bearer {key}" }}
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 413, 429]
"""
"""A contract's rules go beyond JSON Schema: breaking one is a 400, which the document says. A 422 is never excused."""
OPERATION = """
[[operations]]
include-name = "{name}"
headers = {{ Authorization = "Bearer {key}" }}
"""
"""Who may look may not ask for decisions, and the other way round: each operation gets the key it needs."""
SCORING = ("predict", "explain", "record")

FAULTY = """
from holdfast.serving import outcomes
async def faulty(self, body):
    if b"version" in body:
        raise RuntimeError("planted")
    return b"{}"
outcomes.Outcomes.__call__ = faulty
"""
"""A server with a fault and a lie planted in one route."""


def run(plan: Plan) -> Result:
    home = new_shop(plan.place("shop"))
    with Running(home) as server:
        found = examine(home, server.port, plan, plan.much(100, 2))
        alive = call(server.port, "GET", "/readyz")[0] == 200
    faulty = new_shop(plan.place("faulty"))
    with Running(faulty, before=FAULTY) as server:
        planted = examine(faulty, server.port, plan, 3, only="/outcomes")
    figures = {name: found[name] for name in ("operations covered", "cases", "failures", "phases")}
    held = found["failures"] == 0 and found["whole"] and alive
    control = f"with a fault and a lie planted in one route it finds {planted['failures']} failures"
    return Result(figures, held, control, planted["failures"] > 0, found["wrong"])


def examine(home: Path, port: int, plan: Plan, examples: int, only: str = "") -> dict[str, Any]:
    """What schemathesis found, with keys that between them may do all there is a route for."""
    place = home.parent
    document = json.loads(call(port, "GET", "/openapi.json")[1])
    made = {role: keys.create(home, f"the-{role}", [role], by="fire")[1] for role in ("viewer", "scorer")}
    settings = [SETTINGS.format(key=made["viewer"])] + [
        OPERATION.format(name=f"{method.upper()} {path}", key=made["scorer"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if operation.get("x-permission", "predict" if method == "post" else "metrics") in SCORING
    ]
    (place / "schemathesis.toml").write_text("".join(settings))
    # The server reads its keys anew now and then; a key it does not know yet would be refused everywhere.
    while call(port, "GET", "/model-info")[0] != 401:
        pass
    words = [
        sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{port}/openapi.json",
        "--phases", PHASES, "--checks", "all", "--continue-on-failure",
        "--max-examples", str(examples), "--seed", str(plan.seed), "--suppress-health-check", "all", "--no-color",
        "--report", "json", "--report-json-path", str(place / "report.json"), "--request-timeout", "30",
    ]  # fmt: skip
    if only:
        words += ["--include-path", only]
    done = subprocess.run(words, capture_output=True, text=True, cwd=place, check=False)
    try:
        report = json.loads((place / "report.json").read_text())
    except OSError:
        raise RuntimeError(f"schemathesis did not run: {done.stdout[-1_000:]} {done.stderr[-1_000:]}") from None
    operations, phases = report["operations"], report["phases"]
    (place / "schemathesis.txt").write_text(done.stdout)
    forbidden = re.findall(r"^403 Forbidden.*(?:\n  - .*)+", done.stdout, re.MULTILINE)
    told = [f"{item['code']} {item['title']}: {', '.join(item['operations'])}" for item in report["failures"]]
    return {
        "operations covered": f"{operations['tested']}/{operations['total']}",
        "whole": operations["tested"] == operations["total"] > 0
        and not report["errors"]
        and report["complete"]
        and not forbidden,
        "cases": report["test_cases"]["generated"],
        "failures": report["test_cases"]["unique_failures"] + len(report["errors"]),
        "phases": "/".join(name for name, phase in phases.items() if phase["status"] != "skip"),
        "wrong": told + forbidden + [str(item)[:300] for item in report["errors"]] + examples_of(done.stdout),
    }


def examples_of(text: str) -> list[str]:
    """The requests with which to see the failures again."""
    return re.findall(r"^\s+(curl .*)$", text, re.MULTILINE)[:10]
