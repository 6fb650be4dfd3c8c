"""Returns (退回) counted for each pair of departments, to see where incidents are pushed to and fro (推诿).

Each return counts by itself, at its own moment, also those of incidents that were cancelled or joined later:
what is counted is what departments did. Nobody is blamed here: a return may be right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, case, select

from dispatch.closure import Period
from dispatch.entries import from_micros, to_micros
from gridgov.in_force import InForce
from gridgov.scope import Scope
from gridgov.storage.engine import snapshot
from gridgov.storage.incidents import in_claims, under
from gridgov.storage.ledger import MAIN, read_head
from gridgov.storage.tables import EntryRow, IncidentRow

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_entry = EntryRow.__table__  # type: ignore[attr-defined]
_c, _e = _table.c, _entry.c

#: The kinds of the entries that begin and end a department's time (`dispatch.bodies`).
_DISPATCHED: Final = "dispatched"
_KINDS: Final = (_DISPATCHED, "returned")
#: What a table shows where there is nothing to show a number of.
NONE: Final = "–"
#: The column of what no department took, and the row of all that was returned.
NOBODY_ZH, NOBODY_EN, TOTAL_ZH = "无部门接手", "taken by nobody", "合计"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a figure of this page means."""

    key: str
    name_zh: str
    name_en: str
    formula: str


DEFINITIONS: Final = (
    Meaning(
        "count",
        "退回次数",
        "returns",
        "returns in the period, by the moment of each return; an incident returned twice counts twice",
    ),
    Meaning(
        "held_s",
        "退回前在手时间中位数",
        "median time held before",
        "median of the seconds from the last dispatch to the return, as time passes: nights, days off and"
        " suspensions are in it; of all returns in the period whose dispatch is on record",
    ),
    Meaning(
        "median_s",
        "接手用时中位数",
        "median time until taken",
        "median of the seconds from a return to the next dispatch, as time passes: nights and days off are"
        " in it; of the returns that were taken",
    ),
    Meaning(
        "untaken",
        "无部门接手",
        "taken by nobody",
        "returns in the period that no department has taken: yet, or before the incident ended",
    ),
    Meaning(
        "back",
        "又派回原部门",
        "back to the same",
        "returns in the period after which the next dispatch went to the department that had returned it",
    ),
)


@dataclass(frozen=True, slots=True)
class Returned:
    """One return: by which department, and which took it, None while nobody has; aware moments.

    ``dispatched_at``: since when the one that returned it had it, None where no entry tells.
    """

    from_department: str
    to_department: str | None
    returned_at: datetime
    taken_at: datetime | None = None
    dispatched_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """The figures of some returns, as DEFINITIONS say; ``median_s`` None where none was taken, ``held_s``
    where no dispatch is on record.
    """

    count: int
    held_s: float | None
    median_s: float | None
    untaken: int
    back: int


def counted(several: Iterable[Returned]) -> Count:
    """The figures of returns.

    >>> from datetime import UTC
    >>> eight, nine = (datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in (8, 9))
    >>> counted([Returned("water", "parks", eight, nine), Returned("water", None, nine)])
    Count(count=2, held_s=None, median_s=3600.0, untaken=1, back=0)
    """
    told = list(several)
    waits = [(one.taken_at - one.returned_at).total_seconds() for one in told if one.taken_at is not None]
    held = [(one.returned_at - one.dispatched_at).total_seconds() for one in told if one.dispatched_at]
    return Count(
        count=len(told),
        held_s=median(held) if held else None,
        median_s=median(waits) if waits else None,
        untaken=sum(one.to_department is None for one in told),
        back=sum(one.to_department == one.from_department for one in told),
    )


def returns(
    engine: Engine,
    in_force: InForce,
    scope: Scope,
    period: Period,
    path: tuple[str, ...],
    now: datetime,
    stream: str = MAIN,
) -> dict[str, Any]:
    """Returns per pair of departments, of what a scope's assignments cover, in a period and below a grid.

    ``pairs`` are the matrix, the most frequent first within each ``from``; ``departments`` sum them up per
    ``from``; ``total`` is all. ``path`` () is everywhere; grids are those that incidents are recorded in.
    """
    with snapshot(engine) as connection:
        found = list(_found(connection, scope, period, path, stream))
        position = read_head(connection, stream).position
    pairs: dict[tuple[str, str | None], list[Returned]] = defaultdict(list)
    for one in found:
        pairs[one.from_department, one.to_department].append(one)
    by_from: dict[str, list[Returned]] = defaultdict(list)
    for one in found:
        by_from[one.from_department].append(one)
    return {
        "period": {"from": period.start, "to": period.end},
        "under": list(path),
        "pairs": [_pair(in_force, pair, pairs[pair]) for pair in sorted(pairs, key=_order(pairs))],
        "departments": [
            _named(in_force, "from", code) | asdict(counted(by_from[code]))
            for code in sorted(by_from, key=lambda code: (-len(by_from[code]), code))
        ],
        "total": asdict(counted(found)),
        "definitions": [asdict(one) for one in DEFINITIONS],
        "position": position,
        "generated_at": now,
    }


def _found(
    connection: Connection, scope: Scope, period: Period, path: tuple[str, ...], stream: str
) -> Iterator[Returned]:
    """Every return in the period: an incident is looked at if its last one is not before the period."""
    asked = [in_claims(scope, stream), *([under(path)] if path else [])]
    # Inside an expression no column leads to another index: those hold all that was never returned too.
    meant = (
        _c.stream == stream,
        _c.returned_at >= (0 if period.start is None else to_micros(period.start)),
        *(case((condition, 1), else_=0) == 1 for condition in asked),
    )
    since = _since(connection, meant)
    for incident, handovers in connection.execute(select(_c.id, _c.handovers).where(*meant)):
        for from_department, to_department, returned_at, taken_at in orjson.loads(handovers):
            at = from_micros(returned_at)
            if at in period:
                taken = None if taken_at is None else from_micros(taken_at)
                began = since.get((incident, returned_at))
                yield Returned(from_department, to_department, at, taken, began)


def _since(connection: Connection, meant: Sequence[Any]) -> dict[tuple[str, int], datetime]:
    """When the dispatch was made that a return ends, by its incident and moment in microseconds: the last one
    before it, for a dispatch that was taken back is followed by another, or by no return.
    """
    query = select(_e.incident, _e.number, _e.kind, _e.recorded_at).join_from(
        _table, _entry, (_e.stream == _c.stream) & (_e.incident == _c.id)
    )
    found, last = {}, dict[str, int]()
    # Put in order here: to have them in order, the store would go through all incidents by their ids.
    for incident, _, kind, at in sorted(connection.execute(query.where(*meant, _e.kind.in_(_KINDS)))):
        if kind == _DISPATCHED:
            last[incident] = at
        elif incident in last:
            found[incident, at] = from_micros(last[incident])
    return found


def _order(pairs: Mapping[tuple[str, str | None], Sequence[Returned]]) -> Any:
    """By the department that returned, then the most frequent; what nobody took comes last."""
    return lambda pair: (pair[0], pair[1] is None, -len(pairs[pair]), pair[1] or "")


def _pair(in_force: InForce, pair: tuple[str, str | None], several: Sequence[Returned]) -> dict[str, Any]:
    one = counted(several)
    names = _named(in_force, "from", pair[0]) | _named(in_force, "to", pair[1])
    return names | {"count": one.count, "held_s": one.held_s, "median_s": one.median_s}


def _named(in_force: InForce, key: str, code: str | None) -> dict[str, Any]:
    """A department's code and names; its code where the rules do not have it any more."""
    if code is None:
        return {key: None, f"{key}_zh": NOBODY_ZH, f"{key}_en": NOBODY_EN}
    known = in_force.rules.routing.departments.get(code)
    name_zh, name_en = (known.name_zh, known.name_en) if known is not None else (code, code)
    return {key: code, f"{key}_zh": name_zh, f"{key}_en": name_en or name_zh}


#: The headings of :func:`to_table`.
HEAD: Final = (
    *("from", "from_zh", "to", "to_zh", "count"),
    *("median_seconds_held_before_wall_time", "median_seconds_until_taken_wall_time"),
    *("untaken", "back_to_the_same"),
)


def to_table(told: Mapping[str, Any]) -> list[list[str]]:
    """The same as rows of text, headings first: pairs, then each department's sum, the total last."""
    pairs = [
        [one["from"], one["from_zh"], one["to"] or NONE, one["to_zh"], *_cells(one), NONE, NONE]
        for one in told["pairs"]
    ]
    sums = [
        [one["from"], one["from_zh"], NONE, TOTAL_ZH, *_cells(one), str(one["untaken"]), str(one["back"])]
        for one in told["departments"]
    ]
    total = told["total"]
    last = [NONE, TOTAL_ZH, NONE, TOTAL_ZH, *_cells(total), str(total["untaken"]), str(total["back"])]
    return [list(HEAD), *pairs, *sums, last]


def _cells(one: Mapping[str, Any]) -> list[str]:
    times = (one["held_s"], one["median_s"])
    return [str(one["count"]), *(NONE if time is None else f"{time:.0f}" for time in times)]
