"""The counts of `dispatch.closure`, counted in the copy: each is the number of rows of one scan of which some
words hold. What a count is, is said here once, for counting and for listing what is behind it.

A **scan** is a range of rows that the copy finds without looking at the others; a **word** is a flag of
`facts.FLAGS`, or a condition that depends on the period.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import duckdb
import numpy as np

from gridgov.statistics.alike import Alike, alike, groups_of
from gridgov.statistics.codes import Ambiguous
from gridgov.statistics.facts import COHORT
from gridgov.statistics.rows import Asked, has
from gridgov.statistics.shares import ROW, Counts

#: What was reported in the period; what is due in it; what stands suspended before its end.
REPORTED: Final = "reported"
DUE: Final = "due"
SUSPENDED: Final = "suspended"
SCANS: Final = (REPORTED, DUE, SUSPENDED)
#: All of these in one, where the period has neither start nor end.
ALWAYS: Final = "always"


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
    if scan == ALWAYS:
        return asked.rows(source=asked.with_past())
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
    try:
        return _together(db, asked)
    except Ambiguous:
        return _together(db, replace(asked, code="", coding=""))


def _together(db: duckdb.DuckDBPyConnection, asked: Asked) -> Counted:
    """Put together what the scans found, group by group."""
    scans = (ALWAYS,) if asked.start is None and asked.end is None else SCANS
    found = [_alike(db, asked, scan) for scan in scans]
    keys, places = groups_of(db, asked, [one.codes for one in found])
    counts = np.zeros((len(ROW), len(keys)), dtype=np.int64)
    again = 0
    for scan, one, at in zip(scans, found, places, strict=True):
        parts = {name: part for name, part in COUNTERS.items() if scan in (part.scan, ALWAYS)}
        weights = [*(_weights(one, part) for part in parts.values()), one.words["again"]]
        rows = one.of_groups(at, len(keys), weights)
        counts[[ROW[name] for name in parts]] = rows[:-1]
        again += int(rows[-1].sum())
    return Counted(keys, counts, again)


def _alike(db: duckdb.DuckDBPyConnection, asked: Asked, scan: str) -> Alike:
    """The kinds of a scan's rows, and the words that depend on the period."""
    of = {DUE: _lately(asked), ALWAYS: {"past": "past"}}.get(scan, {})
    words = of | {"again": located(asked, scan)}
    found = alike(db, asked, in_scan(asked, scan), words, reworked=scan != SUSPENDED)
    if scan not in (DUE, ALWAYS):
        return found
    true, false = np.full(len(found.flags), True), np.full(len(found.flags), False)
    said = {name: found.words.get(name, false) for name in _lately(asked)}
    return replace(
        found,
        words={
            "closed_in": found.holds("closed") & ~said["closed_later"],
            "handled_in": found.holds("is_handled") & ~said["handled_later"],
            "to_handle": ~said["handled_before"],
            "past": found.words["past"] if scan == ALWAYS else ~said["to_come"],
            "again": found.words["again"],
            "in_due": found.holds("can_be_due") if scan == ALWAYS else true,
            "in_suspended": found.holds("stands_suspended") if scan == ALWAYS else true,
        },
    )


def _lately(asked: Asked) -> dict[str, str]:
    """The words of :func:`terms` by what does not hold of them, which is quicker to look at."""
    start, end = asked.start, asked.end
    return {
        "closed_later": "false" if end is None else f"closed_at >= {end:d}",
        "handled_later": "false" if end is None else f"handled_at >= {end:d}",
        "handled_before": "false" if start is None else f"handled_until < {start:d}",
        # What is due in a period that is over has come due by its end.
        "to_come": "false" if asked.as_of == end else f"due_at >= {asked.as_of:d}",
    }


def _weights(found: Alike, part: Part) -> Any:
    """What a row of each look adds to a part's count."""
    holds = np.full(len(found.flags), True)
    if part.scan != REPORTED and f"in_{part.scan}" in found.words:
        holds = found.words[f"in_{part.scan}"].copy()
    for word in part.words:
        holds &= found.holds(word)
    for word in part.but:
        holds &= ~found.holds(word)
    return holds * (1 if part.weight == "1" else found.reworks)


def scanned(db: duckdb.DuckDBPyConnection, asked: Asked, scan: str) -> Iterator[tuple[int, dict[str, int]]]:
    """(key, counts) of a scan, group by group; keys are whole numbers."""
    found = _alike(db, asked, scan)
    keys, (places,) = groups_of(db, asked, [found.codes])
    parts = {name: part for name, part in COUNTERS.items() if part.scan == scan}
    columns = found.of_groups(places, len(keys), [_weights(found, part) for part in parts.values()])
    for key, counts in zip(keys, columns.T.tolist(), strict=True):
        yield int(key or 0), dict(zip(parts, counts, strict=True))


def summed(part: Part, words: Mapping[str, str]) -> str:
    """The count of a part from ``n`` rows that are alike each."""
    column = "n" if part.weight == "1" else part.weight
    return f"CAST(coalesce(sum({column}) FILTER ({part.condition(words)}), 0) AS BIGINT)"


def located(asked: Asked, scan: str) -> str:
    """Was the row located again, and is it not counted by an earlier scan?"""
    if asked.again == "false" or scan in (REPORTED, ALWAYS):
        return asked.again
    start = "true" if asked.start is None else f"reported_at >= {asked.start:d}"
    end = "true" if asked.end is None else f"reported_at < {asked.end:d}"
    return f"({asked.again} AND NOT ({start} AND {end}))"


def conditions(asked: Asked, part: Part) -> tuple[str, str]:
    """FROM and WHERE of the rows that a part counts, and the weight of each."""
    of = terms(asked) if part.scan == DUE else {}
    return f"{in_scan(asked, part.scan)} AND {part.condition(of)}", part.weight
