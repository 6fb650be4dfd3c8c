"""A rota as a table: the rows of a CSV file become duties that are to be written down, or say why not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gridgov import accounts
from gridgov.clock import new_id
from gridgov.duty import weeks
from gridgov.duty.keeping import May
from gridgov.duty.rota import Asked
from gridgov.duty.weeks import REFUSED, Outcome
from gridgov.errors import BadInput
from gridgov.importing.times import FIRST_YEAR, LAST_YEAR
from gridgov.storage.ledger import MAIN
from gridgov.storage.writer import Chore

#: The columns, each with what it may be called in Chinese; the last may be missing.
COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {"person": "人员", "path": "网格", "from": "开始", "to": "结束", "stand_in_for": "代班"}
)
#: Rows of one table at most: a week of a district, three duties a day for each street and community.
MOST_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands in the file, ``line`` counted from 1: what it asks, with names for people, or why it
    cannot be read.
    """

    line: int
    asked: Asked | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of a row."""

    line: int
    outcome: str
    why: str
    asked: Asked | None


def read(text: str, zone: str) -> list[Row]:
    """The rows of a CSV text whose first line names its columns: person and stand_in_for by the name they
    sign in with, path with slashes, times local unless they name their zone. Raises BadInput.

    >>> read("person,path,from,to\\nwang,D/N,2026-11-23 08:00,2026-11-23 18:00\\n", "UTC")[0].asked.path
    ('D', 'N')
    """
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        header = next(lines, [])
        columns = _columns(header)
        rows = list(_rows(lines, columns, ZoneInfo(zone)))
    except csv.Error as error:
        raise BadInput(f"this is no CSV table: {error}") from error
    if len(rows) > MOST_ROWS:
        raise BadInput(f"a table has at most {MOST_ROWS} rows; split it", rows=len(rows))
    return rows


def bring_in(rows: Sequence[Row], by: str, may: May, dry_run: bool = False, stream: str = MAIN) -> Chore:
    """Write the rows down, each by itself; returns a RowOutcome for each, in their order. ``dry_run``: say
    what would become of them, and write nothing.
    """

    def run(connection: Connection, now: datetime) -> list[RowOutcome]:
        people = accounts.everybody(connection)
        ids = {person.name: person.id for person in people}
        by_line: dict[int, Outcome | str] = {row.line: row.why for row in rows}
        named = [(row.line, _with_ids(row.asked, ids)) for row in rows if row.asked is not None]
        by_line |= {line: found for line, found in named if isinstance(found, str)}
        asked = [(line, found) for line, found in named if isinstance(found, Asked)]
        known = {person.id: person for person in people}
        found = weeks.write(
            connection, [one for _, one in asked], known, by, may, now, dry_run=dry_run, stream=stream
        )
        by_line |= {line: outcome for (line, _), outcome in zip(asked, found, strict=True)}
        return [_told(row, by_line[row.line]) for row in rows]

    return Chore(run)


def _told(row: Row, found: Outcome | str) -> RowOutcome:
    if isinstance(found, str):
        return RowOutcome(row.line, REFUSED, found, row.asked)
    return RowOutcome(row.line, found.outcome, found.why, found.asked)


def _with_ids(asked: Asked, ids: Mapping[str, str]) -> Asked | str:
    """The same with people's ids for their names, or whom nobody knows."""
    for name in filter(None, (asked.person, asked.stand_in_for)):
        if name not in ids:
            return f"there is nobody called {name!r}"
    other = asked.stand_in_for
    return Asked(
        asked.id,
        ids[asked.person],
        asked.path,
        asked.starts_at,
        asked.ends_at,
        None if other is None else ids[other],
    )


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Where each column stands; raises BadInput."""
    named = {name.strip().lower(): number for number, name in enumerate(header)}
    found = {
        name: named[called]
        for name, chinese in COLUMNS.items()
        for called in (name, chinese)
        if called in named
    }
    missing = [f"{name} ({COLUMNS[name]})" for name in list(COLUMNS)[:-1] if name not in found]
    if missing:
        raise BadInput(f"the first line of a rota names its columns; missing: {', '.join(missing)}")
    return found


def _rows(lines: Any, columns: Mapping[str, int], zone: ZoneInfo) -> Iterator[Row]:
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        held = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        try:
            yield Row(lines.line_num, _asked(held, zone))
        except ValueError as error:
            yield Row(lines.line_num, None, str(error))


def _asked(held: Mapping[str, str], zone: ZoneInfo) -> Asked:
    """Raises ValueError that says what was expected."""
    for name in list(COLUMNS)[:-1]:
        if not held[name]:
            raise ValueError(f"column {name} is empty")
    starts_at, ends_at = (_moment(held[name], name, zone) for name in ("from", "to"))
    path = tuple(held["path"].strip("/").split("/"))
    return Asked(new_id(), held["person"], path, starts_at, ends_at, held.get("stand_in_for") or None)


def _moment(text: str, column: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"column {column} holds {text[:40]!r}, expected a time such as 2026-11-23 08:00"
        ) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"column {column} holds {text[:40]!r}, a year that cannot be meant")
    local = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return local.astimezone(UTC)
