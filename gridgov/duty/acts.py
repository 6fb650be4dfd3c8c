"""What people do to the rota, and what they are told of it: plain values, the same over HTTP and for the
command line.

The rota is written by shift leaders for the grids that they answer for, and by administrators. It is seen by
whoever has a part in it, and by those who look after incidents in the same grids, in parts of them or above
them; departments do not see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine

from dispatch.lifecycle import ROLE_ZH, Role
from geodata.errors import UnknownGrid
from geodata.grids import Hierarchy
from gridgov import accounts
from gridgov.accounts import Person, display_names
from gridgov.duty import keeping, table, weeks
from gridgov.duty.handing import HandOver
from gridgov.duty.keeping import Ended, May
from gridgov.duty.reading import Duty
from gridgov.duty.rota import Asked, Shift
from gridgov.duty.table import RowOutcome
from gridgov.duty.weeks import Outcome
from gridgov.errors import OutsideScope
from gridgov.in_force import Atlas
from gridgov.storage.writer import Writer

#: Who writes a rota: administrators that of the whole installation.
WRITERS: Final = (Role.SHIFT_LEADER, Role.ADMINISTRATOR)


class Reads(Protocol):
    """What is needed of an installation to read its rota."""

    reader: Engine
    stream: str

    @property
    def atlas(self) -> Atlas:
        """The grids in force."""
        ...

    def clock(self) -> datetime:
        """This moment."""
        ...


class Installation(Reads, Protocol):
    """What is needed of an open service."""

    writer: Writer

    @property
    def zone(self) -> str:
        """The city's time zone."""
        ...


@dataclass(frozen=True, slots=True)
class Copied:
    """A week that is to be copied: any day of it, how many weeks ahead, for a grid and all below it."""

    week: date
    weeks: int = 1
    under: tuple[str, ...] = ()
    dry_run: bool = False


# -- who may ---------------------------------------------------------------------------------------


def led(person: Person, now: datetime) -> list[tuple[str, ...]]:
    """The grids whose rota this person writes, each with all below it."""
    return [a.path for a in person.assignments if a.runs(now) and a.role in WRITERS]


def may_lead(person: Person, now: datetime) -> May:
    """Asks of a grid, there or no more, whether this person writes its rota; raises OutsideScope."""
    mine = led(person, now)

    def may(path: tuple[str, ...]) -> None:
        if not any(path[: len(one)] == one for one in mine):
            raise OutsideScope(
                f"the rota of {'/'.join(path)} is written by its shift leaders and by administrators",
                path=list(path),
            )

    return may


def may_write(person: Person, hierarchy: Hierarchy, now: datetime) -> May:
    """The same of a grid that is there; raises UnknownGrid too."""
    lead = may_lead(person, now)

    def may(path: tuple[str, ...]) -> None:
        lead(path)
        if path:
            hierarchy.grid(path)

    return may


def sees(person: Person, shift: Shift, now: datetime) -> bool:
    """May this person see that somebody is on duty there: in their grid, in a part of it, or above it?"""
    if person.id in (shift.person, shift.stand_in_for):
        return True
    mine = [a.path for a in person.assignments if a.runs(now) and a.department is None]
    return any(path[: len(shift.path)] == shift.path[: len(path)] for path in mine)


# -- acts ------------------------------------------------------------------------------------------


def add(service: Installation, by: Person, asked: Asked) -> dict[str, Any]:
    """Write a duty down; raises what ``may_write`` and `keeping.add` raise."""
    may_write(by, service.atlas.hierarchy, service.clock())(asked.path)
    shift: Shift = service.writer.run(keeping.add(asked, by.id, service.stream))
    return _one(service, shift)


def end(service: Installation, by: Person, id_: str, at: datetime | None) -> dict[str, Any]:
    """Cut a duty short or withdraw it; ``withdrawn`` says which it was. Raises what `keeping.end` raises,
    OutsideScope.
    """
    may = may_lead(by, service.clock())
    ended: Ended = service.writer.run(keeping.end(id_, at, by.id, may, service.stream))
    if ended.shift is None:
        return {"id": id_, "withdrawn": True}
    return _one(service, ended.shift) | {"withdrawn": False}


def copy_week(service: Installation, by: Person, asked: Copied) -> dict[str, Any]:
    """Write a week's duties down for a later one: counts, and each with what became of it."""
    may = may_write(by, service.atlas.hierarchy, service.clock())
    outcomes: list[Outcome] = service.writer.run(
        weeks.copy_week(
            asked.week, asked.weeks, service.zone, by.id, may, asked.under, asked.dry_run, service.stream
        )
    )
    told = [(None, one.outcome, one.why, one.asked) for one in outcomes]
    return (
        _report(service, told) | weeks.counted(one.outcome for one in outcomes) | {"dry_run": asked.dry_run}
    )


def bring_in(service: Installation, by: Person, text: str, dry_run: bool) -> dict[str, Any]:
    """Write a table down: counts, and each row with what became of it. Raises BadInput."""
    may = may_write(by, service.atlas.hierarchy, service.clock())
    rows = table.read(text, service.zone)
    outcomes: list[RowOutcome] = service.writer.run(table.bring_in(rows, by.id, may, dry_run, service.stream))
    told = [(one.line, one.outcome, one.why, one.asked) for one in outcomes]
    return _report(service, told) | weeks.counted(one.outcome for one in outcomes) | {"dry_run": dry_run}


# -- what is told ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which duties: of a time, in a grid and below it, of one person."""

    since: datetime
    until: datetime
    under: tuple[str, ...] = ()
    person: str | None = None


def rota(service: Reads, asking: Person, wanted: Wanted) -> dict[str, Any]:
    """The duties of a time that somebody may see, by beginning; ``more``: there are more than are shown."""
    now = service.clock()
    people = None if wanted.person is None else {wanted.person}
    with service.reader.connect() as connection:
        found = keeping.between(
            connection, wanted.since, wanted.until, people, wanted.under, service.stream, keeping.MOST + 1
        )
        shown = [s for s in found[: keeping.MOST] if sees(asking, s, now)]
        return {"duties": told(connection, shown, service.atlas.hierarchy), "more": len(found) > keeping.MOST}


def on_duty_now(service: Reads, asking: Person, path: tuple[str, ...]) -> dict[str, Any]:
    """Who is on duty at this moment in a grid: ``here`` those whose grid holds it, the deepest first;
    ``below`` those in parts of it. Who is stood in for is not on duty.
    """
    now = service.clock()
    if path:
        service.atlas.hierarchy.grid(path)
    with service.reader.connect() as connection:
        present = [s for s in Duty(connection, service.stream, now).present if sees(asking, s, now)]
        here = sorted((s for s in present if path[: len(s.path)] == s.path), key=lambda s: -len(s.path))
        below = [s for s in present if len(s.path) > len(path) and s.path[: len(path)] == path]
        return {
            "at": now,
            "here": told(connection, here, service.atlas.hierarchy),
            "below": told(connection, below, service.atlas.hierarchy),
        }


def who_can(service: Reads, path: tuple[str, ...]) -> dict[str, Any]:
    """Who can be put on duty in a grid, and as what."""
    service.atlas.hierarchy.grid(path)
    with service.reader.connect() as connection:
        found = keeping.people_for(accounts.everybody(connection), path, service.clock())
    people = [
        {
            "id": one.id,
            "name": one.name,
            "display_name": one.display_name,
            "role": role,
            "role_zh": ROLE_ZH[role],
        }
        for one, role in found
    ]
    return {"people": people}


def told(connection: Connection, shifts: Sequence[Shift], hierarchy: Hierarchy) -> list[dict[str, Any]]:
    """Duties as programs get them."""
    names = display_names(connection, _people(shifts))
    return [
        {
            "id": one.id,
            "person": one.person,
            "name": names.get(one.person),
            "path": list(one.path),
            "grid": _grid(hierarchy, one.path),
            "role": one.role,
            "role_zh": ROLE_ZH[one.role],
            "starts_at": one.starts_at,
            "ends_at": one.ends_at,
            "stand_in_for": one.stand_in_for,
            "stand_in_for_name": None if one.stand_in_for is None else names.get(one.stand_in_for),
            "by": one.by,
        }
        for one in shifts
    ]


def told_over(over: HandOver, names: Mapping[str, str], hierarchy: Hierarchy) -> dict[str, Any]:
    """A hand-over as programs get it."""
    return {
        "id": over.id,
        "from": over.from_person,
        "from_name": names.get(over.from_person),
        "to": over.to_person,
        "to_name": names.get(over.to_person),
        "path": list(over.path),
        "grid": _grid(hierarchy, over.path),
        "at": over.at,
        "by": over.by,
        "remark": over.remark,
        "moved": [{"incident": one.incident, "case_number": one.case_number} for one in over.moved],
        "left": [
            {"incident": one.incident, "case_number": one.case_number, "why": one.why} for one in over.left
        ],
    }


def _grid(hierarchy: Hierarchy, path: tuple[str, ...]) -> str | None:
    """The name of a grid; None where the edition in force has it no more: then nobody is sent for it."""
    try:
        return hierarchy.grid(path).name
    except UnknownGrid:
        return None


def _one(service: Reads, shift: Shift) -> dict[str, Any]:
    with service.reader.connect() as connection:
        return told(connection, [shift], service.atlas.hierarchy)[0]


def _people(shifts: Iterable[Shift]) -> set[str]:
    return {person for s in shifts for person in (s.person, s.stand_in_for) if person is not None}


def _report(service: Reads, outcomes: Sequence[tuple[int | None, str, str, Asked | None]]) -> dict[str, Any]:
    """Each row with what became of it; people by what screens call them, or as they were named."""
    with service.reader.connect() as connection:
        names = display_names(connection, [one.person for *_, one in outcomes if one is not None])
    return {
        "rows": [
            {
                "line": line,
                "outcome": outcome,
                "why": why or None,
                "person": None if one is None else one.person,
                "name": None if one is None else names.get(one.person, one.person),
                "path": None if one is None else list(one.path),
                "starts_at": None if one is None else one.starts_at,
                "ends_at": None if one is None else one.ends_at,
            }
            for line, outcome, why, one in outcomes
        ]
    }
