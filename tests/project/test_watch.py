"""A look raises what is wrong, and nothing where nothing is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.project.alerts.receivers import web
from tests.serving.shop import Server, pack_model, payment, promote, second, serving, shop
from typer.testing import CliRunner

from holdfast.access import keys
from holdfast.cli import place
from holdfast.cli.main import app
from holdfast.project.project import Project
from holdfast.project.watch import Seen, look, population_stability


def test_psi_is_nothing_for_the_same_spread_and_much_for_another() -> None:
    drawn = np.random.default_rng(1).normal(size=20_000)
    edges = np.quantile(drawn, np.linspace(0, 1, 21))
    counts, _ = np.histogram(drawn, edges)
    same = population_stability(edges.tolist(), counts.tolist(), np.random.default_rng(2).normal(size=1_000))
    shifted = population_stability(edges.tolist(), counts.tolist(), np.random.default_rng(2).normal(1.0, size=1_000))
    beyond = population_stability(edges.tolist(), counts.tolist(), np.full(1_000, 99.0))
    assert same < 0.05 < 0.25 < shifted < beyond < 100


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Server]]:
    folder = tmp_path_factory.mktemp("shop")
    shop(folder / ".holdfast")
    (folder / "holdfast.toml").write_text('name = "shop"\n')
    with serving(folder / ".holdfast") as server:
        yield Project.open(folder), server


def test_a_sound_server_is_passed_over_in_silence(running: tuple[Project, Server]) -> None:
    project, server = running
    before = look(project, server.address).seen  # other tests ask it too
    for number in range(30):
        assert server.post("/predict", payment(f"sound-{number}")).status_code == 200
    found = look(project, server.address, before)
    assert found.alerts == []
    assert found.seen.since(before) == (30, 0, 0)


def test_requests_refused_since_the_last_look_alert_once(running: tuple[Project, Server]) -> None:
    project, server = running
    before = look(project, server.address).seen
    for number in range(25):
        assert server.post("/predict", payment(f"odd-{number}", merchant_category="?")).status_code == 400
    found = look(project, server.address, before)
    assert [alert.rule for alert in found.alerts] == ["refusals"]
    assert found.alerts[0].evidence == {"requests": 25, "errors": 0, "refused": 25}
    assert look(project, server.address, found.seen).alerts == []


def test_a_promotion_that_cannot_be_followed_alerts(tmp_path: Path) -> None:
    home = tmp_path / ".holdfast"
    shop(home)
    (tmp_path / "holdfast.toml").write_text('name = "shop"\n')
    with serving(home) as server:
        newer = pack_model(home, second())
        model = home / "bundles" / newer / "model.json"
        model.write_bytes(model.read_bytes() + b" ")
        promote(home, second(), newer, "2")
        for _ in range(100):
            found = look(Project.open(tmp_path), server.address)
            if found.alerts:
                break
            threading.Event().wait(0.05)
    assert [(alert.rule, alert.severity) for alert in found.alerts] == [("promotion", "critical")]


def test_counts_of_a_server_begun_anew_count_from_nothing() -> None:
    assert Seen(True, 10, 1, 2).since(Seen(True, 4, 1, 0)) == (6, 0, 2)
    assert Seen(True, 10, 1, 2).since(Seen(True, 400, 7, 9)) == (10, 1, 2)


def test_the_command_exits_by_what_it_saw_and_sends_it(
    running: tuple[Project, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, server = running
    monkeypatch.setattr(place, "_chosen", None)
    words = ["-C", str(project.folder), "watch"]
    with web(204) as (address, got):
        monkeypatch.setenv("HOLDFAST_ALERTS_WEBHOOK", address)
        monkeypatch.setenv("HOLDFAST_ALERTS_REFUSED_SHARE", "1.0")  # other tests are refused on purpose
        sound = CliRunner().invoke(app, [*words, server.address, "--once", "--json"])
        assert sound.exit_code == 0, sound.output
        assert got == []
        away = CliRunner().invoke(app, [*words, "http://127.0.0.1:1", "--once"])
    assert away.exit_code == 1
    assert "the server does not answer" in away.output
    assert [item["rule"] for item in got] == ["outage"]


def test_a_server_that_wants_a_key_is_no_outage_without_a_word(tmp_path: Path) -> None:
    """Who may not look is told so, and not that all is well."""
    home = tmp_path / ".holdfast"
    shop(home)
    (tmp_path / "holdfast.toml").write_text('name = "shop"\n')
    text = keys.create(home, "someone", ["viewer"], by="test")[1]
    project = Project.open(tmp_path)
    with serving(home) as server:
        found = look(project, server.address)
        assert [alert.rule for alert in found.alerts] == ["outage"]
        assert "the server does not tell: 401" in found.alerts[0].evidence["why"]
        assert look(project, server.address, key=text).seen.answers
