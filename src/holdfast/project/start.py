"""Starting a project: a template copied, its name filled in, its history simulated."""

from __future__ import annotations

import contextlib
import io
import runpy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError

TEMPLATES = ("fraud", "cards", "credit")
_HOME = Path(__file__).parent.parent / "templates"
_IGNORED = ".holdfast/\ndata/\nmlflow.db\nmlruns/\n__pycache__/\n"


@dataclass(frozen=True)
class Started:
    """A new project's folder and what was put there."""

    name: str
    template: str
    folder: str
    files: tuple[str, ...]
    data: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def start(
    name: str,
    template: str,
    folder: Path,
    *,
    rows: int | None = None,
    seed: int | None = None,
    end: str | None = None,
    data: bool = True,
) -> Started:
    """Copy a template into `folder` and simulate its history (`rows`, about, up to the instant `end` in ISO 8601, now
    where there is none) unless `data` is false.

    Raises HoldfastError for an unknown template, a name that is none, or a folder that already holds a project.
    """
    if template not in TEMPLATES:
        raise HoldfastError(f"there is no template {template!r}", mend="one of: " + ", ".join(TEMPLATES))
    if not name.replace("-", "_").isidentifier():
        raise HoldfastError(f"{name!r} is not a name", mend="letters, digits, - and _, beginning with a letter")
    if folder.exists() and any(folder.iterdir()):
        raise HoldfastError("the folder is not empty", where=str(folder), mend="choose a new one with --at")
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted((_HOME / template).iterdir()):
        if source.is_file():
            text = source.read_text(encoding="utf-8")
            (folder / source.name).write_text(_named(source.name, text, name, template), encoding="utf-8")
    (folder / ".gitignore").write_text(_IGNORED)
    said = simulate(folder, rows=rows, seed=seed, end=end) if data else ""
    files = tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))
    return Started(name, template, str(folder), files, said)


def simulate(folder: Path, *, rows: int | None = None, seed: int | None = None, end: str | None = None) -> str:
    """Run the project's `simulate.py` and answer what it said."""
    words = [f"--{word}={value}" for word, value in (("rows", rows), ("seed", seed), ("end", end)) if value is not None]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        runpy.run_path(str(folder / "simulate.py"))["main"](words)
    return said.getvalue().strip()


def _named(file: str, text: str, name: str, template: str) -> str:
    if file == "holdfast.toml":
        return text.replace(f'name = "{template}"', f'name = "{name}"', 1)
    return text.replace("# {name}", f"# {name}", 1) if file == "README.md" else text
