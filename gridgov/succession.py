"""What a new drawing of the grids means for what hangs on the old one: what it changes, which retired codes
it takes up again, and where assignments to grids that are no more go.
"""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, insert, or_, select, update

from dispatch.entries import SYSTEM, from_micros, to_micros
from geodata.editions import Comparison, compare, reused_codes
from geodata.errors import UnacceptedFindings
from geodata.findings import Finding, Severity
from geodata.grids import Hierarchy
from gridgov.errors import AlreadyDecided, UnknownCarried
from gridgov.rows import iso
from gridgov.storage.tables import AssignmentRow, CarriedRow, PersonRow, path_text, text_path
from gridgov.storage.writer import Chore

_assignment = AssignmentRow.__table__  # type: ignore[attr-defined]
_carried = CarriedRow.__table__  # type: ignore[attr-defined]
_person = PersonRow.__table__  # type: ignore[attr-defined]

#: Names under which ids of carried assignments are made.
CARRIED: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:gridgov:carried")
#: A successor that lies within the old grid but for this share gives its holder nothing new to see: the
#: assignment goes on there at once. Any other waits for somebody to confirm it.
WITHIN: Final = 0.95
#: A neighbour that took less of the old grid than this, and was not itself mostly part of it, is no
#: successor: borders were only straightened.
SLIGHT: Final = 0.01

#: Path of a grid that is no more -> its successors: path, share of the old grid's area, of the successor's.
Successors = Mapping[str, Sequence[tuple[str, float, float]]]


@dataclass(frozen=True, slots=True)
class Compared:
    """A new drawing beside ``edition``: its changes, successors of paths that are no more, codes reused.

    ``displaced`` are paths that are in both and stand for another place in the new one. ``comparison`` is
    what they were taken from, with polygons; None before the first edition.
    """

    edition: int | None
    changes: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    successors: Successors = field(default_factory=dict)
    displaced: tuple[str, ...] = ()
    reused: tuple[Finding, ...] = ()
    comparison: Comparison | None = None

    def text(self) -> str | None:
        """What is kept with the new edition; None where there was none before."""
        if self.edition is None:
            return None
        kept = {"changes": self.changes, "successors": self.successors, "displaced": self.displaced}
        return orjson.dumps(kept).decode()

    @staticmethod
    def changes_of(text: str) -> dict[str, Any]:
        """The changes that were kept."""
        found: dict[str, Any] = orjson.loads(text)["changes"]
        return found

    @staticmethod
    def successors_of(text: str) -> tuple[Successors, tuple[str, ...]]:
        """The successors that were kept, and the paths that stand for another place now."""
        found = orjson.loads(text)
        return found["successors"], tuple(found["displaced"])


def compared_with(edition: int, old: Hierarchy, new: Hierarchy, earlier: Iterable[Hierarchy]) -> Compared:
    """Compare a new drawing with the edition in force, and its codes with all there have been."""
    comparison = compare(old, new)
    paths = {new.path(grid) for grid in new.grids}
    reused = reused_codes(earlier, old, new)
    elsewhere = {(found.level, found.grids[0]) for found in reused}
    gone, displaced = [], []
    for grid in old.grids:
        path = old.path(grid)
        if path not in paths:
            gone.append(path)
        elif (old.levels[grid.level].key, grid.code) in elsewhere:
            displaced.append(path)
    successors = {
        path_text(path): [(path_text(s.path), s.of_old, s.of_new) for s in comparison.successors(path)]
        for path in (*gone, *displaced)
    }
    return Compared(
        edition,
        comparison.to_dict(),
        comparison.counts(),
        successors,
        tuple(map(path_text, displaced)),
        reused,
        comparison,
    )


def require_accepted(
    found: Iterable[Finding], accepted: Iterable[Mapping[str, Any]]
) -> list[dict[str, object]]:
    """The findings that are not among ``accepted`` yet, as plain values; raises UnacceptedFindings naming
    every error among them that nobody accepted.
    """
    known = {(one.get("code"), tuple(one.get("grids") or ())) for one in accepted if one.get("accepted")}
    new = [one for one in found if (one.code, one.grids) not in known]
    refused = [one for one in new if one.severity is Severity.error and one.accepted is None]
    if refused:
        raise UnacceptedFindings(refused)
    return [one.to_dict() for one in new]


# -- assignments ------------------------------------------------------------------------------------


def carry_assignments(
    connection: Connection,
    edition: int,
    successors: Successors,
    displaced: Iterable[str],
    now: datetime,
) -> list[str]:
    """Carry running and future assignments to grids that ``edition`` has no more over to their successors;
    returns whose they are.

    The old assignment stays: what was recorded in the old grid is still its holder's to see. But where the
    code of its grid stands for another place from now on (``displaced``), it ends: that place is not theirs.
    """
    elsewhere = set(displaced)
    left = _left_behind(connection, successors, now)
    for old, path, of_old, of_new in list(_carries(connection, left, successors, now, elsewhere)):
        _carry(connection, edition, old, path, of_old, of_new, now, at_once=of_new >= WITHIN)
    waiting = _waiting(connection, successors)
    for old, path, of_old, of_new in list(_carries(connection, waiting, successors, now, elsewhere)):
        _carry(connection, edition, old, path, of_old, of_new, now, at_once=False)
    for row in waiting:
        _decide(connection, row["carried"], None, SYSTEM, now, confirmed=False)
    for old in left:
        if old["path"] in elsewhere:
            ended = update(_assignment).where(_assignment.c.id == old["id"])
            connection.execute(ended.values(ends_at=to_micros(now)))
    return [str(old["person"]) for old in left]


def _waiting(connection: Connection, gone: Container[str]) -> list[dict[str, Any]]:
    """What was carried to a grid that is itself no more before anybody confirmed it: it waits further on."""
    names = ("id", "person", "role", "department", "starts_at")
    query = (
        select(
            *(_assignment.c[name] for name in names),
            _carried.c.id.label("carried"),
            _carried.c.path,
            _carried.c.ends_at,
        )
        .join(_assignment, _assignment.c.id == _carried.c.assignment)
        .where(_carried.c.decided_at.is_(None), _carried.c.made.is_(None))
        .order_by(_carried.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings() if row["path"] in gone]


def would_carry(connection: Connection, successors: Successors, now: datetime) -> list[dict[str, Any]]:
    """The assignments that a drawing with these successors would carry over, and to where; ``at_once`` where
    nobody would have to confirm it. One that leads nowhere has no ``to``.
    """
    left = _left_behind(connection, successors, now)
    to: dict[str, list[dict[str, Any]]] = {str(old["id"]): [] for old in left}
    for old, path, of_old, of_new in _carries(connection, left, successors, now):
        share = {"of_old": of_old, "of_new": of_new, "at_once": of_new >= WITHIN}
        to[str(old["id"])].append({"path": list(text_path(path)), **share})
    return [
        {
            **{name: old[name] for name in ("person", "display_name", "role", "department")},
            "from": list(text_path(old["path"])),
            "to": to[str(old["id"])],
        }
        for old in left
    ]


def _left_behind(connection: Connection, gone: Container[str], now: datetime) -> list[dict[str, Any]]:
    """Running and future assignments to grids that are among those gone."""
    query = (
        select(_assignment, _person.c.display_name)
        .join(_person, _person.c.id == _assignment.c.person)
        .where(_person.c.active, _assignment.c.path != "")
        .where(_not_ended(now))
        .order_by(_assignment.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings() if row["path"] in gone]


def _carries(
    connection: Connection,
    held: Sequence[Mapping[str, Any]],
    successors: Successors,
    now: datetime,
    displaced: Container[str] = (),
) -> Iterator[tuple[Mapping[str, Any], str, float, float]]:
    """Where these assignments go, and the shares of area; to no grid that the same person has already."""
    running = select(*_what(_assignment)).where(_not_ended(now))
    has = {tuple(row) for row in connection.execute(running)} if held else set()
    has = {what for what in has if what[2] not in displaced}
    for old in held:
        for path, of_old, of_new in successors.get(old["path"], ()):
            what = (old["person"], old["role"], path, old["department"])
            if what not in has and (of_old >= SLIGHT or of_new >= 0.5):
                has.add(what)
                yield old, path, of_old, of_new


def _not_ended(now: datetime) -> ColumnElement[bool]:
    return or_(_assignment.c.ends_at.is_(None), _assignment.c.ends_at > to_micros(now))


def _what(table: Any) -> tuple[Any, ...]:
    return table.c.person, table.c.role, table.c.path, table.c.department


def _carry(
    connection: Connection,
    edition: int,
    old: Mapping[str, Any],
    path: str,
    of_old: float,
    of_new: float,
    now: datetime,
    *,
    at_once: bool,
) -> None:
    id_ = str(uuid.uuid5(CARRIED, f"{edition}\n{old['id']}\n{path}"))
    made = _assign(connection, id_, old, path, now) if at_once else None
    connection.execute(
        insert(_carried).values(
            id=id_,
            edition=edition,
            person=old["person"],
            assignment=old["id"],
            path=path,
            of_old=of_old,
            of_new=of_new,
            ends_at=old["ends_at"],
            made=made,
        )
    )


def _assign(connection: Connection, id_: str, old: Mapping[str, Any], path: str, now: datetime) -> str:
    starts = max(old["starts_at"], to_micros(now))
    connection.execute(
        insert(_assignment).values(
            {name: old[name] for name in ("person", "role", "department", "ends_at")}
            | {"id": id_, "path": path, "starts_at": starts}
        )
    )
    return id_


def carried(connection: Connection, *, open_only: bool = False) -> list[dict[str, Any]]:
    """Assignments that were carried over, newest edition first; with ``open_only`` those to be confirmed.

    ``state`` is waiting (nobody has confirmed it, and it is not in force), running (in force, not yet
    confirmed), confirmed or declined.
    """
    query = (
        select(
            _carried,
            _person.c.display_name,
            _assignment.c.role,
            _assignment.c.department,
            _assignment.c.path.label("from"),
        )
        .join(_person, _person.c.id == _carried.c.person)
        .join(_assignment, _assignment.c.id == _carried.c.assignment)
        .order_by(_carried.c.edition.desc(), _person.c.display_name, _carried.c.path)
    )
    if open_only:
        query = query.where(_carried.c.decided_at.is_(None))
    return [_shown(dict(row)) for row in connection.execute(query).mappings()]


def carried_people(connection: Connection, edition: int) -> list[str]:
    """Whose assignments an edition carried over."""
    query = select(_carried.c.person).where(_carried.c.edition == edition).distinct()
    return list(connection.execute(query).scalars())


def decide_carried(id_: str, by: str, *, confirmed: bool) -> Chore:
    """Confirm or decline an assignment that was carried over; the chore's result is its person.

    Raises UnknownCarried, AlreadyDecided.
    """

    def run(connection: Connection, now: datetime) -> str:
        row = connection.execute(select(_carried).where(_carried.c.id == id_)).mappings().first()
        if row is None:
            raise UnknownCarried(carried=id_)
        if row["decided_at"] is not None:
            raise AlreadyDecided(carried=id_, confirmed=bool(row["confirmed"]))
        made = row["made"]
        if confirmed and made is None:
            old = connection.execute(select(_assignment).where(_assignment.c.id == row["assignment"]))
            held = dict(old.mappings().one()) | {"ends_at": row["ends_at"]}
            made = _assign(connection, id_, held, row["path"], now)
        if not confirmed and made is not None:
            ended = update(_assignment).where(_assignment.c.id == made)
            connection.execute(ended.values(ends_at=to_micros(now)))
        _decide(connection, id_, made, by, now, confirmed=confirmed)
        return str(row["person"])

    return Chore(run)


def _decide(
    connection: Connection, id_: str, made: str | None, by: str, now: datetime, *, confirmed: bool
) -> None:
    decided = {"made": made, "decided_at": to_micros(now), "decided_by": by, "confirmed": confirmed}
    connection.execute(update(_carried).where(_carried.c.id == id_).values(decided))


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    waiting = "waiting" if row["made"] is None else "running"
    decided = "confirmed" if row["confirmed"] else "declined"
    return {
        "id": row["id"],
        "edition": row["edition"],
        "person": row["person"],
        "display_name": row["display_name"],
        "role": row["role"],
        "department": row["department"],
        "from": list(text_path(row["from"])),
        "to": list(text_path(row["path"])),
        "of_old": row["of_old"],
        "of_new": row["of_new"],
        "state": waiting if row["decided_at"] is None else decided,
        "decided_at": None if row["decided_at"] is None else iso(from_micros(row["decided_at"])),
        "decided_by": row["decided_by"],
    }
