"""DOC09: are there nulls where training had none, or far fewer?"""

from __future__ import annotations

from typing import Any

from holdfast.doctor.cause import Cause, Finding
from holdfast.doctor.causes.curves import LEAST
from holdfast.doctor.figures import more, surely_more
from holdfast.doctor.pair import Pair, columns_of
from holdfast.doctor.shapes import Shape, null
from holdfast.doctor.side import Refused

REFUSED = frozenset({"null", "missing"})


def look(pair: Pair) -> Finding | None:
    odd: dict[str, dict[str, Any]] = {}
    for name in pair.columns:
        then, now = pair.reference[name], pair.live[name]
        if now.nulls == now.rows > 0:
            continue  # then the variable is not there at all
        unscored = "null" in pair.unscored_for.get(name, ())
        if unscored or pair.unlike(name, share) is not None:
            here, there = now.nulls / max(1, now.rows), then.nulls / max(1, then.rows)
            odd[name] = {"training": there, "live": here, "rows": int(now.nulls), "unscored": unscored}
    refused = [item for item in pair.production.refused if item.code in REFUSED]
    if not odd and not refused:
        return None
    told = [
        f"{name} is null in {found['live']:.2%} of the live rows, in {found['training']:.2%} of the training rows"
        + (", and they get no score" if found["unscored"] else "")
        for name, found in odd.items()
    ]
    told += [f"{item.count:,} rows were refused: {item.field} {item.what}" for item in refused]
    stops = bool(refused) or any(found["unscored"] for found in odd.values())
    return NULLS.found(
        0.92 if stops else 0.78, "; ".join(told), explains=("DOC13", "DOC17"), columns=odd,
        refused=[vars_of(item) for item in refused], examples=_ids(pair, list(odd)),
    )  # fmt: skip


def share(then: Shape, now: Shape, tests: int) -> dict[str, Any] | None:
    """Nulls where there were none, many more of them, or none where there were many: something fills them before."""
    here, there = now.nulls / max(1, now.rows), then.nulls / max(1, then.rows)
    grown = surely_more(now.nulls, now.rows, then.nulls, then.rows, 2 * tests)
    gone = now.nulls == 0 and more(then.nulls, then.rows, 0, now.rows, 2 * tests) > 0.05
    large = here - there >= (LEAST if then.nulls == 0 else 0.02)
    return {"effect": abs(here - there)} if (grown and large) or gone else None


def vars_of(item: Refused) -> dict[str, Any]:
    return {"field": item.field, "code": item.code, "count": item.count, "what": item.what}


def _ids(pair: Pair, names: list[str]) -> dict[str, list[str]]:
    rows = pair.production.rows
    if rows is None:
        return {}
    columns = columns_of(rows)
    return {name: [str(item) for item in rows.ids[null(columns[name])][:5]] for name in names}


NULLS = Cause(
    "DOC09",
    "Nulls that training did not have",
    "Ask who knows the domain whether the variable may be null. If so, add a step for it in training (impute, or let "
    "the model see it) and train again; if not, refuse such rows and send an alert.",
    look,
)
