"""Following the ledger into the copy: what each new entry made of its incident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from dispatch.entries import to_micros
from dispatch.incidents import Incident, extend
from gridgov.statistics import facts
from gridgov.statistics.carrying import draw
from gridgov.statistics.copy import Copy, Known, Version
from gridgov.storage import ledger
from gridgov.storage.engine import snapshot
from gridgov.storage.ledger import MAIN, Committed, Head, read_head
from gridgov.storage.projections import incident_row
from gridgov.storage.tables import EntryRow, GridRow, IncidentRow

_entry = EntryRow.__table__  # type: ignore[attr-defined]
_grid = GridRow.__table__  # type: ignore[attr-defined]
_c = IncidentRow.__table__.c  # type: ignore[attr-defined]

#: Entries taken up in one transaction: some tenths of a second of work.
CHUNK: Final = 2000
#: Incidents whose past is read in one transaction, and positions of the ledger among which they are sought.
PAST: Final = 500
WINDOW: Final = 50_000


class Follower:
    """Brings a copy up to where the ledger ends. One thread at a time."""

    def __init__(self, engine: Engine, copy: Copy, stream: str = MAIN) -> None:
        self._engine, self._copy, self._stream = engine, copy, stream
        self._editions: frozenset[int] = frozenset()

    def behind(self) -> int:
        """How many entries of the ledger are not in the copy. Raises CopyOfAnother."""
        with snapshot(self._engine) as connection:
            head = read_head(connection, self._stream)
        return head.position - self._copy.known(head.epoch).position

    def step(self) -> bool:
        """Take up the next entries; False where there were none. Raises CopyOfAnother."""
        with snapshot(self._engine) as connection:
            head = read_head(connection, self._stream)
            known = self._copy.known(head.epoch)
            if known.position >= head.position:
                return False
            self._draw(connection)
            told = ledger.since(connection, known.position, CHUNK, self._stream)
        self._copy.change(changes(told, known.position, self._stream), told[-1].position, recorded(told[-1]))
        return True

    def past(self) -> bool:
        """Read what some more incidents were before the copy knew them; False where all of them are read."""
        known = self._copy.known()
        if known.history_upto >= known.built_at:
            return False
        upto = min(known.history_upto + WINDOW, known.built_at)
        with self._copy.asking() as db:
            wanted: list[tuple[int, int]] = db.execute(
                _WITHOUT_PAST, [known.history_upto, upto] * 3
            ).fetchall()
        versions: list[Version] = []
        if wanted:
            with snapshot(self._engine) as connection:
                self._draw(connection)
                versions = list(self._pasts(connection, dict(wanted)))
        self._copy.add_past(versions, upto if len(wanted) < PAST else wanted[-1][0])
        return True

    def complete(self, firsts: Sequence[int]) -> None:
        """Put in what was changed while a copy was made, and so could not be read as it was at its position:
        the first thing to be done with a new copy. ``firsts`` are the first positions.
        """
        known = self._copy.known()
        for start in range(0, len(firsts), PAST):
            with snapshot(self._engine) as connection:
                versions = self.as_at(connection, firsts[start : start + PAST], known.position)
            self._copy.change(versions, known.position, known.recorded_at)

    def as_at(self, connection: Connection, firsts: Sequence[int], position: int) -> list[Version]:
        """What these incidents, by their first positions, were at a position, as the copy's present."""
        self._draw(connection)
        found = []
        for first, incident, at in self._steps(connection, firsts, position):
            found.append((first, row_of(incident, first, at, self._stream)))
        return [Version(row) for row in dict(found).values()]

    def draw(self) -> None:
        """Know the grids of every edition there is."""
        with snapshot(self._engine) as connection:
            self._draw(connection)

    def _draw(self, connection: Connection) -> None:
        editions = frozenset(connection.execute(select(_grid.c.edition).distinct()).scalars())
        if editions <= self._editions:
            return
        draw(self._copy, connection, editions)
        self._editions = editions

    def _pasts(self, connection: Connection, wanted: Mapping[int, int]) -> Iterator[Version]:
        """All that incidents were, by first position, before the position from which the copy knows each."""
        pasts: dict[int, list[dict[str, Any]]] = {}
        for first, incident, at in self._steps(connection, list(wanted), max(wanted.values())):
            rows = pasts.setdefault(first, [])
            row = row_of(incident, first, at, self._stream)
            if at < wanted[first] and (not rows or differs(rows[-1], row)):
                rows.append(row)
        for first, rows in pasts.items():
            ends = [*(row["position"] for row in rows[1:]), wanted[first]]
            yield from (Version(row, end) for row, end in zip(rows, ends, strict=True))

    def _steps(
        self, connection: Connection, firsts: Sequence[int], upto: int
    ) -> Iterator[tuple[int, Incident, int]]:
        """(first position, what it was, position) after each entry of these incidents up to a position."""
        query = select(_c.id, _c.first).where(_c.stream == self._stream, _c.first.in_(firsts))
        first_of: dict[str, int] = {row.id: row.first for row in connection.execute(query)}
        entries = (
            select(_entry)
            .where(
                _entry.c.stream == self._stream,
                _entry.c.incident.in_(list(first_of)),
                _entry.c.position <= upto,
            )
            .order_by(_entry.c.incident, _entry.c.number)
        )
        now: dict[str, Incident] = {}
        for row in connection.execute(entries).mappings():
            id_ = row["incident"]
            now[id_] = extend(now.get(id_), (ledger.to_entry(row),))
            yield first_of[id_], now[id_], row["position"]


#: Incidents whose past is not in the copy yet: by first position, and since when it knows them.
_WITHOUT_PAST: Final = f"""
    SELECT seq, min(since) FROM (
        SELECT seq, since FROM ended WHERE seq > ? AND seq <= ?
        UNION ALL SELECT seq, since FROM standing WHERE seq > ? AND seq <= ?
        UNION ALL SELECT seq, since FROM superseded WHERE seq > ? AND seq <= ?
    ) GROUP BY seq HAVING min(since) > seq ORDER BY seq LIMIT {PAST}
"""


def row_of(incident: Incident, first: int, position: int, stream: str = MAIN) -> dict[str, Any]:
    """What the copy is told of an incident after the entry at a position; see `facts.SOURCE`."""
    row = incident_row(stream, incident, first, position, None)
    return {name: row[name] for name in facts.SOURCE}


def differs(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Is there more to it than another position?"""
    return any(one[name] != other[name] for name in one if name != "position")


def changes(told: Sequence[Committed], known: int, stream: str = MAIN) -> list[Version]:
    """The versions that entries made, of incidents that they changed; ``known``: up to which position the
    copy knew all incidents before. An entry that changes no figure, such as a note, makes no version.
    """
    rows: dict[int, list[dict[str, Any]]] = {}
    for one in told:
        kept = rows.get(one.first)
        if kept is None:
            kept = rows[one.first] = []
            if one.before is not None:
                kept.append(row_of(one.before, one.first, known, stream))
        row = row_of(one.after, one.first, one.position, stream)
        if not kept or differs(kept[-1], row):
            kept.append(row)
    versions = []
    for first, several in rows.items():
        new = several[1:] if first <= known else several
        ends = [*(row["position"] for row in new[1:]), None] if new else []
        versions += [Version(row, end) for row, end in zip(new, ends, strict=True)]
    return versions


def recorded(last: Committed) -> int:
    """When an entry was recorded, in UTC microseconds."""
    return to_micros(last.entry.recorded_at)


def beginning(copy: Copy, head: Head) -> Known:
    """An empty copy of a ledger, to be filled by following it from its start."""
    copy.begin(head.epoch)
    return copy.known(head.epoch)
