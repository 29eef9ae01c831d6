"""The score card as a page: every fault with its id, who named it, and what other tools caught of the same tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby

from benchmarks.scorecard.beside import Judged as Peer
from benchmarks.scorecard.bullets import heading, words
from benchmarks.scorecard.card import WANTED, advice, share
from benchmarks.scorecard.fault import Card, Clean, Judged

COMMAND = "python -m benchmarks.scorecard --docs docs/faults.md"
Peers = Mapping[str, Peer]
HEAD = f"""# Faults, and who names them

Every row of the table of integration issues (`T…`) and every bullet of the pre-deployment list (`C<part>.<bullet>…`) is
put into something real, and [the gate](gate/README.md) or [the doctor](doctor.md) is asked. This page is written by

```console
$ {COMMAND}
```

## How it is judged

- **Holdfast**: a fault of the list is put into a project (3,000 rows, trained, registered, under version control), and
  every check that can apply is asked, not only the one that should find it. It is *right* when an expected code does
  not pass that passes on the clean twin, and every other such code stands in the fault's own list of consequences.
  The doctor has to name the cause first. `exit 2`: the data cannot be read, and the place is said. `verdict.…` and
  `approval.…`: what the door of `holdfast promote` objects to.
- **Other tools** see the same rows as two tables (what one trains on; the batch that comes then) with label and score.
  *Caught*: it raises something that it raises on none of the clean twins of the same base. *Named*: of a column that
  was hit. `–`: nothing. An empty cell: no table can show the fault (a library, a backup, a server), and none was asked.
- **Clean**: the same projects with nothing put in, with other seeds. No required check may fail, the doctor says
  nothing.
- **Hurried**: load runs for a moment at 100 answers a second that may take half a second, not for twenty seconds at
  1,000 within 50 ms, as two projects are asked at once and other programs may run; so the advice about peaks (GATE402)
  is not asked for. Models have 40 small trees, three folds, 50 resamplings. What only people give is there: the
  documents, and at the door an examination and the keys of another person.

## What these figures are not

- No estimate for faults nobody thought of: faults, checks and lists of consequences were made by the same people, and
  some lists, settings of faults and two checks were changed after trial runs had shown what follows from what.
- No comparison on equal terms: other tools see two tables and no contract, project or server, so only those faults are
  counted for them that a table can show.
- No promise for every seed: of forty further clean histories (seeds 21 to 60) GATE105, asked alone, stopped one.
- No figures of a quiet machine: other programs ran meanwhile. Where GATE401 is named beside a fault that is none of the
  server's, ask again with nothing else running.
"""


def page(card: Card, peers: Peers) -> str:
    """The whole page, in Markdown."""
    parts = [HEAD, "## What came of it\n", totals(card, peers), "## The faults\n"]
    for title, items in groupby(card.faults, key=lambda item: heading(item.fault.bullet)):
        parts += [f"### {title}\n", _table(list(items), peers)]
    parts += ["## Clean runs\n", _clean(card, peers)]
    if missed := [item for item in card.faults if not item.right]:
        parts += ["## Not right\n", *(f"- **{item.fault.id}**: {_missed(item)}" for item in missed), ""]
    return "\n".join(parts).rstrip() + "\n"


def totals(card: Card, peers: Peers) -> str:
    """One line for each who was asked."""
    known = {item.fault.id for item in card.faults}
    lines = ["| | asked about | caught | named rightly | clean runs with an alarm |", "| --- | --- | --- | --- | --- |"]
    loud = sum(not item.ok for item in card.clean)
    right, caught = sum(item.right for item in card.faults), sum(bool(item.by) for item in card.faults)
    part = f"{share(card.faults):.0%}; {WANTED:.0%} is wanted"
    lines.append(
        f"| **Holdfast** | {len(card.faults)} | {caught} | **{right}** ({part}) | {loud} of {len(card.clean)} |"
    )
    for name, peer in peers.items():
        if peer.missing:
            lines.append(f"| {name} | not asked: {peer.missing} | | | |")
            continue
        found = [seen for fault, seen in peer.faults.items() if fault in known]
        lines.append(
            f"| {name} {peer.versions.get(name.lower().replace(' ', '-'), '')} | {len(found)} "
            f"| {sum(bool(item.caught) for item in found)} | {sum(bool(item.named) for item in found)} "
            f"| {len(peer.loud)} of {len(peer.twins)} |"
        )
    seconds = ", ".join(f"{part} {value:,.0f} s" for part, value in card.parts.items())
    return "\n".join(lines) + f"\n\nTaken: {seconds}.\n"


def _table(items: list[Judged], peers: Peers) -> str:
    shown = {name: peer for name, peer in peers.items() if not peer.missing}
    head = ["id", "row or bullet", "put in", "named by", "right", *shown]
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] * len(head))} |"]
    last = ""
    for item in items:
        fault = item.fault
        bullet = "" if fault.bullet == last else f"{fault.bullet} {words(fault.bullet)}"
        last = fault.bullet
        cells = [fault.id, bullet, fault.what, _by(item), "yes" if item.right else "**no**"]
        cells += [_peer(peer, fault.id) for peer in shown.values()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _by(item: Judged) -> str:
    if item.error:
        return "could not be put"
    return ", ".join(_code(code) for code in item.by) or f"nobody ({', '.join(item.fault.expected)} was to)"


def _code(code: str) -> str:
    return f"[{code}](gate/{code}.md)" if code.startswith("GATE") else code


def _peer(peer: Peer, fault: str) -> str:
    found = peer.of(fault)
    if not found.shown:
        return ""
    return "named" if found.named else "caught" if found.caught else "–"


def _missed(item: Judged) -> str:
    if item.error:
        return f"could not be put: {item.error.strip().splitlines()[-1]}"
    told = sorted(item.named, key=lambda name: name.code not in item.strange)
    said = "; ".join(f"{name.code} {name.why.splitlines()[0][:200]}" for name in told[:3]) or "nothing"
    if item.strange:
        return f"{', '.join(item.strange)} was named too, and does not follow from it ({said})"
    return f"{' or '.join(item.fault.expected)} was expected; what was said: {said}"


def _clean(card: Card, peers: Peers) -> str:
    lines = [
        "| base | seeds | with a required check that stops, or a cause | seconds each |",
        "| --- | --- | --- | --- |",
    ]
    key: Callable[[Clean], str] = lambda item: item.base  # noqa: E731 — sorted and grouped by the same
    for base, runs in groupby(sorted(card.clean, key=key), key=key):
        found = list(runs)
        loud = ", ".join(
            f"{item.seed}: {', '.join(name.code for name in item.stopping) or 'failed to run'}"
            for item in found
            if not item.ok
        )
        mean = sum(item.seconds for item in found) / len(found)
        lines.append(f"| {base} | {len(found)} | {loud or 'none'} | {mean:.1f} |")
    told = ", ".join(f"{_code(code)} in {count}" for code, count in advice(card).items())
    lines += ["", f"Advice on clean runs, which stops nobody: {told or 'none'}.", ""]
    for name, peer in peers.items():
        if peer.loud:
            lines.append(f"- {name} raised something on {len(peer.loud)} of the {len(peer.twins)} it was shown.")
    return "\n".join(lines) + "\n"
