"""GATE904: the project's code is under version control."""

from __future__ import annotations

from holdfast.checks.check import READINESS, Answer, Check, failed, passed
from holdfast.checks.limits import Limits
from holdfast.checks.subject import Subject
from holdfast.training.fingerprint import code_version


def ask(subject: Subject, limits: Limits) -> Answer:
    code = dict(subject.bundle.manifest.training.get("code", {}))
    now = code_version(subject.place.folder)
    evidence = {"trained_at": code, "now": now}
    if not code:
        what = "since it was trained, there is one" if now else "there is none"
        mend = "git init, commit the project's files, and train again"
        return failed(f"it was trained outside of a repository; {what}", mend, **evidence)
    return passed(f"trained at commit {code['commit'][:12]}", **evidence)


CHECK = Check("GATE904", READINESS, "The code is under version control", ask, "advised")
