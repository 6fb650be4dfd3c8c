"""Locating what is open again when other boundaries come into force, and putting them in force on their date.

Incidents keep the path they were located in until their turn comes; whichever process holds the store goes
through them, a part at a time, so that reports need not wait. What is interrupted is taken up at the next
start: an open incident tells by its edition whether its turn has come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, select

from dispatch.entries import to_micros
from dispatch.errors import DispatchError
from dispatch.lifecycle import ENDED, Stage
from gridgov import commands
from gridgov.editions import atlas_of
from gridgov.storage.errors import Stale, StorageError, StoreFailed
from gridgov.storage.ledger import MAIN, Committed, Head, read_head
from gridgov.storage.tables import IncidentRow
from gridgov.storage.writer import Chore, Writer
from gridgov.tending import Tending

_incident = IncidentRow.__table__  # type: ignore[attr-defined]

_OPEN: Final = tuple(str(stage) for stage in Stage if stage not in ENDED)
#: Incidents located again in one go, and the seconds until the next: 2,000 a second, so that readers of the
#: feed keep up and reports find their place between.
PART: Final = 100
PAUSE_S: Final = 0.05
#: Seconds after which the clock is looked at for an edition whose date has come, whatever else happens.
LOOK_S: Final = 5.0

#: Told how many of how many were located again.
Tell = Callable[[int, int], None]

log = structlog.get_logger(__name__)


class Relocator(Tending):
    """Looks after open incidents that lie in another edition than the one in force."""

    def __init__(
        self, reader: Engine, writer: Writer, clock: Callable[[], datetime], stream: str = MAIN
    ) -> None:
        super().__init__("relocator", LOOK_S)
        self._reader, self._writer, self._clock, self._stream = reader, writer, clock, stream
        #: The store was busy, or out of order for a while: the next look goes on.
        self._unfinished = False
        #: The edition to come whose index is there already.
        self._prepared: int | None = None

    def notice(self, committed: Sequence[Committed]) -> None:
        """Look after what was reopened, or adopted, and lies in an edition that is no more."""
        if any(_lags(told, self._writer.in_force.atlas.edition) for told in committed):
            self._wake.set()

    def sweep(self, tell: Tell | None = None) -> int:
        """Locate all that is open in another edition again; returns how many. Waits until it is done."""
        done, failed = 0, set[str]()
        while found := [one for one in self._lagging() if one[0] not in failed]:
            log.info("open incidents are located again in the edition in force", incidents=len(found))
            for start in range(0, len(found), PART):
                if self._stopped.is_set():
                    return done
                part = found[start : start + PART]
                done += self._relocate(part, failed)
                if tell is not None:
                    tell(start + len(part), len(found))
                if start + PART < len(found):
                    self._stopped.wait(PAUSE_S)
        return done

    def _relocate(self, part: Sequence[tuple[str, int]], failed: set[str]) -> int:
        """Locate some again. One that somebody acted on meanwhile is found again by the next look."""
        edition = self._writer.in_force.atlas.edition
        futures: list[tuple[str, Future[Any]]] = [
            (id_, self._writer.submit(commands.relocate(id_, number, edition))) for id_, number in part
        ]
        done = 0
        for id_, future in futures:
            try:
                future.result()
                done += 1
            except (StorageError, DispatchError) as refused:
                log.info("an incident was not located again", incident=id_, why=str(refused))
                if not isinstance(refused, Stale):
                    failed.add(id_)
                self._unfinished |= isinstance(refused, StoreFailed)
        return done

    def _lagging(self) -> list[tuple[str, int]]:
        """Open incidents with a point that were located in another edition: id and number."""
        with self._reader.connect() as connection:
            head = read_head(connection, self._stream)
            return [] if head.edition is None else _lagging(connection, head)

    def tend(self, woken: bool) -> None:
        """Locate again what is open, where another edition came into force or something was left undone."""
        look, self._unfinished = woken or self._unfinished, False
        if self._due() or look:
            self.sweep()

    def failed(self) -> None:
        """Open incidents wait to be located again: the next look goes on."""
        self._unfinished = True

    def _due(self) -> bool:
        """Put the edition in force whose date has come, where nothing else was written that would have."""
        with self._reader.connect() as connection:
            head = read_head(connection, self._stream)
            if head.switch_at is None or head.next_edition is None:
                return False
            if to_micros(self._clock()) < head.switch_at:
                self._prepare(connection, head.next_edition)
                return False
        self._writer.run(Chore(lambda *_: None))
        return True

    def _prepare(self, connection: Connection, edition: int) -> None:
        """Build the index of the edition to come, which takes seconds: at the switch reports would wait."""
        if edition != self._prepared:
            atlas_of(connection, edition)
            self._prepared = edition


def _lagging(connection: Connection, head: Head) -> list[tuple[str, int]]:
    query = select(_incident.c.id, _incident.c.number).where(
        _incident.c.stream == head.stream,
        _incident.c.stage.in_(_OPEN),
        _incident.c.raw_lon.is_not(None),
        _incident.c.edition != head.edition,
    )
    return [(row.id, row.number) for row in connection.execute(query)]


def _lags(told: Committed, edition: int) -> bool:
    before = told.before
    place = told.after.place
    reopened = before is None or not before.is_open
    return reopened and told.after.is_open and place.edition not in (None, edition)
