"""Which kind of place a word of the command line means: a URL, a folder of one kind or another, or a bundle's hash."""

from __future__ import annotations

from pathlib import Path

from holdfast.doctor.side import Role, Side
from holdfast.errors import HoldfastError
from holdfast.project.project import Project

MEND = (
    "give a bundle's folder or hash, a version of this project, a project's folder, the URL of a server, or a folder "
    "with environment.json and rows.parquet (or rows.csv)"
)


def side_of(role: Role, word: str, here: Path, *, key: str = "") -> Side:
    """The side that a word means; `here` is the folder whose project a bare hash or version belongs to.

    `key` is sent to a server that asks for one. Raises HoldfastError when it means nothing, or cannot be read.
    """
    from holdfast.bundle.manifest import MANIFEST
    from holdfast.doctor.sides.bundle import bundle, named_bundle
    from holdfast.doctor.sides.plain import is_plain, plain
    from holdfast.doctor.sides.project import project
    from holdfast.doctor.sides.server import server
    from holdfast.project.settings import FILE

    if word.startswith(("http://", "https://")):
        if role == "research":
            raise HoldfastError("a server is no place of research", where=word, mend=MEND)
        return server(role, word, key)
    folder = Path(word)
    if folder.is_dir():
        if (folder / FILE).is_file():
            return project(role, Project.open(folder))
        if (folder / MANIFEST).is_file():
            return bundle(role, folder)
        if is_plain(folder):
            return plain(role, folder)
        raise HoldfastError("nothing in this folder tells of research or production", where=word, mend=MEND)
    if "/" not in word and (here / FILE).is_file():
        return named_bundle(role, Project.open(here), word)
    raise HoldfastError(f"there is no {word}", where=f"--{role}", mend=MEND)
