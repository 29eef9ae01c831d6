"""A bundle is refused unless it is exactly what was packed; nothing in it is ever run."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.bundle.made import FAMILIES, contract, fitted, packed, rows

from holdfast.bundle.calibration import Calibration
from holdfast.bundle.golden import PlatformDiffers, choose_golden
from holdfast.bundle.load import load
from holdfast.bundle.manifest import REQUIRED, Manifest
from holdfast.bundle.pack import pack
from holdfast.bundle.threshold import Threshold
from holdfast.contract.model import canonical
from holdfast.errors import HoldfastError

SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    packed(tmp_path / "bundle", "random_forest")
    return tmp_path / "bundle"


def rewrite_manifest(folder: Path, change: Callable[[dict[str, object]], None]) -> str:
    """As one who can also write the manifest: hashes made right again. Answers the new bundle hash."""
    shape = json.loads((folder / "manifest.json").read_bytes())
    for path in shape["files"]:
        if (folder / path).is_file():
            data = (folder / path).read_bytes()
            shape["files"][path] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    change(shape)
    (folder / "manifest.json").write_bytes(canonical(shape))
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def refusal(folder: Path, expect: str | None = None) -> HoldfastError:
    with pytest.raises(HoldfastError) as caught:
        load(folder, expect=expect)
    return caught.value


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_packed_is_what_is_loaded(family: str, tmp_path: Path) -> None:
    packed_hash = packed(tmp_path / "b", family)
    bundle = load(tmp_path / "b", expect=packed_hash)
    matrix = rows()[0][:200]
    scores, probabilities = bundle.predict_matrix(matrix)
    assert bundle.hash == packed_hash == hashlib.sha256((tmp_path / "b" / "manifest.json").read_bytes()).hexdigest()
    assert [bundle.predict(row) for row in matrix.tolist()] == list(zip(scores, probabilities, strict=True))
    assert scores.tobytes() == load(tmp_path / "b").predict_matrix(matrix)[0].tobytes()
    assert bundle.contract == contract()
    assert (bundle.name, bundle.threshold.value, bundle.profile["rows"]) == ("demo", 0.3, 3_000)
    parts = bundle.explain(matrix[0].tolist())
    assert {part.feature for part in parts} == set(bundle.features)
    assert [abs(part.contribution) for part in parts] == sorted((abs(p.contribution) for p in parts), reverse=True)
    total = bundle.base_value + sum(part.contribution for part in parts)
    assert total == pytest.approx(scores[0], abs=1e-5 if family == "xgboost" else 1e-9)


def test_equal_training_gives_an_equal_model_hash_and_another_threshold_another(tmp_path: Path) -> None:
    packed(tmp_path / "one")
    packed(tmp_path / "two")
    packed(tmp_path / "three", calibration=Calibration())
    one, two, three = (load(tmp_path / name).manifest for name in ("one", "two", "three"))
    assert one.model_hash == two.model_hash != three.model_hash


@pytest.mark.parametrize("path", [*REQUIRED, "trees.bin"])
def test_one_changed_byte_in_any_file_is_refused_by_name(folder: Path, path: str) -> None:
    place = folder / path
    data = bytearray(place.read_bytes())
    for position in {0, len(data) // 2, len(data) - 1}:
        changed = bytearray(data)
        changed[position] ^= 1
        place.write_bytes(changed)
        fault = refusal(folder)
        assert [(problem.field, problem.code) for problem in fault.problems] == [(path, "changed")]
        assert str(folder) in fault.where
    place.write_bytes(data)
    load(folder)


def test_one_changed_byte_in_the_manifest_is_another_bundle(folder: Path) -> None:
    expect = load(folder).hash
    data = (folder / "manifest.json").read_bytes()
    for position in range(0, len(data), 97):
        changed = bytearray(data)
        changed[position] ^= 1
        (folder / "manifest.json").write_bytes(changed)
        assert "another bundle" in refusal(folder, expect).what


def test_a_file_cut_longer_or_missing_is_refused(folder: Path) -> None:
    place = folder / "trees.bin"
    data = place.read_bytes()
    for content in (data[:-1], b"", data + b"\0", data * 2):
        place.write_bytes(content)
        assert refusal(folder).problems[0].code == "size"
    place.unlink()
    assert refusal(folder).problems[0].code == "missing"
    (folder / "manifest.json").unlink()
    assert refusal(folder).problems[0].field == "manifest.json"


@pytest.mark.parametrize("name", ["model.pkl", "sitecustomize.py", ".hidden", "reference/extra.json"])
def test_a_file_too_many_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"0")
    assert [(problem.field, problem.code) for problem in refusal(folder).problems] == [(name, "extra")]


def test_a_code_folder_is_refused_even_when_empty(folder: Path) -> None:
    (folder / "code").mkdir()
    assert [(problem.field, problem.code) for problem in refusal(folder).problems] == [("code", "extra")]


@pytest.mark.parametrize("path", ["model.json", "golden.f64", "reference/profile.json", "manifest.json"])
def test_a_symbolic_link_is_refused_even_to_the_right_bytes(folder: Path, path: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes((folder / path).read_bytes())
    (folder / path).unlink()
    (folder / path).symlink_to(outside)
    fault = refusal(folder)
    assert fault.problems[0].field == path
    # The manifest is opened before anything is listed: opening itself must not follow the link.
    assert fault.problems[0].code == ("unreadable" if path == "manifest.json" else "link")


def test_a_linked_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "reference").rename(tmp_path / "elsewhere")
    (folder / "reference").symlink_to(tmp_path / "elsewhere")
    assert ("reference", "link") in [(problem.field, problem.code) for problem in refusal(folder).problems]
    (tmp_path / "alias").symlink_to(folder)
    assert "no bundle folder" in refusal(tmp_path / "alias").what


def test_a_pipe_in_the_place_of_a_file_is_refused_and_does_not_hang(folder: Path) -> None:
    (folder / "model_card.md").unlink()
    os.mkfifo(folder / "model_card.md")
    assert [(problem.field, problem.code) for problem in refusal(folder).problems] == [("model_card.md", "unreadable")]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../outside.json", "outside"),
        ("reference/../../outside.json", "outside"),
        ("/etc/passwd", "outside"),
        ("C:\\secrets", "outside"),
        ("..\\outside.json", "outside"),
        ("model.pkl", "no_place"),
        ("code/run.py", "no_place"),
        ("", "no_place"),
    ],
)
def test_a_manifest_that_names_a_path_of_no_place_is_refused(folder: Path, path: str, code: str) -> None:
    (folder.parent / "outside.json").write_text("{}")

    def add(shape: dict[str, object]) -> None:
        files = shape["files"]
        assert isinstance(files, dict)
        files[path] = {"sha256": hashlib.sha256(b"{}").hexdigest(), "bytes": 2}

    rewrite_manifest(folder, add)
    assert (path, code) in [(problem.field, problem.code) for problem in refusal(folder).problems]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"format": 1, "format": 1}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"format": NaN}',
        b'{"format": 1, "files": {"model.json": {"sha256": 1, "bytes": -5}}}',
        b"x" * (2 << 20),
    ],
)
def test_a_manifest_that_is_none_is_refused_without_a_crash(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    assert refusal(folder).mend


def test_a_manifest_that_says_one_thing_twice_is_refused(folder: Path) -> None:
    place = folder / "manifest.json"
    place.write_bytes(b'{"name":"other",' + place.read_bytes().removeprefix(b"{"))
    assert "a key appears twice" in refusal(folder).what


def test_a_bundle_of_a_later_format_says_so(folder: Path) -> None:
    def later(shape: dict[str, object]) -> None:
        shape["format"] = 2

    rewrite_manifest(folder, later)
    assert "newer than this Holdfast reads" in refusal(folder).what


class Trap:
    """Unpickled, it leaves a file behind: the proof that code ran."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.mark,)


@pytest.mark.parametrize(
    "path", ["model.json", "contract.json", "trees.bin", "golden.f64", "golden.json", "calibration.json"]
)
def test_a_pickle_under_any_name_and_with_a_right_hash_runs_nothing(folder: Path, path: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (folder / path).write_bytes(pickle.dumps(Trap(str(mark))))
    rewritten = rewrite_manifest(folder, lambda shape: None)
    assert refusal(folder, rewritten).what
    assert not mark.exists()
    pickle.loads((folder / path).read_bytes())
    assert mark.exists()  # the trap works


def test_parts_of_another_bundle_with_right_hashes_do_not_pass(folder: Path, tmp_path: Path) -> None:
    packed(tmp_path / "other", "decision_tree")
    (folder / "trees.bin").write_bytes((tmp_path / "other" / "trees.bin").read_bytes())
    assert refusal(folder, rewrite_manifest(folder, lambda shape: None)).what


@pytest.mark.parametrize("family", ["random_forest", "logistic_regression", "lightgbm"])
def test_golden_rows_find_a_platform_that_computes_otherwise(tmp_path: Path, family: str) -> None:
    packed(tmp_path / "b", family)
    place = tmp_path / "b" / "golden.f64"
    table = np.frombuffer(place.read_bytes(), "<f8").reshape(-1, 8).copy()
    table[17, 7] = np.nextafter(table[17, 7], 2.0)
    place.write_bytes(table.tobytes())
    rewrite_manifest(tmp_path / "b", lambda shape: None)
    fault = refusal(tmp_path / "b")
    assert isinstance(fault, PlatformDiffers)
    assert "1 of 200 golden rows scored alone differ, first row 17" in fault.what


def test_a_bundle_goes_to_a_new_folder_whole_or_not_at_all(tmp_path: Path) -> None:
    packed(tmp_path / "b")
    with pytest.raises(HoldfastError, match="something here already"):
        packed(tmp_path / "b")
    parts = {
        "contract": contract(), "calibration": Calibration(), "threshold": Threshold(0.5), "profile": {},
        "environment": "", "card": "", "training": {},
    }  # fmt: skip
    spec = fitted("decision_tree")[0]
    for golden in (np.zeros((0, 6)), np.zeros((1_001, 6)), np.zeros((3, 5)), np.full((3, 6), np.inf)):
        with pytest.raises(HoldfastError, match=r"golden row"):
            pack(tmp_path / "new", model=spec, golden_rows=golden, **parts)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]
    assert choose_golden(rows()[0]).shape == (1_000, 6)


def test_loading_brings_in_no_library_that_trains() -> None:
    probe = (
        "import sys, holdfast.bundle.load, holdfast.bundle.pyfunc\n"
        "print([name for name in ('sklearn', 'pandas', 'lightgbm', 'xgboost', 'mlflow', 'scipy', 'pyarrow', 'duckdb')"
        " if name in sys.modules])"
    )
    assert run(probe) == "[]"


def test_scoring_lightgbm_in_a_fresh_process_needs_no_lightgbm_package(tmp_path: Path) -> None:
    packed(tmp_path / "b")
    score, probability = load(tmp_path / "b").predict(rows()[0][5].tolist())
    probe = (
        "import sys\nfrom holdfast.bundle.load import load\n"
        f"bundle = load({str(tmp_path / 'b')!r})\nnan = float('nan')\n"
        f"print(*map(float.hex, bundle.predict({rows()[0][5].tolist()!r})))\n"
        "print([name for name in ('sklearn', 'pandas', 'lightgbm', 'scipy') if name in sys.modules])"
    )
    assert run(probe).splitlines() == [f"{float(score).hex()} {float(probability).hex()}", "[]"]


def run(program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_manifest_writes_the_same_bytes_whatever_the_order_of_files() -> None:
    one = Manifest("n", "t", "f", "c", "m", "0", {}, {"a": ("1", 1), "b": ("2", 2)})
    two = Manifest("n", "t", "f", "c", "m", "0", {}, {"b": ("2", 2), "a": ("1", 1)})
    assert one.as_bytes() == two.as_bytes()
