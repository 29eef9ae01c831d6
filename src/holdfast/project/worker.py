"""One of several workers, as `holdfast serve` starts it: ``-m holdfast.project.worker FOLDER SOCKET LINE NUMBER``.

It imports neither the command line nor what renders it, so that it is light and ready soon.
"""

from __future__ import annotations

import sys
from pathlib import Path

from holdfast.errors import HoldfastError
from holdfast.project.project import Project
from holdfast.project.serve import work
from holdfast.serving.line import Line


def main(words: list[str]) -> int:
    """Exit code 0 when it drained in order, 2 when it could not start; the supervisor has heard why."""
    folder, *rest = words
    line = Line.of(rest)
    try:
        project = Project.open(Path(folder))
    except HoldfastError as error:
        line.failed(error)
        return 2
    try:
        work(project, line)
    except HoldfastError:
        return 2  # told already
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
