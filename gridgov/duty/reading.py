"""Who is on duty as seen from an incident, and who may be given what: read where a command is decided.

Nothing is read before it is asked for; then the whole of what runs at that moment is read once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Table, and_, func, literal, or_, select

from dispatch.entries import Place, to_micros
from dispatch.lifecycle import Role
from dispatch.tasks import Candidate
from geodata.distance import metres
from gridgov.duty import keeping
from gridgov.duty.rota import ROLES, Shift, present
from gridgov.storage.duty_tables import WhereaboutsRow
from gridgov.storage.tables import AssignmentRow, PersonRow, path_text

_assignment: Table = AssignmentRow.__table__  # type: ignore[attr-defined]
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
        if not place.path and place.lon is None:
            return ()
        here = [
            s for depth in range(1, len(place.path) + 1) for s in self._by_path.get(place.path[:depth], ())
        ]
        away = self._distances(place)
        known = {s.id for s in here}
        elsewhere = [s for s in self._sendable if s.id not in known]
        elsewhere.sort(key=lambda s: (away.get(s.person, np.inf), s.person))
        found = [Candidate(s.person, len(s.path), away.get(s.person), s.stand_in_for) for s in here]
        return found + [
            Candidate(s.person, 0, away.get(s.person), s.stand_in_for) for s in elsewhere[:MOST_ELSEWHERE]
        ]

    def is_inspector(self, person: str, path: tuple[str, ...]) -> bool:  # noqa: ARG002
        """May this person be sent to look at what lies there? An inspector of any grid may, and whoever
        stands in for one.
        """
        if any(s.person == person for s in self._sendable):
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
        running = keeping.running(self._connection, self._now, self._stream)
        if not running:
            return []
        held = defaultdict(list)
        query = (
            select(_assignment.c.person, _assignment.c.path)
            .join(_person, _person.c.id == _assignment.c.person)
            .where(_person.c.active, _assignment.c.role.in_(ROLES), self._assigned())
        )
        for person, path in self._connection.execute(query):
            held[person].append(path)
        return [s for s in present(running) if any(path_text(s.path).startswith(p) for p in held[s.person])]

    @cached_property
    def where(self) -> dict[str, Where]:
        """Where those on duty were last, as far as they said, by person."""
        w = _whereabouts.c
        query = select(w.person, w.lon, w.lat, w.accuracy_m).where(
            w.stream == self._stream, w.until > to_micros(self._now)
        )
        return {
            row.person: Where(row.lon, row.lat, row.accuracy_m) for row in self._connection.execute(query)
        }

    @cached_property
    def _sendable(self) -> list[Shift]:
        return [s for s in self.present if s.role is Role.INSPECTOR]

    @cached_property
    def _by_path(self) -> dict[tuple[str, ...], list[Shift]]:
        found = defaultdict(list)
        for shift in self._sendable:
            found[shift.path].append(shift)
        return found

    @cached_property
    def _points(self) -> tuple[list[str], NDArray[np.float64]]:
        known = [s.person for s in self._sendable if s.person in self.where]
        points = [(self.where[person].lon, self.where[person].lat) for person in known]
        return known, np.asarray(points, dtype=np.float64).reshape(-1, 2)

    def _distances(self, place: Place) -> dict[str, float]:
        """Metres to everybody whose place is known."""
        people, points = self._points
        if place.lon is None or place.lat is None or not people:
            return {}
        away = metres(place.lon, place.lat, points[:, 0], points[:, 1])
        return dict(zip(people, away.tolist(), strict=True))

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
