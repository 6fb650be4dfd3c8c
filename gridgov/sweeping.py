"""The sweeper: what nobody does is done when its time comes. A clock that turns yellow or red is noticed, and
an escalation that nobody answered goes on to the next step.

Each open incident has one moment at which it is to be looked at next, in an index of its own: a look costs
what there is to say, however many incidents are open or closed. What is said goes through the one write path,
where it is decided on the incident as it then is; so however many sweepers look, and however often they start
again, it is said once. Imported history has no such moment until somebody adopts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, select, tuple_

from dispatch.entries import from_micros, to_micros
from dispatch.errors import DispatchError, NotRunning
from gridgov import commands
from gridgov.storage.errors import Stale, StorageError, StoreFailed
from gridgov.storage.ledger import MAIN
from gridgov.storage.tables import IncidentRow
from gridgov.storage.writer import Writer
from gridgov.tending import Tending

_incident = IncidentRow.__table__  # type: ignore[attr-defined]

#: Incidents looked at in one go, and the seconds until the next: 2,000 a second, so that reports find their
#: place between and readers of the feed keep up, also after a night in which nothing looked.
PART: Final = 100
PAUSE_S: Final = 0.05
#: Seconds between two looks. The shortest limits are minutes; nobody waits for a warning to the second.
LOOK_S: Final = 2.0
#: What was refused as it stands is tried again so much later.
AGAIN: Final = timedelta(minutes=10)
_MICROSECOND: Final = timedelta(microseconds=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    """An incident whose moment has come, as it was when looked at."""

    incident: str
    number: int
    look_at: int


class Sweeper(Tending):
    """Says what is to be said of the clocks of one stream."""

    def __init__(
        self, reader: Engine, writer: Writer, clock: Callable[[], datetime], stream: str = MAIN
    ) -> None:
        super().__init__("sweeper", LOOK_S)
        self._reader, self._writer, self._clock, self._stream = reader, writer, clock, stream
        #: What could not be said, as the incident stood, and when it is tried again (microseconds).
        self._given_up: dict[_Due, int] = {}

    def tend(self, woken: bool) -> None:  # noqa: ARG002
        """Look once."""
        self.sweep()

    def sweep(self) -> int:
        """Say all that is to be said now; returns of how many incidents something was said."""
        now, said, last = to_micros(self._clock()), 0, None
        self._given_up = {due: until for due, until in self._given_up.items() if until > now}
        while not self._stopped.is_set() and (part := self._part(now, last)):
            if last is not None:
                self._stopped.wait(PAUSE_S)
            last = part[-1]
            said += self._say([due for due in part if due not in self._given_up], now)
        return said

    def _part(self, until: int, after: _Due | None) -> list[_Due]:
        with self._reader.connect() as connection:
            return _next(connection, self._stream, until, after)

    def _say(self, part: Sequence[_Due], now: int) -> int:
        futures: list[tuple[_Due, Future[Any]]] = [
            (due, self._writer.submit(commands.notice(due.incident, due.number, from_micros(due.look_at))))
            for due in part
        ]
        return sum(self._answered(due, future, now) for due, future in futures)

    def _answered(self, due: _Due, future: Future[Any], now: int) -> bool:
        """Was something said? What has moved on meanwhile, another look finds as it then is; what is refused
        as it stands is left alone for a while.
        """
        try:
            return not future.result().repeated
        except StoreFailed:
            raise
        except Stale as moved:
            log.debug("an incident moved on before its clock was spoken of", why=str(moved))
        except (StorageError, DispatchError) as refused:
            self._given_up[due] = now + AGAIN // _MICROSECOND
            level = log.info if isinstance(refused, NotRunning) else log.warning
            level("nothing was said of a clock", incident=due.incident, why=str(refused))
        except Exception:
            # One incident that nothing can be said of keeps nothing from being said of the others.
            self._given_up[due] = now + AGAIN // _MICROSECOND
            log.exception("a fault kept something from being said of a clock", incident=due.incident)
        return False


def _next(connection: Connection, stream: str, until: int, after: _Due | None) -> list[_Due]:
    """The next incidents whose moment has come, the longest waiting first."""
    c = _incident.c
    query = select(c.id, c.number, c.look_at).where(c.stream == stream, c.look_at <= until)
    if after is not None:
        query = query.where(tuple_(c.look_at, c.id) > tuple_(after.look_at, after.incident))
    found = connection.execute(query.order_by(c.look_at, c.id).limit(PART))
    return [_Due(row.id, row.number, row.look_at) for row in found]
