"""How long things take, group by group: exact percentiles of what was closed, what can be said of all by also
looking at what is still open, and how old that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import duckdb

from dispatch.survival import quantiles_of
from gridgov.statistics.alike import keys_of
from gridgov.statistics.codes import Ambiguous
from gridgov.statistics.counting import REPORTED, in_scan
from gridgov.statistics.rows import Asked, execute, has

#: The shares of the incidents of which it is told within how long they are closed.
SHARES: Final = (0.25, 0.5, 0.75, 0.9)
NAMES: Final = ("p25", "p50", "p75", "p90")
#: The shares of those that survival is told of.
QUARTERS: Final = NAMES[:3]

_DAY: Final = 86_400
#: The bands of ages: a name, and from how many seconds on.
BANDS: Final = (
    ("under_1_day", 0),
    ("1_to_3_days", _DAY),
    ("3_to_7_days", 3 * _DAY),
    ("7_to_30_days", 7 * _DAY),
    ("30_to_90_days", 30 * _DAY),
    ("90_to_365_days", 90 * _DAY),
    ("over_1_year", 365 * _DAY),
)

Groups = dict[str | None, dict[str, Any]]
_Told = Callable[[duckdb.DuckDBPyConnection, Asked], Groups]

NO_TIMES: Final = {"closed": 0, **dict.fromkeys(NAMES)}
NO_SURVIVAL: Final = {"closed": 0, "open": 0, **dict.fromkeys(QUARTERS)}


def _coded(tell: _Told) -> _Told:
    """What is told group by group, grouped by numbers where there are such."""

    @wraps(tell)
    def told(db: duckdb.DuckDBPyConnection, asked: Asked) -> Groups:
        try:
            found = tell(db, asked)
            keys = keys_of(db, asked, found)
        except Ambiguous:
            return tell(db, replace(asked, code="", coding=""))
        return {keys[code]: one for code, one in found.items()}

    return told


@_coded
def times(db: duckdb.DuckDBPyConnection, asked: Asked) -> Groups:
    """Of what was reported in the period and closed, but for what was put right on the spot: how many, and
    within how many seconds of its report the first quarter, half ... of them was closed. Between two of them
    it is interpolated. What does not tell when it was closed, or tells a moment before its report, is left
    out.
    """
    shares = ", ".join(map(str, SHARES))
    query = (
        f"SELECT {asked.code or asked.key} AS k, count(*), quantile_cont(took_s, [{shares}])"
        f" {in_scan(asked, REPORTED)} AND took_s IS NOT NULL GROUP BY k"
    )
    found = execute(db, query, asked.values).fetchall()
    return {key: {"closed": n, **dict(zip(NAMES, several, strict=True))} for key, n, several in found}


@_coded
def survival(db: duckdb.DuckDBPyConnection, asked: Asked) -> Groups:
    """Within how many seconds of its report a quarter, half and three quarters of all that was reported in
    the period is closed (Kaplan-Meier, in whole minutes): what is open is known to take longer than it has
    been open so far. None: more than that share may take longer than anything has so far. Rejected,
    cancelled, joined and self-handled incidents are left out, and closed ones that do not tell when.
    """
    age = f"greatest(0, {asked.now:d} - reported_at)"
    query = (
        f"SELECT {asked.code or asked.key} AS k, coalesce(took_s, {age}) // 60 AS minute,"
        f" count(took_s) AS ended, count(*) - count(took_s) AS censored {in_scan(asked, REPORTED)}"
        f" AND (took_s IS NOT NULL OR {has('open')}) GROUP BY k, minute ORDER BY k, minute"
    )
    found = execute(db, query, asked.values).fetchnumpy()
    columns = [found[name].tolist() for name in ("minute", "ended", "censored")]
    return dict(_by_group(found["k"].tolist(), columns))


def _by_group(
    keys: list[str | None], columns: list[list[int]]
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    for key, rows in groupby(enumerate(keys), itemgetter(1)):
        numbers = [number for number, _ in rows]
        at, ended, censored = (column[numbers[0] : numbers[-1] + 1] for column in columns)
        minutes = quantiles_of(at, ended, censored, SHARES[: len(QUARTERS)])
        told = [None if one is None else one * 60 for one in minutes]
        counts = {"closed": sum(ended), "open": sum(censored)}
        yield key, counts | dict(zip(QUARTERS, told, strict=True))


def ageing(db: duckdb.DuckDBPyConnection, asked: Asked) -> Groups:
    """Of all that is open, whenever it was reported: how many since when, how many of these are past their
    limit, and how many seconds ago the oldest was reported.
    """
    age = f"greatest(0, {asked.now:d} - reported_at)"
    past = f"{has('can_be_due')} AND due_at < {asked.now:d}"
    band = " + ".join(f"(age >= {since:d})::INTEGER" for _, since in BANDS[1:])
    query = (
        f"SELECT k, {band} AS band, count(*), count(*) FILTER (past), max(age) FROM"
        f" (SELECT {asked.key} AS k, {age} AS age, {past} AS past"
        f" {asked.rows(has('open'), source=asked.standing)}) GROUP BY k, band"
    )
    found: Groups = {}
    for key, number, n, late, oldest in execute(db, query, asked.values).fetchall():
        told = found.setdefault(key, no_ageing())
        told["bands"][number] |= {"open": n, "past_limit": late}
        told["open"] += n
        told["past_limit"] += late
        told["oldest_s"] = max(oldest, told["oldest_s"] or 0)
    return found


def no_ageing() -> dict[str, Any]:
    """The ages of nothing."""
    bands = [{"key": key, "from_s": since, "open": 0, "past_limit": 0} for key, since in BANDS]
    return {"open": 0, "past_limit": 0, "oldest_s": None, "bands": bands}
