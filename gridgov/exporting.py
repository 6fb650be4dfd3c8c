"""Incidents as a CSV table for other programs, spreadsheets among them.

Words of and about citizens are not in it; addresses only where they are asked for.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from typing import Any, Final, TextIO

from sqlalchemy import Connection, func, select

from gridgov.rows import public_row
from gridgov.storage.incidents import Wanted, conditions
from gridgov.storage.ledger import MAIN
from gridgov.storage.tables import IncidentRow

_incidents = IncidentRow.__table__  # type: ignore[attr-defined]

#: What a spreadsheet takes for the start of a formula (OWASP, "CSV injection"), full-width signs included.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Columns of the public row that say nothing outside this store.
_INSIDE: Final = frozenset({"stream", "first", "position", "photos"})
PRIVATE: Final = "address"
COLUMNS: Final = tuple(column.name for column in _incidents.columns if column.name not in _INSIDE | {PRIVATE})


def count(connection: Connection, wanted: Wanted, stream: str = MAIN) -> int:
    """How many incidents :func:`lines` will give."""
    query = select(func.count()).select_from(_incidents)
    return int(
        connection.execute(query.where(_incidents.c.stream == stream, *conditions(wanted))).scalar_one()
    )


def lines(connection: Connection, wanted: Wanted, stream: str = MAIN) -> Iterator[dict[str, Any]]:
    """The public rows of the incidents wanted, in the order they came in; a few hundred in memory at a time.

    A search (``wanted.q``) is not looked at.
    """
    query = (
        select(_incidents)
        .where(_incidents.c.stream == stream, *conditions(wanted))
        .order_by(_incidents.c.first)
        .execution_options(yield_per=500)
    )
    for row in connection.execute(query).mappings():
        yield public_row(row)


def write_csv(rows: Iterator[Mapping[str, Any]], out: TextIO, *, addresses: bool = False) -> int:
    """Write rows as CSV with a header; returns how many. Paths are codes joined by slashes, times UTC.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    names = (*COLUMNS, PRIVATE) if addresses else COLUMNS
    table = csv.writer(out, lineterminator="\n")
    table.writerow(names)
    written = 0
    for row in rows:
        table.writerow([cell(row[name]) for name in names])
        written += 1
    return written


def cell(value: object) -> object:
    """A value as a cell.

    >>> cell("=HYPERLINK(1)"), cell(-71.0587), cell(["440306", "440306017"]), cell(None), cell(True)
    ("'=HYPERLINK(1)", -71.0587, '440306/440306017', '', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = "/".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
