"""The journeys of `holdfast incident`: open, acknowledge, note, mitigate, verify, tell, close."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from holdfast.contract.values import instant, timestamp_text
from holdfast.errors import HoldfastError
from holdfast.project.incidents import evidence, mitigate, postmortem
from holdfast.project.incidents import tell as telling
from holdfast.project.incidents.alarms import alarms, health
from holdfast.project.incidents.case import Case, case, cases, digest_of, keep, reasoned, still_open, write
from holdfast.project.incidents.figures import Compared, compare, unanswered
from holdfast.project.incidents.playbooks import OUTAGE, PLAYBOOKS, Playbook, guess, playbook
from holdfast.project.incidents.scene import Gathered, Scene
from holdfast.project.incidents.stretch import mitigated
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.ledger.records import Incident

HOUR = 3_600_000_000
RECENT = 24 * HOUR
"""A promotion so long ago may be what is wrong."""
Note = Literal["note", "diagnose", "remediate"]
Page = Callable[[Mapping[str, Any]], str]
"""Draws the post-mortem's document as HTML."""


@dataclass(frozen=True)
class Said:
    """What a journey did, for people and as JSON."""

    document: Mapping[str, Any]
    told: Sequence[str] = field(default_factory=tuple)
    ok: bool = True

    def as_dict(self) -> dict[str, Any]:
        return dict(self.document)

    def lines(self) -> list[str]:
        return list(self.told)


def start(
    project: Project, which: str | None, *, because: str, since: str | None = None, address: str = "", key: str = ""
) -> Said:
    """Open an incident and gather what its playbook asks for. Raises HoldfastError where no playbook fits, or the
    ledger takes nothing; what was gathered is kept all the same.
    """
    reasoned(because)
    place = address or server_of(project)
    found = alarms(project, place, key)
    chosen = _chosen(which, [str(item["cause"]) for item in found])
    began, promoted = _since(project, since, found, chosen)
    scene = Scene(project, began, place, key, promoted=promoted)
    scene.alerts = found
    gathered = evidence.gather(scene, chosen.evidence)
    told = {
        "since": scene.since,
        "promoted": scene.promoted,
        "alerted": int(found[0]["seen"]) if found else 0,
        "causes": sorted({str(item["cause"]) for item in found}),
        "answered": _answers(place, key),
        "figures": [item.as_dict() for item in _figures(scene, chosen, answered_then=None)],
    }
    try:
        opened = write(project, "open", because, playbook=chosen.name, figures=told)
    except (HoldfastError, OSError) as error:
        kept = keep(project, f"unrecorded-{time.time_ns() // 1_000}", "evidence.json", _told(gathered))
        what = f"the ledger does not take it ({error}); what was gathered is kept"
        raise HoldfastError(what, where=str(kept), mend="follow the playbook by hand; open it when it can") from error
    _keep(project, opened.seq, gathered, "gathered what the playbook asks for")
    lines = [f"incident {opened.seq} is open: {chosen.name} ({chosen.severity}), {chosen.symptom}"]
    if found:
        lines.append(f"first alert at {timestamp_text(int(found[0]['seen']))}: {found[0]['what']}")
    lines += [*_shown(gathered), "", *offers(project, chosen, scene)]
    document = {**case(project, opened.seq).as_dict(), "evidence": _told(gathered), "offers": _offered(chosen, scene)}
    return Said(document, lines)


def server_of(project: Project) -> str:
    settings = project.settings
    return f"http://{settings.serving_host}:{settings.serving_port}"


def _chosen(which: str | None, causes: Sequence[str]) -> Playbook:
    chosen = playbook(which) if which else guess(causes)
    if chosen is None:
        known = "; ".join(f"{item.name}: {item.symptom}" for item in PLAYBOOKS)
        raise HoldfastError("no open alert says which playbook this is", mend=f"name one. {known}")
    return chosen


def _since(project: Project, told: str | None, found: Sequence[Mapping[str, Any]], book: Playbook) -> tuple[int, int]:
    """When it began: as told; else the first stretch that an alert of the watch names; else the last promotion, where
    it is recent (and its seq); else an hour ago. Watches name hours: a promotion within one of them is meant.
    """
    from holdfast.ledger.writer import now_micros
    from holdfast.project.bundles import history

    if told is not None:
        return instant(told), 0
    if book is OUTAGE and found:
        return int(found[0]["seen"]), 0  # nobody knows of one before it is seen
    named = [int(item["began"]) for item in found if item.get("began")]
    live, now = history(project).live(), now_micros()
    recent = live is not None and live.received_at > now - RECENT
    if named and (live is None or not recent or abs(min(named) - live.received_at) > HOUR):
        return min(named), 0
    if live is not None and recent:
        return live.received_at, live.seq
    return now - HOUR, 0


def _answers(address: str, key: str) -> bool:
    told = health(address, key)
    return told is not None and told[0] == 200


def _figures(scene: Scene, book: Playbook, *, answered_then: bool | None) -> list[Compared]:
    """The playbook's figures; `answered_then` is whether the server answered when the incident was opened."""
    found = []
    for name in book.figures:
        if name == "unanswered":
            now = _answers(scene.address, scene.key)
            found.append(unanswered(during=not (now if answered_then is None else answered_then), now=not now))
        else:
            found.append(compare(scene.project, name, scene.seen, scene.bundle, scene.now))
    return found


def _keep(project: Project, name: int, gathered: Sequence[Gathered], what: str) -> None:
    number = len(list((project.home / "incidents" / str(name)).glob("evidence-*.json"))) + 1
    path = keep(project, name, f"evidence-{number}.json", _told(gathered))
    write(project, "evidence", what, opened=name, file=path.name, digest=digest_of(path))


def _told(gathered: Sequence[Gathered]) -> list[dict[str, Any]]:
    return [item.as_dict() for item in gathered]


def _shown(gathered: Sequence[Gathered]) -> list[str]:
    lines = []
    for item in gathered:
        lines += ["", item.title, *(f"  {line}" for line in item.lines)]
        lines += [f"  not gathered: {item.lacking}"] if item.lacking else []
    return lines


def _offered(book: Playbook, scene: Scene) -> list[dict[str, str]]:
    found = []
    for name in book.mitigations:
        item = mitigate.mitigation(name)
        try:
            words = item.words(scene)
        except HoldfastError as error:
            words = str(error)
        found.append(
            {"name": name, "title": item.title, "words": words, "command": item.command, "permission": item.permission}
        )
    return found


def offers(project: Project, book: Playbook, scene: Scene) -> list[str]:
    """What may be done at once, as commands."""
    lines = ["What can be done at once"]
    for item in _offered(book, scene):
        lines += [f"  {item['title']}: {item['words']}", f"    {item['command']}   (needs `{item['permission']}`)"]
    return lines


def acknowledge(project: Project, name: int | None, *, because: str) -> Said:
    """Somebody is on it, and on the alerts that are open."""
    from holdfast.project.alerts.shown import acknowledge as answer_for
    from holdfast.project.alerts.shown import alerts

    found = still_open(project, name)
    line = write(project, "acknowledge", because, opened=found.name)
    for item in alerts(project):
        if item.state == "open":
            answer_for(project, item.alert.id, because=f"incident {found.name}: {because}", who=line.who)
    return _written(project, line, f"{line.who} is on incident {found.name}")


def note(project: Project, name: int | None, what: str, *, kind: Note = "note") -> Said:
    """A line of the timeline: something seen, the cause found (``diagnose``), what was mended (``remediate``)."""
    if kind not in ("note", "diagnose", "remediate"):
        raise HoldfastError(f"there is no line of kind {kind!r}", mend="one of: note, diagnose, remediate")
    found = still_open(project, name)
    return _written(project, write(project, kind, what, opened=found.name), f"incident {found.name}: {what}")


def _written(project: Project, line: Incident, told: str) -> Said:
    return Said(case(project, line.opened).as_dict(), [told])


def do(
    project: Project,
    name: int | None,
    which: str,
    wish: mitigate.Wish,
    *,
    really: bool,
    address: str = "",
    key: str = "",
) -> Said:
    """Say what a mitigation would do here, or (`really`) do it and write it down."""
    found = still_open(project, name)
    item = mitigate.mitigation(which)
    scene = _scene(project, found, address, key)
    if not really:
        words = [f"{item.title}: {item.words(scene)}", f"  do it: {item.command}   (needs `{item.permission}`)"]
        return Said({"incident": found.name, "mitigation": which, "words": words[0], "done": False}, words)
    reasoned(wish.because)
    done = item.do(project, found, wish)
    if done.waits:
        return Said({"incident": found.name, "mitigation": which, "done": False, **done.figures}, list(done.lines))
    write(project, "mitigate", f"{done.what}: {wish.because}", opened=found.name, figures=done.figures)
    lines = [*done.lines, f"  see what it did: holdfast incident verify {found.name}"]
    return Said({"incident": found.name, "mitigation": which, "done": True, **done.figures}, lines)


def put(project: Project, seq: int, *, because: str) -> Said:
    """Put a measure into force that somebody else asked for."""
    from holdfast.project.incidents.measures import put as journey

    taken = journey(project, seq, because=because)
    return Said(taken.as_dict(), taken.lines())


def lift(project: Project, seq: int, *, because: str) -> Said:
    """End a measure."""
    from holdfast.project.incidents.measures import lift as journey

    taken = journey(project, seq, because=because)
    return Said(taken.as_dict(), taken.lines())


def _scene(project: Project, found: Case, address: str, key: str) -> Scene:
    return Scene(project, found.since, address or server_of(project), key, mitigated(found), found.promoted)


def measured(project: Project, found: Case, address: str = "", key: str = "") -> list[Compared]:
    """The figures of an incident's playbook before, during, and since the last thing that was done about it."""
    scene = _scene(project, found, address, key)
    return _figures(scene, playbook(found.playbook), answered_then=bool(found.opened.figures.get("answered", True)))


def verify(project: Project, name: int | None, *, address: str = "", key: str = "") -> Said:
    """Measure again, and write down whether what people suffer has gone. `ok` says so."""
    found = still_open(project, name)
    told = measured(project, found, address, key)
    first = next((item for item in told if item.rose), told[0])
    word, why = first.verdict()
    gone = word == "gone" and mitigated(found) is not None
    if mitigated(found) is None:
        why = f"nothing has been done about it yet; {why}"
    what = f"{first.what}: {word}. {why}"
    figures_told = {"gone": gone, "figures": [item.as_dict() for item in told]}
    write(project, "verify", what, opened=found.name, figures=figures_told)
    again = case(project, found.name)
    took = again.as_dict()["seconds_to_mitigation"]
    lines = [f"{item.what}: {item.verdict()[0]}. {item.verdict()[1]}" for item in told]
    lines += [f"mitigated {took:g} s after the first alert, by the ledger's clock"] if gone and took is not None else []
    return Said({**again.as_dict(), **figures_told}, lines, ok=gone)


def tell(project: Project, name: int | None, *, to: str = "", address: str = "", key: str = "") -> Said:
    """Draft the message to stakeholders; `to` writes down that they were told."""
    found = case(project, name, closed=True)
    text = telling.message(project.name, found, measured(project, found, address, key))
    if to:
        number = sum(item.action == "communicate" for item in found.lines) + 1
        path = keep(project, found.name, f"message-{number}.txt", text)
        write(project, "communicate", f"told {to}", opened=found.name, file=path.name, digest=digest_of(path))
    return Said({"incident": found.name, "message": text, "told": to}, text.splitlines())


def close(
    project: Project,
    name: int | None,
    *,
    because: str,
    accepting: str = "",
    page: Page,
    address: str = "",
    key: str = "",
) -> Said:
    """Close an incident, and leave its page and its drill.

    Raises HoldfastError while what rose is not shown to be gone, unless `accepting` says why that is accepted.
    """
    from holdfast.ledger.writer import now_micros
    from holdfast.project.incidents.measures import known

    reasoned(because)
    found = still_open(project, name)
    told = measured(project, found, address, key)
    left = [item for item in told if item.rose and not item.gone]
    if found.status != "verified" and not accepting:
        mend = 'holdfast incident verify; or say why that is accepted: --accepting "…"'
        raise HoldfastError(f"incident {found.name} is {found.status}: nothing shows that it is over", mend=mend)
    if left and not accepting:
        what = "; ".join(f"{item.what}: {item.verdict()[0]}, {item.verdict()[1]}" for item in left)
        raise HoldfastError(f"it is not over: {what}", mend='mend it; or say why that is accepted: --accepting "…"')
    what = because + (f" (accepted all the same: {accepting})" if accepting else "")
    held = [item for item in known(project).holding(now_micros()) if item.opened == found.name]
    gathered = _latest(project, found)
    write(project, "close", what, opened=found.name, figures={"figures": [item.as_dict() for item in told]},
          permission="deploy")  # fmt: skip
    lines = [f"incident {found.name} is closed: {what}"]
    lines += [
        f"  still in force: {item.kind} of record {item.seq}, until {timestamp_text(item.until)}" for item in held
    ]
    return _left(project, found.name, told, gathered, page, lines)


def _left(
    project: Project,
    name: int,
    told: Sequence[Compared],
    gathered: Sequence[Mapping[str, Any]],
    page: Page,
    lines: list[str],
) -> Said:
    """The page and the drill, in the project's own folder: they are to be read and committed."""
    found = case(project, name, closed=True)
    drill = project.folder / "drills" / f"incident-{name}.toml"
    drill.parent.mkdir(exist_ok=True)
    drill.write_text(postmortem.drill(found, gathered), encoding="utf-8")
    where = str(drill.relative_to(project.folder))
    document = postmortem.document(project.name, found, told, gathered, where)
    place = project.folder / "incidents"
    place.mkdir(exist_ok=True)
    for suffix, text in ((".md", postmortem.markdown(document)), (".html", page(document))):
        (place / f"incident-{name}{suffix}").write_text(text, encoding="utf-8")
    keep(project, name, "postmortem.json", document)
    lines += [f"  what happened: {place / f'incident-{name}.html'} (and .md)", f"  its drill: {drill}"]
    return Said(document, lines)


def _latest(project: Project, found: Case) -> list[dict[str, Any]]:
    """The evidence that was gathered last, if it is still what was written down. Raises HoldfastError where not."""
    line = found.last("evidence")
    if line is None:
        return []
    path = project.home / "incidents" / str(found.name) / line.file
    if not path.is_file() or digest_of(path) != line.digest:
        mend = "gather it again: holdfast incident show --gather"
        raise HoldfastError("the evidence is not what was gathered", where=str(path), mend=mend)
    listed: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return listed


def show(
    project: Project, name: int | None, *, part: str = "", gather: bool = False, address: str = "", key: str = ""
) -> Said:
    """The timeline; with `part` one kind of evidence, with `gather` all of it anew."""
    found = case(project, name, closed=True)
    book = playbook(found.playbook)
    if part or gather:
        names = [part] if part else list(book.evidence)
        if unknown := set(names) - set(evidence.EVIDENCE):
            mend = "one of: " + ", ".join(evidence.EVIDENCE)
            raise HoldfastError(f"there is no evidence {', '.join(unknown)}", mend=mend)
        gathered = evidence.gather(_scene(project, found, address, key), names)
        if gather and not part and found.closed is None:
            _keep(project, found.name, gathered, "gathered it again")
        return Said({"incident": found.name, "evidence": _told(gathered)}, _shown(gathered)[1:])
    told = found.as_dict()
    lines = [f"incident {found.name}: {found.playbook}, {found.status}. {found.opened.what}"]
    lines += [f"!!! {shout} !!!" for shout in told["broken_glass"]]
    lines += [f"  {row['when']} {row['who']}, {row['did']}: {row['what']}" for row in told["timeline"]]
    if found.closed is None:
        lines += ["", "To find out", *(f"  {item}" for item in book.diagnose)]
        lines += ["To mend", *(f"  {item}" for item in book.remediate)]
        lines += offers(project, book, _scene(project, found, address, key))
    return Said(told, lines)


def listed(project: Project) -> list[dict[str, Any]]:
    """Every incident in one row each, the newest last."""
    keys = ("incident", "playbook", "status", "because", "who", "opened", "seconds_to_mitigation", "broken_glass")
    return [{key: told[key] for key in keys} for told in (item.as_dict() for item in cases(project))]
