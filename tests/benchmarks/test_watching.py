"""The comparison of watches: each judge finds what is gross and leaves equal samples alone; one rule for everybody."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmarks.watching.page import VOICES, WAYS, page
from benchmarks.watching.scale import rows_at_scale, stored_at_scale
from benchmarks.watching.tables import MIDNIGHT, Ours

from benchmarks import environments

JUDGES = Path(environments.HERE) / "watching" / "judges"
DAYS, ROWS = 28, 150
SHOPS = ["grocery", "travel", "online"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four weeks whose days hardly differ; two of them again as the clean twin; the same with amounts in cents, or with
    certain scores."""
    place = tmp_path_factory.mktemp("watching")
    chance = np.random.default_rng(3)
    days = []
    for day in range(-DAYS, 0):
        breath = 1 + 0.01 * chance.normal()
        grid = np.array([chance.permutation(ROWS) for _ in range(3)]) / ROWS
        score = (0.02 + 0.5 * grid[2] ** 2) * breath
        days.append(pd.DataFrame({
            "id": [f"{day}-{at}" for at in range(ROWS)], "amount": np.exp(1 + 3 * grid[0]) * breath,
            "age": (20 + 50 * grid[1]) * breath, "shop": chance.permutation(SHOPS * (ROWS // 3)),
            "empty": np.full(ROWS, np.nan), "score": score, "label": (chance.random(ROWS) < score).astype(float),
            "threshold": 0.3, "day": day,
        }))  # fmt: skip
    tables = {"reference": pd.concat(days, ignore_index=True)}
    tables["clean"] = pd.concat([days[3].assign(day=0), days[8].assign(day=1)], ignore_index=True)
    tables["incident-H8"] = tables["clean"].assign(amount=lambda of: of["amount"] * 100)
    tables["incident-H6"] = tables["clean"].assign(score=0.97)
    for name, table in tables.items():
        table.assign(time=MIDNIGHT + pd.to_timedelta(table["day"], unit="D")).to_parquet(place / f"{name}.parquet")
    about = {"numbers": ["amount", "age", "empty"], "categories": ["shop"], "score": "score", "own": ["amount", "shop"]}
    (place / "about.json").write_text(json.dumps(about))
    return place


def said(way: str, work: Path) -> dict[str, Any]:
    python = environments.HERE.parent / f".venv-{WAYS[way]}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"the environment of {WAYS[way]} is not made: python -m benchmarks.environments {WAYS[way]}")
    answer = work / f"{way}.json"
    done = subprocess.run([python, JUDGES / f"{way}.py", work, answer], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr[-1_000:]
    found: dict[str, Any] = json.loads(answer.read_text())
    assert found["errors"] == {}
    assert found["looks"] == 2 * 3 * len(found["windows"])
    return found


@pytest.mark.long
@pytest.mark.parametrize("way", ["drift_preset", "nanny", "ks"])
def test_a_judge_raises_amounts_in_cents_and_leaves_days_of_the_reference_alone(way: str, work: Path) -> None:
    found = said(way, work)["windows"]
    assert set(found) == ({"day"} if way == "nanny" else {"day", "week"})
    for name, days in found.items():
        assert days["clean"] == [[], []], name
        for day in days["incident-H8"]:
            assert [word for word in day if not word.startswith("…")] == ["amount"]
        assert "score" in days["incident-H6"][1]


@pytest.mark.long
def test_cbpe_raises_scores_that_became_certain_and_leaves_days_of_the_reference_alone(work: Path) -> None:
    found = said("cbpe", work)["windows"]
    assert found["day"]["clean"] == [[], []]
    assert found["day"]["incident-H8"] == [[], []]  # the score is as it was
    assert "…CBPE roc_auc" in found["day"]["incident-H6"][0]


@pytest.mark.long
def test_our_look_says_the_same_from_stored_counts_and_from_rows(tmp_path: Path) -> None:
    chance = np.random.default_rng(5)

    def table(name: str, many: int, by: float) -> Path:
        score = chance.beta(1, 30, many)
        made = {f"x{at:03d}": chance.normal(size=many) * by for at in range(3)}
        label = (chance.random(many) < score).astype(float)
        pd.DataFrame({**made, "score": score, "label": label}).to_parquet(tmp_path / name)
        return tmp_path / name

    reference = table("reference", 20_000, 1)
    for by, loud in ((1, False), (100, True)):
        current = table("current", 3_000, by)
        found = {"stored": stored_at_scale(reference, current), "rows": rows_at_scale(reference, current)}
        for way in ("stored", "rows"):
            assert "error" not in found[way], found[way]
            assert found[way]["predictions"] == 3_000
            assert bool(found[way]["raised"]) == loud
        assert found["stored"]["codes"] == found["rows"]["codes"]


def made_up() -> tuple[dict[str, dict[str, Ours]], dict[str, Any]]:
    units, volume = ("WATCH203", "units", "amount"), ("WATCH501", "less_volume", "")
    quiet: frozenset[tuple[str, str, str]] = frozenset()
    ours = {
        "clean": Ours((quiet, frozenset({volume}), quiet), 300),
        "H8": Ours(
            (frozenset({volume}), frozenset({volume, units}), frozenset({units})), 300, 0.0, "in cents", ("units",)
        ),
        "H3": Ours((quiet, frozenset({volume}), quiet), 300, 0.0, "doubled", ("scale",)),
        "F6": Ours((quiet, quiet, quiet), 300, 0.3, "more nulls"),
    }
    half = "…half of the columns"
    days = {
        "clean": [["age"], ["age", "shop"], []],
        "incident-H8": [["age", "amount"], ["age", "amount", "score", half], ["amount"]],
        "incident-H3": [["age"], ["age", "shop"], []],
    }
    told = {"own": ["amount", "shop"], "windows": {"day": days, "week": days}, "errors": {}, "seconds": 1.0, "looks": 9}
    broken = {**told, "errors": {"incident-H3 day": "ValueError: nothing"}}
    return {"cards": ours}, {"drift_preset": told, "nanny": {"missing": "no wheel"}, "cbpe": told, "ks": broken}


def test_the_page_gives_everybody_the_same_rule() -> None:
    ours, answers = made_up()
    costs: dict[str, dict[str, Any]] = {
        name: {"seconds": 1.5, "peak_mb": 2_000.0} for name in ("stored", "rows", *WAYS)
    }
    costs["ks"] = {"error": "MemoryError"}
    text = page(ours, {"cards": answers}, {1_000: costs})
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:] for line in text.splitlines() if "|" in line}
    # New beside the twin, and louder than any clean day; the cause is bold; alarms on the twin are false alarms.
    assert rows["**Holdfast**"] == ["**2**", "–", "1", "1 of 3 |"]
    assert rows["Evidently, the day: any column"] == ["1 (2)", "–", "1", "2 of 3 |"]
    assert rows["Evidently, the day: the request's own"] == ["1 (–)", "–", "1 (0)", "1 of 3 |"]
    assert rows["Evidently, the week: half of all"] == ["2", "–", "1", "0 of 3 |"]
    assert rows["NannyML univariate, the day: any column"] == ["not run", "not run", "", "no wheel |"]
    assert rows["KS"] == ["stops: MemoryError |"]
    assert rows["Holdfast, from the rows"] == ["1.5 s, 2,000 MB |"]
    assert "F6 more nulls (30%)" in text
    assert "ks, incident-H3 day: ValueError: nothing" in text
    assert (
        len({line.count("|") for line in text.splitlines() if line.startswith(("| Evidently, the", "| KS,", "| **H"))})
        == 1
    )


def test_every_judge_has_a_voice_and_a_price() -> None:
    assert {voice.judge for voice in VOICES} == set(WAYS)
    assert {path.stem for path in JUDGES.glob("*.py")} - {"shown"} == set(WAYS)
