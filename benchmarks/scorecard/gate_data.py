"""Faults of data quality (1): what a history may hold that no model should learn from, or be judged by."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from benchmarks.scorecard.ask import IN_PROCESS, fault
from benchmarks.scorecard.fault import Fault
from benchmarks.scorecard.stage import APPLICATIONS, Stage
from tests.checks import histories
from tests.checks.applications import Change, Columns, columns
from tests.vouched import promote

from holdfast.checks.subject import Subject
from holdfast.project.project import Project
from holdfast.project.server import Server
from holdfast.project.traffic import Client

LATE = 2_700
"""A row that came after those learned from."""
WRONG = "GATE106 GATE107 GATE112"
"""A value that the contract refuses is another source too, and Great Expectations sees it as we do."""
WORSE = "GATE201 GATE202 GATE204 GATE205 GATE206 GATE301 GATE302 GATE304 GATE307"
"""What a model of such data does worse."""


def trained(change: Change) -> Any:
    """A version that learned from the history as it was changed."""

    def put(stage: Stage) -> Subject:
        stage.applications(change)
        return stage.version()

    return put


def later(change: Change) -> Any:
    """The clean version, and another history since."""
    return lambda stage: stage.later(change)


def mostly_missing(made: Columns) -> None:
    made["score"] = np.where(np.arange(3_000) % 3 == 0, made["score"], np.nan)


def as_text(made: Columns) -> None:
    made["debt"] = made["debt"].astype(str).astype(object)
    made["debt"][LATE] = "12.500,-"


def conflicting(made: Columns) -> None:
    """Two hundred records that tell what another tells, and not its label."""
    for at in range(100, 3_000, 14):
        for name in made.keys() - {"id", "at", "bad"}:
            made[name][at + 1] = made[name][at]
        made["bad"][at], made["bad"][at + 1] = False, True


def rows_lost(made: Columns) -> None:
    _kept(made, np.arange(3_000) % 15 != 4)


def too_few(made: Columns) -> None:
    _kept(made, np.arange(3_000) % 10 < 3)


def _kept(made: Columns, which: Any) -> None:
    for name, values in made.items():
        if isinstance(values, list):
            made[name] = [value for value, kept in zip(values, which, strict=True) if kept]
        else:
            made[name] = values[which]


def turned_round(made: Columns) -> None:
    """The label says who paid."""
    made["bad"] = ~made["bad"]


def with_the_future(stage: Stage) -> Subject:
    """A window that counts what comes after the decision, by a job that computed it elsewhere."""
    stage.copied()
    sound = stage.version()
    matrix = sound.table.matrix.copy()
    matrix[:, list(sound.table.names).index("asked_before")] += 1
    return replace(sound, table=replace(sound.table, matrix=matrix))  # type: ignore[type-var]


def other_traffic(stage: Stage) -> Subject:
    """Twelve hundred live requests over weeks, of people who earn in another currency, answered by a real server."""
    project = stage.copied()
    settings = project.folder / "holdfast.toml"
    settings.write_text(f"{settings.read_text()}\n[serving]\nbackdate_seconds = 4_000_000_000\n")
    project = Project.open(project.folder)
    promote(project, "1", why="the first")
    made = columns(stage.room.seed)
    names = [item.name for item in project.contract.deciding.fields]
    with Server(project.folder) as server, Client(server.port) as client:
        for at in range(1_800, 3_000):
            body = {name: _plain(made[name][at]) for name in names}
            body |= {"id": f"live-{at}", "income": int(made["income"][at]) * 35}
            status, reply = client.post("/predict", body)
            if status != 200:
                raise RuntimeError(reply)
    stage.current = lambda frame: frame.assign(income=frame["income"] * 35)
    return stage.version()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    found = value.item() if isinstance(value, np.generic) else value
    return None if found != found else found


_ = partial(fault, base=APPLICATIONS)
FAULTS: tuple[Fault, ...] = (
    _("C1.1a", "a score is missing in two thirds of the rows", "GATE102", trained(mostly_missing),
      columns="given_score", beside=f"{WORSE} GATE105 GATE109"),
    _("C1.1b", "one cell blanked since training", "GATE106", later(partial(histories.blanked, at=LATE)),
      columns="given_score"),
    _("C1.1c", "999999, -1 and n/a where something is not known", "GATE109", trained(histories.codes),
      columns="debt late job", beside=f"{WORSE} {WRONG} GATE108"),
    _("C1.1d", "a third of the rows stand there twice", "GATE103", trained(histories.rows_again),
      columns="income debt late job", beside=f"{WORSE} GATE104 GATE105"),
    _("C1.2a", "a word that the contract does not know, where no feature looks", "GATE107",
      later(partial(histories.a_negative_sex, at=LATE)), columns="sex", beside=WRONG),
    _("C1.2b", "a null where there must be none", "exit 2",
      later(partial(histories.blanked_where_it_must_not_be, at=LATE)), columns="income"),
    _("C1.2c", "numbers became text, one of them in another notation", "exit 2", later(as_text), columns="debt"),
    _("C1.3a", "income in another currency from one day on", "GATE108", trained(histories.other_money),
      columns="income", beside=f"{WORSE} GATE105 GATE109"),
    _("C1.3b", "a job that no training row has", "GATE108", trained(histories.a_new_job),
      columns="job", beside=WORSE),
    _("C1.3c", "equal records with other labels", "GATE104", trained(conflicting),
      columns="label", beside=f"{WORSE} GATE303"),
    _("C1.4a", "a column shifted by one row since training", "GATE106", later(histories.shifted), columns="debt",
      beside=WORSE),
    _("C1.4b", "two hundred rows were lost since training", "GATE106", later(rows_lost), beside=f"{WORSE} GATE101"),
    _("C1.4c", "a feature that was computed with what came after", "GATE105", with_the_future,
      columns="asked_before", beside="GATE106 GATE107", in_the_data=False, categories=IN_PROCESS),
    _("C1.4d", "a column that is made from the target", "GATE105", trained(histories.the_target),
      columns="noise_3", beside=f"{WORSE} GATE109"),
    _("C1.4e", "a column that is entered after the fact", "GATE105", trained(histories.after_the_fact),
      columns="noise_2", beside=WORSE),
    _("C1.5a", "labels that are worse for women", ("GATE111", "GATE701"), trained(histories.worse_for_women),
      columns="sex", beside=f"{WORSE} GATE701"),
    _("C1.6a", "one woman in three hundred", "GATE111", trained(histories.few_women), columns="sex",
      beside="GATE701"),
    _("C1.6b", "live customers other than those learned from", "GATE110", other_traffic, columns="income"),
    _("C1.6c", "nine hundred rows", "GATE101", trained(too_few), beside=f"{WORSE} GATE105 GATE701"),
    _("C1.6d", "the label says who paid, not who did not", "GATE101", trained(turned_round), columns="label",
      beside=f"{WORSE} GATE701"),
)  # fmt: skip
