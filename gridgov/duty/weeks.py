"""A week's rota once more: what was on duty in one week is written down for a later one, at the same local
times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from geodata.errors import GeodataError
from gridgov import accounts
from gridgov.accounts import Person
from gridgov.clock import new_id
from gridgov.duty import keeping
from gridgov.duty.errors import BadDuty
from gridgov.duty.keeping import May
from gridgov.duty.rota import Asked, Rota, Shift
from gridgov.errors import OutsideScope, ServiceError, UnknownPerson
from gridgov.storage.ledger import MAIN
from gridgov.storage.writer import Chore

#: So far ahead a week is copied at most.
MOST_WEEKS: Final = 53

#: Of an outcome: written down, was there already, refused.
ADDED, THERE, REFUSED = "added", "there", "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one duty that was to be written down: ``why`` it was refused, if it was."""

    asked: Asked
    outcome: str
    why: str = ""


def copy_week(
    monday: date,
    weeks: int,
    zone: str,
    by: str,
    may: May,
    under: tuple[str, ...] = (),
    dry_run: bool = False,
    stream: str = MAIN,
) -> Chore:
    """Write the duties that begin in the week of ``monday`` down for the one so many weeks later: those at or
    below ``under`` where whoever copies may write. Returns an Outcome for each; stand-ins are for once and
    are left out. Doing it again changes nothing. Raises BadDuty.
    """
    if not 1 <= weeks <= MOST_WEEKS:
        raise BadDuty(f"a week is copied 1 to {MOST_WEEKS} weeks ahead", weeks=weeks)
    if not date.min + timedelta(weeks=2) <= monday <= date.max - timedelta(weeks=weeks + 2):
        raise BadDuty("there is no such week to copy, or to copy it to", week=str(monday))
    here = ZoneInfo(zone)
    first = datetime.combine(monday - timedelta(days=monday.weekday()), time(), here)
    last = datetime.combine(first.date() + timedelta(weeks=1), time(), here)

    def run(connection: Connection, now: datetime) -> list[Outcome]:
        found = keeping.between(connection, first, last, under=under, stream=stream)
        week = [s for s in found if first <= s.starts_at < last and s.stand_in_for is None]
        asked = [_later(shift, weeks, here) for shift in week if _is_mine(shift, may)]
        people = {person.id: person for person in accounts.everybody(connection)}
        return write(connection, asked, people, by, may, now, dry_run=dry_run, stream=stream)

    return Chore(run)


def write(
    connection: Connection,
    asked: Sequence[Asked],
    people: Mapping[str, Person],
    by: str,
    may: May,
    now: datetime,
    *,
    dry_run: bool = False,
    stream: str = MAIN,
) -> list[Outcome]:
    """Write many duties down, in the transaction of a chore, those of stand-ins last: one that is refused
    holds up no other. What each comes to, in the order in which they were asked; ``dry_run`` writes nothing.
    """
    if not asked:
        return []
    since = min(now if one.starts_at is None else one.starts_at for one in asked)
    known = keeping.between(connection, since, max(one.ends_at for one in asked), stream=stream)
    rota, there = Rota(known), {_mark(shift) for shift in known}
    outcomes: dict[int, Outcome] = {}
    added: list[Shift] = []
    for number in sorted(range(len(asked)), key=lambda n: asked[n].stand_in_for is not None):
        one = asked[number]
        outcomes[number] = Outcome(one, THERE)
        if _mark(one) in there:
            continue
        try:
            may(one.path)
            added.append(rota.add(one, _known(people, one.person), by, now))
        except (ServiceError, GeodataError) as refused:
            outcomes[number] = Outcome(one, REFUSED, str(refused))
            continue
        there.add(_mark(one))
        outcomes[number] = Outcome(one, ADDED)
    if not dry_run:
        keeping.store(connection, added, now, stream)
    return [outcomes[number] for number in range(len(asked))]


def counted(outcomes: Iterable[str]) -> dict[str, int]:
    """How many of each outcome.

    >>> counted(["added", "refused", "added"])
    {'added': 2, 'there': 0, 'refused': 1}
    """
    return {ADDED: 0, THERE: 0, REFUSED: 0} | Counter(outcomes)


def _known(people: Mapping[str, Person], person: str) -> Person:
    if person not in people:
        raise UnknownPerson(person=person)
    return people[person]


def _is_mine(shift: Shift, may: May) -> bool:
    """Is it in a grid for which whoever copies writes the rota? One that is no more is theirs to hear of."""
    try:
        may(shift.path)
    except OutsideScope:
        return False
    except GeodataError:
        return True
    return True


def _later(shift: Shift, weeks: int, zone: ZoneInfo) -> Asked:
    """The same duty so many weeks later, by the clock on the wall."""
    starts_at, ends_at = (
        (moment.astimezone(zone).replace(tzinfo=None) + timedelta(weeks=weeks)).replace(tzinfo=zone)
        for moment in (shift.starts_at, shift.ends_at)
    )
    return Asked(new_id(), shift.person, shift.path, starts_at.astimezone(UTC), ends_at.astimezone(UTC))


def _mark(one: Asked | Shift) -> tuple[object, ...]:
    """What makes two duties the same."""
    return one.person, one.path, one.starts_at, one.ends_at, one.stand_in_for
