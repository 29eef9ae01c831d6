"""What can be done at once: each a command that is offered, and done when it is told to.

None of them mends the cause. What each does not do stands in docs/decisions/measures-for-a-while.md.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nextafter
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.project.incidents.case import Case, may
from holdfast.project.incidents.scene import Scene
from holdfast.project.incidents.traffic import refusals
from holdfast.project.project import Project

RESTART_SECONDS = 60.0


@dataclass(frozen=True)
class Wish:
    """What somebody wants done. `to` is a probability or a version, `names` are (as it comes, the field)."""

    because: str
    to: str = ""
    names: tuple[tuple[str, str], ...] = ()
    expires: str = "8h"


@dataclass(frozen=True)
class Done:
    """What was done; `waits` where a second person must put it into force first."""

    what: str
    figures: Mapping[str, Any]
    lines: tuple[str, ...] = ()
    waits: bool = False


Do = Callable[[Project, Case, Wish], Done]
Words = Callable[[Scene], str]


@dataclass(frozen=True, slots=True)
class Mitigation:
    """`words` says what it would do here, `do` does it. `permission`: who may."""

    name: str
    permission: str
    title: str
    option: str
    """What the command wants beside the name."""
    words: Words
    do: Do

    @property
    def command(self) -> str:
        return " ".join(f'holdfast incident mitigate {self.name} {self.option} --do --because "…"'.split())


def _rollback_words(scene: Scene) -> str:
    from holdfast.project.bundles import history

    past = history(scene.project)
    live, before = past.live(), past.before()
    if live is None or before is None:
        return "no version was live before this one: there is nothing to go back to"
    return f"version {before.version} answers again in the place of version {live.version}, within a second"


def _rollback(project: Project, case: Case, wish: Wish) -> Done:
    from holdfast.project.promote import rollback

    may(project, "rollback")
    moved = rollback(project, why=f"incident {case.name}: {wish.because}")
    step = moved.decided.record
    figures = {"from": step.previous, "to": step.version, "record": step.seq}
    return Done(f"rolled back to version {step.version}", figures, tuple(moved.lines()))


def _threshold_words(scene: Scene) -> str:
    found = None if scene.bundle is None else usual_threshold(scene)
    if found is None:
        return "decide positively from another probability on; too few decisions to propose one"
    value, why = found
    return f"from {value!r} on {why}"  # to the last digit: rounded up it would miss what it was chosen for


def usual_threshold(scene: Scene) -> tuple[float, str] | None:
    """A probability to decide from, and what it would bring: as much caught as before, where more was missed; else as
    many positive decisions as before. None where there are too few to say.
    """
    from holdfast.project.incidents import figures

    missed = figures.missed_share(scene.project, scene.seen, scene.bundle, scene.now)
    during = scene.seen.during.decisions
    if missed[1].value is not None and missed[1].value > (missed[0].value or 0.0):
        truths = figures.outcomes(scene.project, scene.bundle, scene.now)
        real = sorted((item.probability for item in during if truths.get(item.event_id) == 1), reverse=True)
        caught = max(1, round((1 - (missed[0].value or 0.0)) * len(real)))
        return real[caught - 1], "as large a share of what turned out positive would have been caught as before"
    usual = figures.positive_share(scene.project, scene.seen, scene.bundle, scene.now)[0].value
    found = sorted((item.probability for item in during), reverse=True)
    if usual is None or len(found) < figures.FEWEST:
        return None
    # Just above the first that is not to be positive any more.
    value = min(1.0, nextafter(found[min(len(found) - 1, int(usual * len(found)))], 2.0))
    return value, "at most as many decisions would be positive as before"


def _threshold(project: Project, case: Case, wish: Wish) -> Done:
    from holdfast.project.incidents.measures import ask

    taken = ask(project, "threshold", value=_probability(wish), expires=wish.expires, because=wish.because,
                opened=case.name)  # fmt: skip
    return Done("asked for another threshold", taken.as_dict(), tuple(taken.lines()), waits=True)


def _review(project: Project, case: Case, wish: Wish) -> Done:
    from holdfast.project.incidents.measures import ask

    taken = ask(project, "review", value=_probability(wish), expires=wish.expires, because=wish.because,
                opened=case.name)  # fmt: skip
    return Done("asked for a person's look at positive decisions", taken.as_dict(), tuple(taken.lines()), waits=True)


def _probability(wish: Wish) -> float:
    try:
        return float(wish.to)
    except ValueError:
        raise HoldfastError(f"{wish.to!r} is no probability", mend="--to 0.8") from None


def _review_words(scene: Scene) -> str:
    return "positive decisions below a probability are marked `review` in the answer, for a person to look at"


def _names_words(scene: Scene) -> str:
    told = refusals(scene).figures["renamed"]
    if not told:
        return "read a field that comes under another name; none was recognised among the refused requests"
    return "read " + ", ".join(f"{item['came']} as {item['meant']}" for item in told)


def _names(project: Project, case: Case, wish: Wish) -> Done:
    from holdfast.project.incidents.measures import ask

    taken = ask(project, "names", names=wish.names, expires=wish.expires, because=wish.because, opened=case.name)
    return Done("asked that a former name be read", taken.as_dict(), tuple(taken.lines()), waits=True)


def _canary_words(scene: Scene) -> str:
    return "a version trained on recent labels answers a tenth first, and is halted by itself when it is worse"


def _canary(project: Project, case: Case, wish: Wish) -> Done:
    from holdfast.project.experiment import start

    may(project, "deploy")
    done = start(project, "canary", [wish.to or "challenger"], why=f"incident {case.name}: {wish.because}")
    return Done("a canary answers a tenth", {"told": done.lines()}, tuple(done.lines()))


def _restart_words(scene: Scene) -> str:
    told = scene.project.settings.incidents_restart
    return f"run {told!r}" if told else "start it again: `holdfast serve`; incidents.restart names the command to run"


def _restart(project: Project, case: Case, wish: Wish) -> Done:
    may(project, "deploy")
    told = project.settings.incidents_restart
    if not told:
        mend = 'name the command in holdfast.toml, as in [incidents] restart = "systemctl restart holdfast"'
        raise HoldfastError("no command to start the server is known", where="incidents.restart", mend=mend)
    try:
        ran = subprocess.run(  # the operator's own command, from the project's settings, through no shell
            shlex.split(told), cwd=project.folder, capture_output=True, text=True, timeout=RESTART_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HoldfastError(f"the server could not be started: {error}", where=told) from None
    if ran.returncode:
        raise HoldfastError(f"it ended with {ran.returncode}: {ran.stderr[-500:].strip()}", where=told)
    return Done("started the server again", {"command": told}, (f"ran {told}",))


MITIGATIONS = (
    Mitigation("rollback", "rollback", "go back to the version before", "", _rollback_words, _rollback),
    Mitigation(
        "threshold", "deploy", "decide from another threshold for a while", "--to 0.8", _threshold_words, _threshold
    ),
    Mitigation("review", "deploy", "let a person look", "--to 0.95", _review_words, _review),
    Mitigation("former-name", "deploy", "read a renamed field", "--name came=field", _names_words, _names),
    Mitigation("canary", "deploy", "let a newer version answer a tenth", "--to VERSION", _canary_words, _canary),
    Mitigation("restart", "deploy", "start the server again", "", _restart_words, _restart),
)


def mitigation(name: str) -> Mitigation:
    """Raises HoldfastError for a name that is none."""
    found = next((item for item in MITIGATIONS if item.name == name), None)
    if found is None:
        mend = "one of: " + ", ".join(item.name for item in MITIGATIONS)
        raise HoldfastError(f"there is no mitigation {name!r}", mend=mend)
    return found
