"""Real places: a trained project beside its own server, another version's server, servers with a fault, a ledger."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet
import pytest
from tests.serving.shop import Server, serving
from tests.vouched import promote

from holdfast.access import keys
from holdfast.cli import main
from holdfast.doctor.diagnose import Diagnosis
from holdfast.doctor.journey import doctor
from holdfast.project.project import Project
from holdfast.project.start import start
from holdfast.project.train import train

pytestmark = pytest.mark.long

QUICK = ("params={ num_iterations = 10 }", "folds=2", "bootstrap=0", "threads=1")
DRAWN = "params={ num_iterations = 10, bagging_fraction = 0.5, bagging_freq = 1 }"
WRAPPED = """
import random, struct
import holdfast.serving.decide as steps
made = steps.Decision
def faulty(**told):
    row = list(struct.unpack(f"<{{len(told['features']) // 8}}d", told["features"]))
    {fault}
    told["features"] = struct.pack(f"<{{len(row)}}d", *row)
    return made(**told)
steps.Decision = faulty
"""


@dataclass(frozen=True)
class Shop:
    """A project with two versions of other seeds, the first one live."""

    folder: Path

    @property
    def project(self) -> Project:
        return Project.open(self.folder)

    def records(self) -> int:
        return sum(1 for _ in self.project.reader.records())

    def ask(self, research: str, production: str, key: str = "") -> Diagnosis:
        return doctor(research, production, self.folder, key=key)


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doctor") / "shop"
    start("shop", "fraud", folder, rows=2_000)
    project = Project.open(folder)
    train(project, changes=QUICK)
    train(project, changes=(*QUICK[1:], "seed=7", DRAWN))
    promote(project, "1", why="the first")
    return folder


@pytest.fixture(scope="module")
def live(_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Server]]:
    """A copy with its server; tests leave both as they are."""
    folder = tmp_path_factory.mktemp("live") / "shop"
    shutil.copytree(_made, folder)
    with serving(folder / ".holdfast") as server:
        yield Shop(folder), server


@pytest.fixture
def shop(_made: Path, tmp_path: Path) -> Shop:
    """A copy to do with as one likes."""
    shutil.copytree(_made, tmp_path / "shop")
    return Shop(tmp_path / "shop")


def payment(number: int) -> dict[str, object]:
    """Like those of the history: small, at any hour, at any merchant."""
    kinds = ("grocery", "restaurant", "retail", "online", "travel")
    return {
        "payment_id": f"live-{number}",
        "amount": round(5 + (number * 37 % 90) * 1.01, 2),
        "hour": (7 * number + 5) % 24,
        "day_of_week": number % 7,
        "merchant_category": kinds[number % 5],
    }


def test_a_server_of_the_same_version_is_left_in_peace_and_nothing_is_recorded(live: tuple[Shop, Server]) -> None:
    shop, server = live
    before = shop.records()
    done = shop.ask(str(shop.folder), server.address)
    assert [(item.code, item.says) for item in done.findings] == []
    assert "60 scores of these rows" in done.compared
    assert "a second scoring in production" in done.compared
    assert any(line.endswith("golden rows, which come out to the bit where production runs") for line in done.compared)
    assert any("as of now" in line for line in done.uncompared)
    assert shop.records() == before
    assert server.post("/predict", payment(-1)).status_code == 200  # that is what would have been recorded
    assert shop.records() == before + 1


def test_a_bundle_beside_the_server_says_what_could_not_be_asked(live: tuple[Shop, Server]) -> None:
    shop, server = live
    for word in ("champion", "1", shop.project.registry.version("1").bundle):
        done = shop.ask(word, server.address)
        assert done.ok
        assert "which model it is" in done.compared
        assert any("a bundle has none that the server could be asked about" in line for line in done.uncompared)


def test_a_server_of_another_version_is_named_by_what_made_the_version_another(live: tuple[Shop, Server]) -> None:
    shop, server = live
    done = shop.ask("2", server.address)
    assert [item.code for item in done.findings] == ["DOC04", "DOC16"]
    assert "seed 7 in research, 42 in production" in done.findings[0].says
    assert "answers by version 1" in done.findings[1].says


def test_a_server_that_draws_when_it_scores_is_caught_by_asking_twice(shop: Shop) -> None:
    noisy = WRAPPED.format(fault="told['probability'] = min(1.0, told['probability'] + random.random() / 10)")
    with serving(shop.folder / ".holdfast", before=noisy) as server:
        done = shop.ask(str(shop.folder), server.address)
    assert done.findings[0].code == "DOC12"
    assert "60 of 60 rows scored twice" in done.findings[0].says


def test_a_server_that_makes_a_feature_otherwise_is_caught_with_the_factor(shop: Shop) -> None:
    with serving(shop.folder / ".holdfast", before=WRAPPED.format(fault="row[0] *= 100")) as server:
        done = shop.ask(str(shop.folder), server.address)
    assert done.findings[0].code == "DOC07"
    assert "amount in 60 of 60 rows (100 times as large throughout)" in done.findings[0].says


def test_a_ledger_of_ordinary_payments_is_left_in_peace_and_refused_ones_name_their_cause(shop: Shop) -> None:
    with serving(shop.folder / ".holdfast") as server:
        for number in range(40):
            assert server.post("/predict", payment(number)).status_code == 200
        quiet = shop.ask(str(shop.folder), str(shop.folder))
        for number in range(40, 50):
            assert server.post("/predict", {**payment(number), "merchant_category": "crypto"}).status_code == 400
        unseen = shop.ask(str(shop.folder), str(shop.folder))
        for number in range(50, 70):
            server.post("/predict", {**payment(number), "amount": None})
        nulls = shop.ask("champion", str(shop.folder))
    assert [(item.code, item.says) for item in quiet.findings] == []
    assert "40 recorded answers computed again from their records" in quiet.compared
    assert [item.code for item in unseen.findings] == ["DOC10"]
    assert "10 rows were refused: merchant_category" in unseen.findings[0].says
    assert {item.code for item in nulls.findings} == {"DOC09", "DOC10"}


def test_a_history_that_is_not_the_one_production_was_built_from_is_another_source(shop: Shop) -> None:
    other = shop.folder.with_name("other")
    shutil.copytree(shop.folder, other)
    path = Project.open(other).inputs()["payments"]
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table.slice(0, table.num_rows - 200), path)
    done = doctor(str(other), str(shop.folder), shop.folder)
    assert done.findings[0].code == "DOC05"
    assert "payments" in done.findings[0].says


def test_a_history_too_short_to_be_split_again_is_compared_all_the_same(shop: Shop) -> None:
    path = shop.project.inputs()["payments"]
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table.slice(table.num_rows - 200, 200), path)
    done = doctor(str(shop.folder), str(shop.folder), shop.folder)
    assert [line for line in done.uncompared if line.startswith("research: which rows it was trained on")]
    assert "platforms" in done.compared


def test_locked_servers_are_asked_with_keys_and_without_them_say_what_is_not_told(shop: Shop) -> None:
    _, scorer = keys.create(shop.project.home, "shop", ["scorer"], by="keeper")
    _, viewer = keys.create(shop.project.home, "ada", ["viewer"], by="keeper")
    with serving(shop.folder / ".holdfast") as server:
        shut = shop.ask(str(shop.folder), server.address)
        seen = shop.ask(str(shop.folder), server.address, key=viewer)
        whole = shop.ask(str(shop.folder), server.address, key=f"{viewer} {scorer}")
    assert any("/model-info needs a key" in line for line in shut.uncompared)
    assert "which model it is" in seen.compared
    assert any("/explain needs a key" in line for line in seen.uncompared)
    assert "60 scores of these rows" in whole.compared
    assert shut.ok
    assert seen.ok
    assert whole.ok


def test_the_command_ends_with_0_1_or_2(
    live: tuple[Shop, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, server = live

    def command(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["holdfast", "-C", str(shop.folder), "doctor", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    code, said = command("--research", "champion", "--production", server.address)
    assert code == 0
    assert "nothing found" in said
    code, said = command("--research", "2", "--production", server.address, "--json")
    assert code == 1
    document = json.loads(said)
    assert document["schema"] == 1
    assert document["findings"][0]["code"] == "DOC04"
    assert document["findings"][0]["solution"]
    assert command("--research", "nowhere", "--production", str(tmp_path), "--json")[0] == 2
    assert command("--research", "champion")[0] == 2
