"""The same counts for each of many neighbouring periods, from one look at the rows: every bucket is exactly
what a question for that period alone would be answered with.

An incident is due in every bucket from that of its limit to that in which it was closed. It is added where
that begins and taken off where it ends, so that it costs the same however long it was carried over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final

import duckdb

from dispatch.closure import Tally
from gridgov.statistics.counting import (
    COUNTERS,
    DUE,
    REPORTED,
    SUSPENDED,
    Part,
    counted,
    in_scan,
    scanned,
    summed,
)
from gridgov.statistics.facts import BIT
from gridgov.statistics.rows import Asked, execute, made
from gridgov.statistics.shares import ROW

#: Whole days since 1970 are looked up in a table: a day begins in one bucket, others may begin within it.
_DAY: Final = 86_400
#: So few buckets are asked for one after another: each looks at its own rows, and the way below, by which a
#: hundred cost hardly more than one, at all of them.
FEW: Final = 40
#: Days before 1970 that are told apart.
_SHIFT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Neighbouring buckets in seconds since 1970: each begins where the one before it ends; the last end is
    the last of ``at``.
    """

    at: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.at) - 1


def lay_out(db: duckdb.DuckDBPyConnection, bounds: Bounds) -> None:
    """The table ``daily``: of every day that the buckets touch, in which bucket it begins, and the next three
    that begin within it. No bucket is shorter than the 23 hours of a day on which clocks are put forward, but
    for the first and the last, which the period may cut off.
    """
    rows, number = [], -1
    for day in range(bounds.at[0] // _DAY, bounds.at[-1] // _DAY + 1):
        while number < len(bounds) and bounds.at[number + 1] <= day * _DAY:
            number += 1
        within = [at for at in bounds.at[number + 1 : number + 4] if at < (day + 1) * _DAY]
        rows.append((day, number, *within, *[None] * (3 - len(within))))
    kinds = {"day": "BIGINT", "bucket": "INTEGER", "next1": "BIGINT", "next2": "BIGINT", "next3": "BIGINT"}
    made(db, "daily", kinds, rows)


def bucket_of(column: str, bounds: Bounds) -> tuple[str, str]:
    """(SQL for the number of the bucket of a column of seconds, the join that it needs); -1 is before them
    all, their number is after them all. Few are compared with one after another, which needs no join.
    """
    if len(bounds) <= FEW:
        return " + ".join(["-1", *(f"({column} >= {at:d})::INTEGER" for at in bounds.at)]), ""
    table = f"daily_{column}"
    # Shifted so that it is no less than nought: there `//` cuts off downwards.
    join = f"LEFT JOIN daily AS {table} ON {table}.day = ({column} + {_DAY * _SHIFT}) // {_DAY} - {_SHIFT}"
    later = " + ".join(f"coalesce(({column} >= {table}.next{n})::INTEGER, 0)" for n in (1, 2, 3))
    number = (
        f"(CASE WHEN {column} < {bounds.at[0]:d} THEN -1"
        f" WHEN {column} >= {bounds.at[-1]:d} THEN {len(bounds)} ELSE {table}.bucket + {later} END)"
    )
    return number, join


def tallies(db: duckdb.DuckDBPyConnection, asked: Asked, bounds: Bounds) -> list[Tally]:
    """The tally of each bucket; the period asked for is that of all of them."""
    if len(bounds) <= FEW:
        each = (replace(asked, start=start, end=end) for start, end in pairwise(bounds.at))
        return [_tally(db, part) for part in each]
    lay_out(db, bounds)
    found: list[dict[str, int]] = [{} for _ in range(len(bounds))]
    for key, counts in scanned(db, asked.by(*bucket_of("reported_at", bounds)), REPORTED):
        found[key].update(counts)
    for counts, due in zip(found, _due(db, asked, bounds), strict=True):
        counts.update(due)
    for counts, suspended in zip(found, _suspended(db, asked, bounds), strict=True):
        counts["due_suspended"] = suspended
    return [Tally(**counts) for counts in found]


def _tally(db: duckdb.DuckDBPyConnection, asked: Asked) -> Tally:
    counts = counted(db, asked).counts.sum(axis=1).tolist()
    return Tally(**dict(zip(ROW, counts, strict=True)))


def _suspended(db: duckdb.DuckDBPyConnection, asked: Asked, bounds: Bounds) -> list[int]:
    """Whatever stands suspended counts in every bucket before whose end it was dispatched."""
    of = asked.by(*bucket_of("dispatched_at", bounds))
    begin = [0] * (len(bounds) + 1)
    for key, counts in scanned(db, of, SUSPENDED):
        begin[max(0, key)] += counts["due_suspended"]
    return list(accumulate(begin))[: len(bounds)]


@dataclass(frozen=True, slots=True)
class _Spans:
    """How a counter follows from rows that are due from one bucket to another: ``begin`` holds for those that
    count in all of these, ``last`` for those that count (``sign`` 1), or do not count (-1), in the last, for
    there they are closed, or handled. ``until`` says which that is.
    """

    until: str
    begin: Part | None
    last: Part | None = None
    sign: int = 1


def _spans(part: Part) -> _Spans:
    words, but = set(part.words), set(part.but)
    until = "handled" if "to_handle" in words else "closed"
    done = {"closed_in": "closed", "handled_in": "is_handled"}
    plain = tuple(sorted(words - {*done, "to_handle"})), tuple(sorted(but - {*done}))
    of = replace(part, words=plain[0], but=plain[1])
    for word, flag in done.items():
        last = replace(of, words=(*of.words, flag))
        if word in words:
            return _Spans(until, None, last)
        if word in but:
            return _Spans(until, of, last, -1)
    return _Spans(until, of)


_SPANS: Final = {name: _spans(part) for name, part in COUNTERS.items() if part.scan == DUE}


def _due(db: duckdb.DuckDBPyConnection, asked: Asked, bounds: Bounds) -> list[dict[str, int]]:
    _lay_spans(db, asked, bounds)
    begun = _summed(db, "due", {(name, "all"): one.begin for name, one in _SPANS.items()})
    ended = {until: _summed(db, until, _ending(until)) for until in ("closed", "handled")}
    found: dict[str, list[int]] = {}
    for name, one in _SPANS.items():
        steps = [0] * (len(bounds) + 1)
        for bucket, counts in begun.items():
            steps[max(0, bucket)] += counts[name, "all"]
        for bucket, counts in ended[one.until].items():
            if bucket < len(bounds):
                steps[bucket + 1] -= counts[name, "all"]
        found[name] = list(accumulate(steps))[: len(bounds)]
        for bucket, counts in ended[one.until].items():
            if 0 <= bucket < len(bounds):
                found[name][bucket] += one.sign * counts[name, "last"]
    return [{name: values[n] for name, values in found.items()} for n in range(len(bounds))]


def _ending(until: str) -> dict[tuple[str, str], Part | None]:
    """What is counted where spans end that end so."""
    some = {name: one for name, one in _SPANS.items() if one.until == until}
    all_ = {(name, "all"): one.begin for name, one in some.items()}
    return {**all_, **{(name, "last"): one.last for name, one in some.items()}}


def _lay_spans(db: duckdb.DuckDBPyConnection, asked: Asked, bounds: Bounds) -> None:
    """The table ``span``: how many alike are due from which bucket on, and closed and handled in which."""
    numbers, joins = zip(*(bucket_of(column, bounds) for column in _ENDS.values()), strict=True)
    columns = ", ".join(f"{number} AS {name}" for name, number in zip(_ENDS, numbers, strict=True))
    mask = sum({BIT[w] for one in _SPANS.values() for w in _words(one) if w in BIT})
    rows = in_scan(asked.by(asked.key, " ".join((asked.joins, *joins))), DUE)
    execute(
        db,
        f"CREATE OR REPLACE TEMP TABLE span AS SELECT {columns}, flags & {mask} AS flags,"
        f" due_at < {asked.now:d} AS past, count(*) AS n, sum(reworks) AS reworks {rows} GROUP BY ALL",
        asked.values,
    )


_ENDS: Final = {"due": "due_at", "closed": "due_until", "handled": "handled_until"}


def _words(one: _Spans) -> Iterator[str]:
    for part in (one.begin, one.last):
        if part is not None:
            yield from (*part.words, *part.but)


def _summed(
    db: duckdb.DuckDBPyConnection, key: str, parts: Mapping[tuple[str, str], Part | None]
) -> dict[int, dict[tuple[str, str], int]]:
    """How many of each part there are in ``span``, by a column of it."""
    sums = ", ".join("0" if part is None else summed(part, {"past": "past"}) for part in parts.values())
    found = db.execute(f"SELECT {key}, {sums} FROM span GROUP BY {key}").fetchall()
    return {bucket: dict(zip(parts, map(int, counts), strict=True)) for bucket, *counts in found}
