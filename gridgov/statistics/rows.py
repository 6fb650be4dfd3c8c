"""Which rows of the copy a question is about, and by what they are grouped: pieces of SQL with the values
they need, out of which every count, time and list is put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import duckdb
import orjson

from gridgov.statistics.copy import relation
from gridgov.statistics.facts import BIT
from gridgov.statistics.question import Narrowed, Reach
from gridgov.storage.tables import path_text

#: What a row was reported by: an inspector's name is told of what inspectors reported, nobody else's.
INSPECTOR: Final = "CASE WHEN channel = 'inspector' THEN nullif(reporter, '') END"
#: Words that stand in a column of their own.
COLUMNS: Final = {
    "department": "department",
    "crew": "crew",
    "category": "category",
    "channel": "channel",
    "urgency": "urgency",
    "inspector": INSPECTOR,
}
#: The key of all rows together.
WHOLE: Final = "'all'"
#: What is open now.
STANDING: Final = "(FROM standing)"
_NAMED: Final = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows of the copy: of ``source``, a relation, with ``joins`` to what the key needs, those of which all
    of ``where`` holds. ``key`` is what they are grouped by; ``values`` are bound to the names in all these.
    ``code`` is a whole number for each key, quicker to group by, and ``coding`` a query for the pairs of both
    (number, key); where there is none, `codes` has them; "" for no number.

    ``start``, ``end`` and ``now`` are seconds since 1970. ``again`` holds for rows that were located again to
    know where they count. ``standing`` is the relation of what was open.
    """

    source: str
    standing: str
    now: int
    start: int | None = None
    end: int | None = None
    key: str = WHOLE
    joins: str = ""
    where: tuple[str, ...] = ()
    again: str = "false"
    code: str = ""
    coding: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def as_of(self) -> int:
        """Until when time has gone by, within the period."""
        return self.now if self.end is None else min(self.now, self.end)

    def with_past(self) -> str:
        """The source with a further column: is it ``past`` its limit, and open. Of what has ended that need
        not be looked at.
        """
        past = f"({lacks('closed')} AND coalesce(due_at < {self.as_of:d}, false)) AS past"
        if self.standing != STANDING:
            return f"(SELECT *, {past} FROM {self.source})"
        return f"(SELECT *, false AS past FROM ended UNION ALL SELECT *, {past} FROM standing)"

    def narrowed(self, *where: str, **values: Any) -> Asked:
        """The same with further conditions."""
        return replace(self, where=(*self.where, *where), values={**self.values, **values})

    def by(self, key: str, joins: str = "", code: str = "", coding: str = "") -> Asked:
        """The same, grouped by something."""
        return replace(self, key=key, joins=joins, code=code, coding=coding)

    def rows(self, *where: str, source: str | None = None) -> str:
        """FROM and WHERE of these rows, of which also ``where`` holds."""
        conditions = " AND ".join(("true", *where, *self.where))
        return f"FROM {source or self.source} AS f {self.joins} WHERE {conditions}"


def asked(position: int | None, now: int, start: int | None, end: int | None) -> Asked:
    """All rows, as they are, or as they stood at a position."""
    standing = STANDING if position is None else relation(position)
    return Asked(relation(position), standing, now, start, end)


def execute(
    db: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any]
) -> duckdb.DuckDBPyConnection:
    """Run a query with those of the values that it names."""
    return db.execute(query, {name: values[name] for name in set(_NAMED.findall(query))} or None)


def has(flag: str) -> str:
    """The condition that a row has a flag."""
    return f"(flags & {BIT[flag]} <> 0)"


def lacks(flag: str) -> str:
    """The condition that a row does not have it."""
    return f"(flags & {BIT[flag]} = 0)"


def within(reach: Iterable[Reach]) -> tuple[str, dict[str, Any]]:
    """The condition that one of these claims covers a row, by where it was recorded and who leads it."""
    claims: list[str] = []
    values: dict[str, Any] = {}
    for n, one in enumerate(reach):
        parts = [_lies(one, n, values)]
        if one.department is not None:
            values[f"lead{n}"] = one.department
            parts.append(f"lead = $lead{n}")
        claims.append(f"({' AND '.join(parts)})")
    everything = "(true)" in claims
    return ("true" if everything else f"({' OR '.join(claims or ['false'])})"), values


def _lies(one: Reach, n: int, values: dict[str, Any]) -> str:
    """Of what has no place only where the claim holds the tray."""
    if not one.path:
        return "true" if one.tray else "grid <> 0"
    values[f"reach{n}"] = path_text(one.path)
    placed = below(f"$reach{n}")
    return f"({placed} OR grid = 0)" if one.tray else placed


def below(path: str, column: str = "grid") -> str:
    """The condition that a column of numbers of grids names one at or below a path."""
    return f"{column} IN (SELECT id FROM ancestor WHERE path_text = {path})"


def columns_equal(only: Narrowed) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The conditions of what is narrowed down to by a column of its own."""
    wanted = {name: getattr(only, name) for name in COLUMNS if getattr(only, name) is not None}
    return tuple(f"{COLUMNS[name]} = ${name}" for name in wanted), wanted


def lies_in_specialised(layer: str, code: str) -> tuple[str, dict[str, Any]]:
    """The condition that a row lies in a specialised grid: the column is the JSON of their names."""
    return "contains(specialised, $specialised)", {"specialised": orjson.dumps(f"{layer}/{code}").decode()}


def made(db: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Sequence[Any]) -> None:
    """A table of one's own for the rest of the transaction; ``rows`` are tuples in the order of ``columns``,
    which are names and types.
    """
    shape = orjson.dumps([dict(columns)]).decode()
    told = orjson.dumps([dict(zip(columns, row, strict=True)) for row in rows]).decode()
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT unnest(from_json(?, '{shape}'), recursive := true)",
        [told],
    )
