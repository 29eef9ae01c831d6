"""Regulation packs: duties of a law or a policy, each with the evidence that meets it. No legal advice.

Evidence is a check (``GATE601``), a whole category (``K10``: at least one required check of it, all passed), or a
document of the project's own (``document:human_review``), for what only people can do. A pack says its date: what the
law says later it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass

USES = ("credit", "fraud", "churn", "other")


@dataclass(frozen=True)
class Duty:
    """`of`: where it is written. `evidence`: all of it is needed."""

    name: str
    of: str
    asks: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Pack:
    """One law or policy, as it was understood on `date`."""

    name: str
    date: str
    source: str
    uses: tuple[str, ...]
    duties: tuple[Duty, ...]


DATE = "2026-11-22"

PACKS: tuple[Pack, ...] = (
    Pack(
        "the pre-deployment list",
        DATE,
        "the pre-deployment list, 5 to 7: privacy, interpretability, ethics, audit trails",
        USES,
        (
            Duty("privacy", "5", "no person's data in what is carried around", ("GATE501",)),
            Duty("model security", "5", "tampering and adversarial inputs", ("GATE502", "GATE503", "GATE504")),
            Duty("interpretability", "6", "decisions can be explained", ("GATE601", "GATE602", "GATE603")),
            Duty("documentation", "6", "logic and decision process are written down", ("GATE604",)),
            Duty("ethics", "7", "groups are looked at", ("GATE701",)),
            Duty("audit trail", "7", "training and deployment are on record", ("GATE703",)),
        ),
    ),
    Pack(
        "GDPR",
        DATE,
        "Regulation (EU) 2016/679; Court of Justice, C-634/21",
        USES,
        (
            Duty("purpose and retention", "Art. 5", "stated for each field", ("document:retention",)),
            Duty(
                "the procedure, intelligibly",
                "Art. 15(1)(h)",
                "a person may learn what was applied to them, in a form they can follow",
                ("GATE601", "GATE603", "GATE604"),
            ),
            Duty("erasure", "Art. 17", "a person's data can be erased", ("document:erasure",)),
            Duty(
                "a human route",
                "Art. 22",
                "a score heavily relied on is itself a decision: somebody can be asked to look again",
                ("document:human_review",),
            ),
            Duty("register", "Art. 30", "the processing is in the register", ("document:register",)),
            Duty("security, restore tests", "Art. 32", "backups are restored and compared", ("K10", "GATE503")),
        ),
    ),
    Pack(
        "EU AI Act, high-risk",
        DATE,
        "as amended by Regulation (EU) 2026/1744; credit scoring: Annex III 5(b), from 2 December 2027; "
        "fraud detection is excepted",
        ("credit",),
        (
            Duty(
                "record keeping",
                "Art. 19, 26(6)",
                "logs are kept, six months at least",
                ("GATE703", "document:retention"),
            ),
            Duty("accuracy and robustness", "high-risk", "measured before use", ("K2", "K3")),
            Duty("data governance", "high-risk", "the data was examined", ("K1", "GATE701")),
            Duty(
                "human oversight",
                "high-risk",
                "people can understand, overrule and stop it",
                ("document:human_review",),
            ),
            Duty("technical documentation", "high-risk", "drawn up before use", ("GATE604",)),
        ),
    ),
    Pack(
        "ECOA, Regulation B",
        DATE,
        "12 CFR 1002.9",
        ("credit",),
        (
            Duty(
                "specific principal reasons",
                "§ 1002.9(b)(2)",
                "a refusal comes with specific reasons, not more than four suggested",
                ("GATE601", "GATE602", "GATE603"),
            ),
            Duty("notice", "§ 1002.9", "the notice goes out within 30 days", ("document:adverse_action_notice",)),
        ),
    ),
    Pack(
        "SR 26-2, model risk",
        DATE,
        "SR 26-2 (April 2026), which replaced SR 11-7",
        ("credit",),
        (
            Duty("inventory", "SR 26-2", "the model is registered and identified", ("GATE502",)),
            Duty("materiality", "SR 26-2", "how much hangs on it is assessed", ("document:materiality",)),
            Duty("independent validation", "SR 26-2", "by others than its author, before use", ("K2", "K3", "K9")),
            Duty("monitoring", "SR 26-2", "it is watched in use", ("K8",)),
        ),
    ),
)


def packs(use: str) -> tuple[Pack, ...]:
    """Those that hold for a use."""
    return tuple(pack for pack in PACKS if use in pack.uses)
