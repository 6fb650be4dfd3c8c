"""The counts of `dispatch.closure`, counted in the copy: each is the number of rows of one scan of which some
words hold. What a count is, is said here once, for counting and for listing what is behind it.

A **scan** is a range of rows that the copy finds without looking at the others; a **word** is a flag of
`facts.FLAGS`, or a condition that depends on the period.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np

from gridgov.statistics.facts import BIT, COHORT
from gridgov.statistics.rows import Asked, execute, has
from gridgov.statistics.shares import ROW, Counts

#: What was reported in the period; what is due in it; what stands suspended before its end.
REPORTED: Final = "reported"
DUE: Final = "due"
SUSPENDED: Final = "suspended"


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a scan of which all of ``words`` hold, and none of ``but``; ``weight`` is what each adds."""

    scan: str
    words: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    weight: str = "1"

    def condition(self, terms: Mapping[str, str]) -> str:
        """The condition on rows; ``terms`` are the words that are no flags."""
        of = [terms.get(word) or has(word) for word in self.words]
        return " AND ".join([*of, *(f"NOT {terms.get(word) or has(word)}" for word in self.but)]) or "true"


#: The counters of a tally.
COUNTERS: Final[Mapping[str, Part]] = {
    "reported": Part(REPORTED),
    **{name: Part(REPORTED, (name,)) for name in COHORT},
    "due": Part(DUE),
    "due_reworks": Part(DUE, weight="reworks"),
    "due_closed": Part(DUE, ("closed_in",)),
    "due_closed_on_time": Part(DUE, ("closed_in", "on_time")),
    "due_exempt": Part(DUE, ("closed_in", "is_exempt")),
    "overdue_open": Part(DUE, ("past",), ("closed_in",)),
    "due_later": Part(DUE, (), ("closed_in", "past")),
    "handling_due": Part(DUE, ("to_handle",)),
    "handling_done": Part(DUE, ("to_handle", "handled_in")),
    "handling_on_time": Part(DUE, ("to_handle", "handled_in", "handled_on_time")),
    "handling_extended": Part(DUE, ("to_handle", "extended")),
    "due_suspended": Part(SUSPENDED),
}
#: The counts that can be listed: those, and the sums of a tally; no row is in two parts of one.
COUNTS: Final[Mapping[str, tuple[Part, ...]]] = {
    **{name: (part,) for name, part in COUNTERS.items()},
    "standing": (Part(REPORTED, (), ("cancelled", "joined")),),
    "due_on_time_or_exempt": (COUNTERS["due_closed_on_time"], COUNTERS["due_exempt"]),
    "due_with_suspended": (COUNTERS["due"], COUNTERS["due_suspended"]),
}


def terms(asked: Asked) -> dict[str, str]:
    """The words that depend on the period, as conditions on rows that are due in it."""
    end, start = asked.end, asked.start
    before = {name: "true" if end is None else f"coalesce({name} < {end:d}, true)" for name in _DONE_AT}
    return {
        "closed_in": f"({has('closed')} AND {before['closed_at']})",
        "handled_in": f"({has('is_handled')} AND {before['handled_at']})",
        "past": f"(due_at < {asked.as_of:d})",
        "to_handle": "true" if start is None else f"(handled_until >= {start:d})",
    }


_DONE_AT: Final = ("closed_at", "handled_at")


def in_scan(asked: Asked, scan: str) -> str:
    """FROM and WHERE of the rows of a scan."""
    start, end = asked.start, asked.end
    if scan == SUSPENDED:
        before = () if end is None else (f"dispatched_at < {end:d}",)
        return asked.rows(has("stands_suspended"), *before, source=asked.standing)
    if scan == REPORTED:
        since = () if start is None else (f"reported_at >= {start:d}",)
        return asked.rows(*since, *(() if end is None else (f"reported_at < {end:d}",)))
    since = ("due_until IS NOT NULL",) if start is None else (f"due_until >= {start:d}",)
    return asked.rows(*since, *(() if end is None else (f"due_at < {end:d}",)))


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of groups: a row for each counter, as in `shares`, and a column for each of ``keys``, of
    which None is the rows that have no such key; ``again`` of the incidents counted were located again.
    """

    keys: list[str | None]
    counts: Counts
    again: int = 0


def counted(db: duckdb.DuckDBPyConnection, asked: Asked) -> Counted:
    """The counts of what is asked for; groups in which nothing is reported and nothing due are left out."""
    found = [_columns(db, asked, scan) for scan in (REPORTED, DUE, SUSPENDED)]
    at: dict[str | None, int] = {}
    for keys, _, _ in found:
        for key in keys:
            at.setdefault(key, len(at))
    counts = np.zeros((len(ROW), len(at)), dtype=np.int64)
    for keys, _, columns in found:
        places = [at[key] for key in keys]
        for name, column in columns.items():
            counts[ROW[name], places] = column
    return Counted(list(at), counts, sum(int(again.sum()) for _, again, _ in found))


def scanned(
    db: duckdb.DuckDBPyConnection, asked: Asked, scan: str
) -> Iterator[tuple[str | None, int, dict[str, int]]]:
    """(key, how many were located again, counts) of a scan, group by group."""
    keys, again, columns = _columns(db, asked, scan)
    numbers = (column.tolist() for column in columns.values())
    for key, located, *counts in zip(keys, again.tolist(), *numbers, strict=True):
        yield key, located, dict(zip(columns, counts, strict=True))


def _columns(
    db: duckdb.DuckDBPyConnection, asked: Asked, scan: str
) -> tuple[list[str | None], Counts, dict[str, Counts]]:
    """(keys, of each how many were located again, counts of each by their names) of a scan.

    Rows are alike where their flags and terms are: few kinds are counted, and put together afterwards.
    """
    counters = {name: part for name, part in COUNTERS.items() if part.scan == scan}
    mask = sum({BIT[word] for part in counters.values() for word in (*part.words, *part.but) if word in BIT})
    of = terms(asked) if scan == DUE else {}
    alike = [f"{condition} AS {word}" for word, condition in of.items()]
    inner = ", ".join(
        [f"{asked.key} AS k", f"flags & {mask} AS flags", *alike, f"{located(asked, scan)} AS again"]
    )
    words = {word: word for word in of}
    outer = ", ".join(f"{summed(part, words)} AS {name}" for name, part in counters.items())
    query = (
        f"SELECT k AS k, CAST(coalesce(sum(n) FILTER (again), 0) AS BIGINT) AS again, {outer} FROM"
        f" (SELECT {inner}, count(*) AS n, sum(reworks) AS reworks {in_scan(asked, scan)} GROUP BY ALL)"
        " GROUP BY k"
    )
    found = execute(db, query, asked.values).fetchnumpy()
    keys = found.pop("k").tolist()
    return keys, found.pop("again"), found


def summed(part: Part, words: Mapping[str, str]) -> str:
    """The count of a part from ``n`` rows that are alike each."""
    column = "n" if part.weight == "1" else part.weight
    return f"CAST(coalesce(sum({column}) FILTER ({part.condition(words)}), 0) AS BIGINT)"


def located(asked: Asked, scan: str) -> str:
    """Was the row located again, and is it not counted by an earlier scan?"""
    if asked.again == "false" or scan == REPORTED:
        return asked.again
    start = "true" if asked.start is None else f"reported_at >= {asked.start:d}"
    end = "true" if asked.end is None else f"reported_at < {asked.end:d}"
    return f"({asked.again} AND NOT ({start} AND {end}))"


def conditions(asked: Asked, part: Part) -> tuple[str, str]:
    """FROM and WHERE of the rows that a part counts, and the weight of each."""
    of = terms(asked) if part.scan == DUE else {}
    return f"{in_scan(asked, part.scan)} AND {part.condition(of)}", part.weight
