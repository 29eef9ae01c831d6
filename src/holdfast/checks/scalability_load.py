"""GATE401: it answers as soon and as often as is asked of it, on a real server and over sockets."""

from __future__ import annotations

from math import isfinite

from holdfast.checks.check import SCALABILITY, Answer, Check, failed, not_applicable, passed
from holdfast.checks.limits import Limits
from holdfast.checks.load import BATCH_ROWS, Run, middle
from holdfast.checks.subject import Subject

MOST_FAILED = 0.01
"""Share of the requests at the wanted rate that may go unanswered: a moment in which the machine did something else."""


def ask(subject: Subject, limits: Limits) -> Answer:
    loaded = subject.rehearsal.load(limits.least_rate)
    steady, batches = loaded.steady, loaded.batches
    parts, quiet = steady.parts(), steady.quiet()
    waits = [part.milliseconds(0.95) for part in parts]
    rates = [part.rate for part in parts]
    batch = batches.milliseconds(0.95) / 1_000
    if quiet:
        single, rate = middle([item.milliseconds(0.95) for item in quiet]), middle([item.rate for item in quiet])
        unanswered = sum(item.failed for item in quiet) / max(sum(item.asked for item in quiet), 1)
        how = f"the middle of {len(quiet)} parts"
    else:
        # A server that keeps up all the same has shown it; one that does not has shown nothing.
        single, rate = min(waits), max(rates)
        unanswered = min(item.failed / max(item.asked, 1) for item in parts)
        how = f"the best of {len(parts)} parts: others used the machine in each of them"
    wrong = []
    if not isfinite(single):
        wrong.append("fewer than 95 % of single requests were answered at all")
    elif single > limits.most_milliseconds:
        wrong.append(f"95 % of single answers take {single:.1f} ms, {limits.most_milliseconds:g} are allowed")
    if batch > limits.most_batch_seconds or batches.failed:
        told = f"{batch:.2f} s" if batches.answers else "longer than anybody waits"
        bad = f", {batches.failed} of {batches.asked} failed" if batches.failed else ""
        wrong.append(f"a batch of {BATCH_ROWS:,} takes {told}{bad}, {limits.most_batch_seconds:g} s are allowed")
    if rate < limits.least_rate:
        wrong.append(f"{rate:,.0f} answers a second where {limits.least_rate:,.0f} are wanted")
    if unanswered > MOST_FAILED:
        wrong.append(f"{unanswered:.1%} of the requests were not answered")
    evidence = {
        "seconds": steady.seconds,
        "asked_per_second": steady.asked / steady.seconds,
        "single": figures(steady),
        "parts_p95_ms": [round(wait, 3) if isfinite(wait) else None for wait in waits],
        "parts_rate": [round(item, 1) for item in rates],
        "parts_cores_of_others": [round(item, 2) for item in steady.others],
        "judged_by": how,
        "batch_rows": BATCH_ROWS,
        "batch": figures(batches),
        "rows_refused": subject.rehearsal.requests.refused,
        "failures": [*steady.failures, *batches.failures],
    }
    if wrong and not quiet:
        why = f"not known: other programs used {min(steady.others):.1f} cores or more all the time ({'; '.join(wrong)})"
        return not_applicable(why, "ask again when nothing else runs on this machine", **evidence)
    if wrong:
        mend = "use fewer trees or windows, a faster disk, or more workers (serving.workers)"
        return failed("; ".join(wrong), mend, **evidence)
    why = (
        f"{rate:,.0f} answers a second over {steady.seconds:g} s, 95 % of them within {single:.1f} ms "
        f"({how}); a batch of {BATCH_ROWS:,} within {batch:.2f} s"
    )
    return passed(why, **evidence)


def figures(run: Run) -> dict[str, float]:
    """A run in numbers; waits in milliseconds, None where nothing was answered."""
    shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)) if run.answers else ()
    waits = {name: round(run.milliseconds(share), 3) for name, share in shares}
    return {"asked": run.asked, "failed": run.failed, "per_second": round(run.rate, 1), **waits}


CHECK = Check("GATE401", SCALABILITY, "It answers soon enough, often enough", ask)
