"""Who is on duty as seen from an incident, and who may be given what: read where a command is decided.

Nothing is read before it is asked for; then the whole of what runs at that moment is read once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Row, Table, and_, exists, func, literal, or_, select

from dispatch.entries import Place, to_micros
from dispatch.lifecycle import Role
from dispatch.tasks import Candidate
from geodata.distance import metres
from gridgov.duty import keeping
from gridgov.duty.rota import ROLES, Shift
from gridgov.storage.duty_tables import DutyRow, WhereaboutsRow
from gridgov.storage.tables import AssignmentRow, PersonRow, path_text

_assignment: Table = AssignmentRow.__table__  # type: ignore[attr-defined]
_duty: Table = DutyRow.__table__  # type: ignore[attr-defined]
_person: Table = PersonRow.__table__  # type: ignore[attr-defined]
_whereabouts: Table = WhereaboutsRow.__table__  # type: ignore[attr-defined]

#: Of those on duty elsewhere so many are asked, the nearest: when they all have declined, a desk decides.
MOST_ELSEWHERE: Final = 50


@dataclass(frozen=True, slots=True)
class Where:
    """Where somebody on duty was last, in WGS-84 degrees."""

    lon: float
    lat: float
    accuracy_m: float | None = None


class Duty:
    """Duty in one stream at one moment, as one transaction sees it."""

    def __init__(self, connection: Connection, stream: str, now: datetime) -> None:
        self._connection, self._stream, self._now = connection, stream, now

    def on_duty(self, place: Place) -> Sequence[Candidate]:
        """Those who can be sent to look at something that lies there: all whose grid holds it, and the
        nearest of the others. Nobody where it lies nowhere: nobody is near to that.

        Those on duty as a shift leader lead the others, and are not sent themselves.
        """
        if place.lon is None or place.lat is None:
            return ()
        prefixes = (path_text(place.path[:depth]) for depth in range(1, len(place.path) + 1))
        here = [number for path in prefixes for number in self._by_path.get(path, ())]
        near = self._nearest(place.lon, place.lat, MOST_ELSEWHERE + len(here))
        elsewhere = [number for number in near if number not in here][:MOST_ELSEWHERE]
        numbers = [*here, *elsewhere]
        lons, lats = self._points[0][numbers], self._points[1][numbers]
        away = metres(place.lon, place.lat, lons, lats).tolist()
        return [self._candidate(n, n in here, distance) for n, distance in zip(numbers, away, strict=True)]

    def _candidate(self, number: int, holds_it: bool, distance: float) -> Candidate:
        row = self._sendable[number]
        depth = row.path.count("/") if holds_it else 0
        return Candidate(row.person, depth, None if row.lon is None else distance, row.stand_in_for)

    def is_inspector(self, person: str, path: tuple[str, ...]) -> bool:  # noqa: ARG002
        """May this person be sent to look at what lies there? An inspector of any grid may, and whoever
        stands in for one.
        """
        if any(row.person == person for row in self._sendable):
            return True
        return self._holds(person, _assignment.c.role == Role.INSPECTOR)

    def may_handle(self, person: str, department: str, path: tuple[str, ...]) -> bool:
        """Is this person a handler of that department there?"""
        of = and_(_assignment.c.role == Role.HANDLER, _assignment.c.department == department)
        return self._holds(person, and_(of, _reaches(literal(path_text(path)))))

    @cached_property
    def present(self) -> list[Shift]:
        """Who is on duty at this moment, but for those whom somebody stands in for, and those who may not be
        any more: an assignment ended, or they left.
        """
        return [keeping.shift_of(row._mapping) for row in self._rows]

    @cached_property
    def _rows(self) -> list[Row[Any]]:
        """The same as they stand in the store, each with where they were last, by person."""
        on = and_(
            _whereabouts.c.stream == self._stream,
            _whereabouts.c.person == _duty.c.person,
            _whereabouts.c.until > to_micros(self._now),
        )
        of = and_(_assignment.c.person == _duty.c.person, _assignment.c.role.in_(ROLES))
        may = exists().where(of, self._assigned(), _reaches(_duty.c.path))
        query = (
            select(_duty, _whereabouts.c.lon, _whereabouts.c.lat, and_(_person.c.active, may).label("may"))
            .join(_person, _person.c.id == _duty.c.person)
            .outerjoin(_whereabouts, on)
            .where(keeping.runs(self._stream, self._now))
        )
        rows = self._connection.execute(query).all()
        replaced = {(row.stand_in_for, row.path) for row in rows if row.stand_in_for is not None}
        left = [row for row in rows if row.may and (row.person, row.path) not in replaced]
        return sorted(left, key=lambda row: (row.person, row.path))

    @cached_property
    def _sendable(self) -> list[Row[Any]]:
        return [row for row in self._rows if row.role == Role.INSPECTOR]

    @cached_property
    def _by_path(self) -> dict[str, list[int]]:
        found = defaultdict(list)
        for number, row in enumerate(self._sendable):
            found[row.path].append(number)
        return found

    def _nearest(self, lon: float, lat: float, many: int) -> list[int]:
        """So many of those who can be sent, the nearest first; of equals, and where nobody knows where they
        are, the first by their id. On a flat map, for which a city is small enough: this only picks whom to
        measure.
        """
        lons, lats = self._points
        east = ((lons - lon + 180) % 360 - 180) * np.cos(np.radians(lat))
        square = east**2 + (lats - lat) ** 2
        found: list[int] = np.argsort(np.nan_to_num(square, nan=np.inf), kind="stable")[:many].tolist()
        return found

    @cached_property
    def _points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitudes and latitudes of those who can be sent, not a number where nobody knows."""
        lons = np.array([row.lon for row in self._sendable], dtype=np.float64)
        return lons, np.array([row.lat for row in self._sendable], dtype=np.float64)

    def _holds(self, person: str, of: ColumnElement[bool]) -> bool:
        query = (
            select(_assignment.c.id)
            .join(_person, _person.c.id == _assignment.c.person)
            .where(_assignment.c.person == person, _person.c.active, of, self._assigned())
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def _assigned(self) -> ColumnElement[bool]:
        """The assignment is in force at this moment."""
        moment = to_micros(self._now)
        ends = or_(_assignment.c.ends_at.is_(None), _assignment.c.ends_at > moment)
        return and_(_assignment.c.starts_at <= moment, ends)


def _reaches(path: ColumnElement[str]) -> ColumnElement[bool]:
    """The assignment is for a grid at ``path`` or above it."""
    return func.substr(path, 1, func.length(_assignment.c.path)) == _assignment.c.path
