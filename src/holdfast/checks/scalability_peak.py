"""GATE402: what it answers at most, and how long the slowest wait while it is asked no more than is wanted."""

from __future__ import annotations

from holdfast.checks.check import SCALABILITY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.load import PEAK_LINES
from holdfast.checks.scalability_load import figures
from holdfast.checks.subject import Subject


def ask(subject: Subject, limits: Limits) -> Answer:
    loaded = subject.rehearsal.load(limits.least_rate)
    peak, slow = loaded.peak, loaded.steady.milliseconds(0.99)
    workers = subject.place.settings.serving_workers
    evidence = {"peak": figures(peak), "connections": PEAK_LINES, "workers": workers, "failures": peak.failures}
    why = (
        f"{peak.rate:,.0f} answers a second at most, by {workers} worker{'s' if workers > 1 else ''}; "
        f"at {loaded.steady.rate:,.0f} a second 99 % wait no longer than {slow:.1f} ms"
    )
    wrong = []
    if peak.rate < limits.peak_rate:
        wrong.append(f"{limits.peak_rate:,.0f} a second are wanted")
    if slow > limits.most_milliseconds:
        wrong.append(f"{limits.most_milliseconds:g} ms are")
    if peak.failed:
        wrong.append(f"{peak.failed:,} of {peak.asked:,} were not answered")
    if wrong:
        mend = "set serving.workers to the machine's cores, and measure where clients have a machine of their own"
        return failed(f"{why}: {', '.join(wrong)}", mend, **evidence)
    return passed(why, **evidence)


CHECK = Check("GATE402", SCALABILITY, "It has something in reserve", ask, "advised")
