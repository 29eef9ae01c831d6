"""GATE403: the server's memory, processor and disk while it is asked as often as is wanted."""

from __future__ import annotations

from holdfast.checks.check import SCALABILITY, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject

MB, GB, MILLION = 1 << 20, 10**9, 10**6


def ask(subject: Subject, limits: Limits) -> Answer:
    loaded = subject.rehearsal.load(limits.least_rate)
    memory = max(loaded.idle.own, loaded.at_rate.own, loaded.after.own) / MB
    disk = loaded.bytes_per_decision * MILLION / GB
    bundle = sum(size for _, size in subject.bundle.manifest.files.values()) / MB
    cores = loaded.at_rate.processor / loaded.steady.seconds
    good = max(sum(item.good for item in loaded.steady.answers), 1)
    evidence = {
        "memory_mb": round(memory, 1),
        "resident_with_pages_of_state_mb": round(loaded.after.peak / MB, 1),
        "processes": loaded.after.processes,
        "cores": round(cores, 3),
        "processor_ms_per_decision": round(1_000 * loaded.at_rate.processor / good, 4),
        "disk_gb_per_million_decisions": round(disk, 3),
        "decisions": loaded.decisions,
        "bundle_mb": round(bundle, 2),
    }
    wrong = []
    if memory > limits.most_memory_mb:
        wrong.append(f"{memory:,.0f} MB of memory, {limits.most_memory_mb:,.0f} are there")
    if disk > limits.most_disk_gb_per_million:
        wrong.append(f"{disk:,.1f} GB of disk for a million decisions, {limits.most_disk_gb_per_million:g} are allowed")
    if bundle > limits.most_bundle_mb:
        wrong.append(f"a bundle of {bundle:,.0f} MB, {limits.most_bundle_mb:,.0f} are allowed")
    if wrong:
        return failed(
            "; ".join(wrong), "use a smaller model and fewer fields, or raise the limit knowingly", **evidence
        )
    why = (
        f"{memory:,.0f} MB of memory, {cores:.2f} cores at {loaded.steady.rate:,.0f} answers a second, "
        f"{disk:.2f} GB of disk for a million decisions"
    )
    return passed(why, **evidence)


CHECK = Check("GATE403", SCALABILITY, "Memory and disk suffice", ask)
