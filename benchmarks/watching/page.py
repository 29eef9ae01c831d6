"""The comparison as a page: on which day each way caught what, its false alarms, what a look costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.watching.tables import Ours

WAYS = {"ks": "evidently", "nanny": "nannyml", "cbpe": "nannyml", "drift_preset": "evidently"}
"""Each judge, and the environment it runs in."""
INTRO = """\
What Holdfast's watch catches, beside Evidently 0.7.23 (its default drift preset), NannyML 0.13.1 (univariate drift and
CBPE, by their defaults) and what the documents that Holdfast was built from do themselves: Kolmogorov–Smirnov at
p < 0.05. All of them judged the same traffic of the same run.

## How

- **Traffic.** A [drill](drills.md)'s: a template's own project, its recorded traffic sent to a real server. Four weeks
  without an incident, then a clean twin for {clean} days and each incident for {each}.
- **A look at the end of each day**, for everybody. Ours is `holdfast monitor` at that instant; of itself it judges the
  last decisions, the hour, the day and the week. The others get rows: those of the day, and once more, as another
  way of using them, those of the last seven days. NannyML cuts its reference into chunks as long as the look; a week
  would leave it four, and it warns below six, so it looks by the day.
- **Reference.** To the others the four weeks before, as they were served, with what turned out to be true of each.
  Ours is what training kept, and its counts of the same four weeks.
- **Defaults.** No threshold was set. Evidently fails a column at a distance of 0.1 and the whole at half of the
  columns; NannyML at three standard deviations of what the reference's own chunks had; the documents raise a column at
  p < 0.05 and the whole at more than a tenth.
- **Where in doubt, for them.** The weekday is not compared by the day, where it is always one. A column that is empty
  in a look is left out for Evidently, whose report would stop. The documents' code has no test for categories: it is
  given chi-squared. CBPE has three measures, and labels that nobody would have yet. Each is judged by all columns, and
  by those of the request alone, which do not look back over weeks and so vary freely from day to day. They have caught
  an incident on the day they raise *anything* that they do not raise of the clean twin on that day, be it a
  consequence of the incident or the field itself. No person has such a twin.
- **Left out.** Incidents of which more than a fiftieth never became rows, which the others could not see: the contract
  refuses such requests, and a server on a busy machine may leave some unanswered. What our watch says of the server's
  own speed, for and against us: the machine was busy with others' work. Volume is ours alone: no table tells it."""
LEGEND = """\
The first day on which it raised something that it did not raise of the clean twin; in brackets, where it is another,
the first on which it raised *more* than on any clean day, which is what a person without a twin could notice; –:
never in {each} days. **Bold**, ours only: the alert names the cause as the drill wants it. Last: clean days on which it
raised anything."""
COST = """\
Each in a process of its own: processor seconds of one look (others used the machine), the most memory that its process
had, and in brackets what it had before the look began, with everybody's rows read and the libraries loaded. *From
stored counts* is what `holdfast monitor` does: it reads what was counted while serving, so it needs no rows, and its
cost hardly grows with predictions; the counting was paid before, and stands below (in pieces of 100,000 rows, which is
what its memory is for). *From the rows* is the one to hold beside the others: nothing was counted before. No outcomes
are there, and the watches that need them answer so; CBPE has those of its reference. The reference has 100,000 rows;
what NannyML learns of it is in its figure, and told; of ours it is not, which training does. Evidently makes its report
with every run."""
NOT_SHOWN = """\
The incidents are ours, and so is the traffic: we built our watch on traffic of this kind, and there is no holdout.
It shows what each way says by its defaults at so many predictions a day; whoever tunes thresholds, picks columns
or has more traffic gets other figures from each of the others. It shows nothing about explanations, reports or data
that are no table, for which people use them."""


@dataclass(frozen=True)
class Voice:
    """One way of listening to a judge: which of what it raises counts as an alarm."""

    judge: str
    window: str
    told: str
    hears: Callable[[str, Sequence[str]], bool]
    """A word that was raised, and the columns of the request."""


def _column(word: str, own: Sequence[str]) -> bool:
    return not word.startswith("…")


def _own(word: str, own: Sequence[str]) -> bool:
    return word in own


def _whole(word: str, own: Sequence[str]) -> bool:
    return word.startswith("…")


VOICES = (
    *(
        Voice(judge, window, f"{name}, the {window}: {told}", hears)
        for judge, name, half in (("drift_preset", "Evidently", "half of all"), ("ks", "KS", "over a tenth of all"))
        for window in ("day", "week")
        for told, hears in (("any column", _column), ("the request's own", _own), (half, _whole))
    ),
    Voice("nanny", "day", "NannyML univariate, the day: any column", _column),
    Voice("nanny", "day", "NannyML univariate, the day: the request's own", _own),
    Voice("cbpe", "day", "NannyML CBPE, the day", _whole),
)
Answers = Mapping[str, Mapping[str, Any]]
Days = Sequence[frozenset[Any]]


def page(
    ours: Mapping[str, Mapping[str, Ours]],
    answers: Mapping[str, Answers],
    costs: Mapping[int, Mapping[str, Any]],
) -> str:
    spans = {(len(found["clean"].days), len(item.days)) for found in ours.values() for item in found.values()}
    clean, each = (max(span[0] for span in spans), min(span[1] for span in spans))
    words = ["--templates", *ours, "--scale", *map(str, costs), "--docs docs/watching.md"]
    lines = ["# Watching, side by side", "", f"    python -m benchmarks.watching {' '.join(words)}", ""]
    lines += [INTRO.format(clean=clean, each=each), "", "## What was caught, and what was said of clean days", ""]
    lines += [LEGEND.format(each=each)]
    for template, found in ours.items():
        lines += ["", f"### {template}", "", *_table(found, answers[template])]
    lines += ["", "## What a look costs", "", COST, "", *_cost(costs)]
    lines += ["", "## What it does not show", "", NOT_SHOWN]
    return "\n".join(lines) + "\n"


def _table(ours: Mapping[str, Ours], answers: Answers) -> list[str]:
    drills = {name: item for name, item in ours.items() if name != "clean"}
    shown = {name: item for name, item in drills.items() if item.shown}
    a_day = ours["clean"].sent / len(ours["clean"].days)
    lines = [f"{a_day:,.0f} predictions a day, {len(shown)} incidents. " + "; ".join(
        f"{name} {item.incident}" for name, item in shown.items()
    ) + "."]  # fmt: skip
    refused = [f"{name} {item.incident} ({item.refused:.0%})" for name, item in drills.items() if name not in shown]
    if refused:
        lines += ["", f"Not compared, so many requests never became rows: {'; '.join(refused)}."]
    head = ["", *shown, "caught", "clean days"]
    lines += ["", _row(head), _row(["---"] * len(head))]
    clean = ours["clean"].days
    cells = [_cell(item.days, clean, item.causes) for item in shown.values()]
    lines.append(_row(["**Holdfast**", *cells, *_sums(cells, clean)]))
    for voice in VOICES:
        told = answers[voice.judge]
        if "missing" in told or voice.window not in told["windows"]:
            lines.append(_row([voice.told, *["not run"] * len(shown), "", told.get("missing", "")]))
            continue
        heard = {name: _heard(voice, told, days) for name, days in told["windows"][voice.window].items()}
        cells = [
            _cell(heard[f"incident-{name}"], heard["clean"]) if f"incident-{name}" in heard else "not run"
            for name in shown
        ]
        lines.append(_row([voice.told, *cells, *_sums(cells, heard["clean"])]))
    broken = [f"{name}, {when}: {what[:100]}" for name, told in answers.items() for when, what in _errors(told)]
    return [*lines, "", f"Looks that failed, taken as silent: {'; '.join(broken)}."] if broken else lines


def _errors(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "missing" in told:
        return []
    return sorted(told["errors"].items())


def _heard(voice: Voice, told: Mapping[str, Any], days: Sequence[Sequence[str]]) -> Days:
    return [frozenset(word for word in day if voice.hears(word, told["own"])) for day in days]


def _cell(days: Days, clean: Days, causes: Sequence[str] = ()) -> str:
    """The first day with something that the twin's had not, and the first that is louder than all clean ones."""
    most = max((len(day) for day in clean), default=0)
    new = [day - twin for day, twin in zip(days, clean, strict=False)]
    first = next((at + 1 for at, found in enumerate(new) if found), 0)
    loud = next((at + 1 for at, found in enumerate(days) if len(found) > most), 0)
    named = [at + 1 for at, found in enumerate(new) if any(item[1] in causes for item in found)] if causes else []
    if not first:
        return "–"
    day = named[0] if named else first
    told = f"**{day}**" if named else str(day)
    return told if loud == day else f"{told} ({loud or '–'})"


def _sums(cells: Sequence[str], clean: Days) -> list[str]:
    told = [cell for cell in cells if cell not in ("–", "not run")]
    caught, noticed = len(told), sum(not cell.endswith("(–)") for cell in told)
    both = str(caught) if caught == noticed else f"{caught} ({noticed})"
    return [both, f"{sum(bool(day) for day in clean)} of {len(clean)}"]


COSTS = (
    ("stored", "Holdfast, from stored counts"), ("rows", "Holdfast, from the rows"),
    ("drift_preset", "Evidently, drift preset"), ("nanny", "NannyML, univariate"), ("cbpe", "NannyML, CBPE"),
    ("ks", "KS"),
)  # fmt: skip


def _cost(costs: Mapping[int, Mapping[str, Any]]) -> list[str]:
    if not costs:
        return ["Not measured in this run."]
    head = ["100 features, one look", *(f"{rows:,} predictions" for rows in costs)]
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_row([told, *(_priced(found[name]) for found in costs.values())]) for name, told in COSTS]
    for found in costs.values():
        if "counting" in found["stored"]:
            one = found["stored"]
            said = (f"Counting {one['predictions']:,} predictions into the store took {one['counting']:.1f} s and"
                          f" {one['counting_mb']:,.0f} MB; they are kept in {one['kept_mb']:,.0f} MB.")  # fmt: skip
            lines += ["", said]
    return lines


def _priced(told: Mapping[str, Any]) -> str:
    if told.get("error", "").startswith("not done"):
        return str(told["error"])
    if "error" in told:
        return f"stops: {told['error'].strip()[-80:]}"
    fit = f" (of these {told['fit']:.1f} s on the reference)" if told.get("fit", 0) > 1 and "codes" not in told else ""
    before = f" ({told['tables_mb']:,.0f})" if "tables_mb" in told else ""
    return f"{told['seconds']:.1f} s{fit}, {told['peak_mb']:,.0f} MB{before}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
