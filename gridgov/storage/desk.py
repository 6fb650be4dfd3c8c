"""What lies before whoever decides a command, at the moment and in the transaction in which it is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dispatch.entries import Place
from dispatch.incidents import Incident
from dispatch.tasks import Candidate
from gridgov.in_force import InForce


class Duty(Protocol):
    """Who is on duty, and who may be given what, as the store says at the moment of a decision."""

    def on_duty(self, place: Place) -> Sequence[Candidate]:
        """Those who can be sent to look at something that lies there; empty where nobody is on duty."""
        ...

    def is_inspector(self, person: str, path: tuple[str, ...]) -> bool:
        """May this person be sent to look at what lies there? An inspector of any grid may."""
        ...

    def may_handle(self, person: str, department: str, path: tuple[str, ...]) -> bool:
        """Is this person a handler of that department there?"""
        ...


class NobodyOnDuty:
    """No rota, and nobody known: what a store without people has."""

    def __init__(self, *_: object) -> None:
        """Takes what any other takes."""

    def on_duty(self, place: Place) -> Sequence[Candidate]:  # noqa: ARG002
        """Nobody."""
        return ()

    def is_inspector(self, person: str, path: tuple[str, ...]) -> bool:  # noqa: ARG002
        """Nobody is."""
        return False

    def may_handle(self, person: str, department: str, path: tuple[str, ...]) -> bool:  # noqa: ARG002
        """Nobody may."""
        return False


#: Reads who is on duty in the transaction of a batch: its connection, its stream, its moment.
ReadsDuty = Callable[[Connection, str, datetime], Duty]


@dataclass(slots=True)
class Desk:
    """Before whoever decides lie: the moment, the rules and grids in force, the next case number, who is on
    duty, and the other incidents that the command named.
    """

    now: datetime
    in_force: InForce
    _serials: Callable[[str], int]
    duty: Duty = field(default_factory=NobodyOnDuty)
    others: Mapping[str, Incident] = field(default_factory=dict)
    taken: tuple[str, int] | None = None

    def case_number(self, day: date | None = None) -> str:
        """The next case number of a local day (the day of ``now`` unless told); given away only if the
        command succeeds.
        """
        day = day or self.now.astimezone(ZoneInfo(self.in_force.city.zone)).date()
        serial = self._serials(day.isoformat()) + 1
        self.taken = (day.isoformat(), serial)
        return f"{self.in_force.city.prefix}-{day:%Y%m%d}-{serial:05d}"
