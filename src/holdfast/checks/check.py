"""One check: a question with a stable code, asked of a version, answered by a finding with its evidence.

    def few_rows(subject: Subject, limits: Limits) -> Answer:
        rows = len(subject.rows)
        if rows < limits.least_rows:
            return failed(f"{rows} rows", "collect more", rows=rows)
        return passed(f"{rows} rows", rows=rows)

    SIZE = Check("GATE101", DATA, "Enough rows", few_rows)

A check that raises has crashed, which is no pass; it need not catch anything. A check that has nothing to look at says
so with `not_applicable`, which is no pass either: whoever thinks it should not count waives it, by name, for a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from holdfast.finding import Status

if TYPE_CHECKING:
    from holdfast.checks.limits import Limits
    from holdfast.checks.subject import Subject
    from holdfast.checks.verdict import Asked

Severity = Literal["required", "advised"]
"""What is advised is reported; it stops nobody."""


@dataclass(frozen=True)
class Category:
    """One of the ten parts of the pre-deployment list. `key` is how requirements name it."""

    key: str
    name: str


DATA = Category("K1", "data quality")
PERFORMANCE = Category("K2", "model performance")
ROBUSTNESS = Category("K3", "robustness")
SCALABILITY = Category("K4", "scalability")
SECURITY = Category("K5", "security")
EXPLAINABILITY = Category("K6", "explainability")
COMPLIANCE = Category("K7", "compliance and fairness")
MONITORING = Category("K8", "monitoring and alerts")
READINESS = Category("K9", "deployment readiness")
RECOVERY = Category("K10", "backup and rollback")
CATEGORIES = (
    DATA, PERFORMANCE, ROBUSTNESS, SCALABILITY, SECURITY, EXPLAINABILITY, COMPLIANCE, MONITORING, READINESS, RECOVERY,
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a check found. `evidence` is JSON: the figures the answer was made from, so that it can be made again."""

    status: Status
    why: str
    mend: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def passed(why: str, **evidence: Any) -> Answer:
    return Answer("passed", why, "", evidence)


def failed(why: str, mend: str, **evidence: Any) -> Answer:
    return Answer("failed", why, mend, evidence)


def not_applicable(why: str, mend: str = "waive this check if it should not count", **evidence: Any) -> Answer:
    return Answer("not_applicable", why, mend, evidence)


@dataclass(frozen=True)
class Check:
    """A question. `code` is stable for ever: GATE, the category's number, two digits of its own."""

    code: str
    category: Category
    title: str
    ask: Callable[[Subject, Limits], Answer]
    severity: Severity = "required"
    weigh: Callable[[Subject, Limits, Sequence[Asked]], Answer] | None = None
    """In the place of `ask`, when all others were asked, with what they answered: for a duty that they meet."""
