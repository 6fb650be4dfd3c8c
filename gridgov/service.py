"""The service without its faces: the store, its writer, the rules in force and the photos, opened and closed
as one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Engine

from gridgov.city import load_in_force
from gridgov.clock import chance, utcnow
from gridgov.duty.reading import Duty
from gridgov.duty.whereabouts import Forgetter
from gridgov.editions import atlas_of, edition_in_force, switch
from gridgov.in_force import Atlas, InForce
from gridgov.outbox.sending import Outbox
from gridgov.relocation import Relocator
from gridgov.settings import Settings
from gridgov.statistics.desk import Desk
from gridgov.statistics.making import file_of
from gridgov.statistics.remote import Remote
from gridgov.storage.engine import WriterLock, database_file, open_engine
from gridgov.storage.errors import NoRulesYet
from gridgov.storage.ledger import MAIN, Committed
from gridgov.storage.photos import PhotoFolder
from gridgov.storage.setup import require_current
from gridgov.storage.writer import Writer
from gridgov.sweeping import Sweeper

Told = Callable[[Sequence[Committed]], None]


class Service:
    """One installation, open for writing by this process alone.

    ``on_commit`` functions are told on the writer's thread what each transaction added, ``on_switch`` ones
    that another edition of the grids is in force.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime], lock: WriterLock) -> None:
        self.settings, self.clock, self.lock = settings, clock, lock
        self.stream = MAIN
        self.reader: Engine = open_engine(settings.database_url, readers=settings.read_connections)
        self._written: Engine = open_engine(settings.database_url, writes=True)
        self.photos = PhotoFolder(settings.photo_folder)
        self.on_commit: list[Told] = []
        self._bare: Atlas | None = None
        self.on_switch: list[Callable[[], None]] = []
        self.writer = Writer(
            self._written, self.stream, clock, load_in_force, self._tell, switch, self._tell_of_switch, Duty
        )
        self.relocator = Relocator(self.reader, self.writer, clock, self.stream)
        self.sweeper = Sweeper(self.reader, self.writer, clock, self.stream)
        self.forgetter = Forgetter(self.reader, self.writer, clock, self.stream)
        self.outbox = Outbox(settings, self.writer, clock, chance, self.stream)
        #: Where figures are asked: nothing is opened before the first question. Whoever starts a process for
        #: them puts its face here instead.
        self.statistics: Desk | Remote = Desk(
            self.reader,
            database_file(settings.database_url),
            file_of(settings.statistics_folder, self.stream),
            self.stream,
        )
        self.on_commit += [self.relocator.notice, self.outbox.notice]
        self.on_switch.append(self.relocator.wake)

    @classmethod
    def open(cls, settings: Settings, clock: Callable[[], datetime] = utcnow, **server: Any) -> Self:
        """Open the store for writing; ``server`` is left in the lock file for the command line (url, token).

        Raises StoreHeld where another process has it, StoreNotReady where it is missing or of another
        version.
        """
        database = database_file(settings.database_url)
        lock = WriterLock(database).acquire()
        try:
            lock.describe(**server)
            service = cls(settings, clock, lock)
            require_current(service.reader)
            service.writer.start()
        except BaseException:
            lock.release()
            raise
        return service

    @property
    def in_force(self) -> InForce:
        """The rules and grids in force; raises NoRulesYet."""
        return self.writer.in_force

    @property
    def atlas(self) -> Atlas:
        """The grids in force, which can be drawn before there are rules; raises NoRulesYet where there are
        none.
        """
        try:
            return self.in_force.atlas
        except NoRulesYet:
            with self.reader.connect() as connection:
                edition = edition_in_force(connection)
                if edition is None:
                    raise
                if self._bare is None or self._bare.edition != edition:
                    self._bare = atlas_of(connection, edition)
                return self._bare

    @property
    def names(self) -> tuple[str, str, bool]:
        """What the city is called in Chinese and in English, and whether it is made up; before there are
        rules, what the edition of its grids is called.
        """
        try:
            city = self.in_force.city
        except NoRulesYet:
            return self.atlas.name, self.atlas.name, self.atlas.made_up
        return city.name_zh, city.name_en, city.made_up

    @property
    def zone(self) -> str:
        """The time zone of the city; UTC until a city's file is in force."""
        try:
            return self.in_force.city.zone
        except NoRulesYet:
            return "UTC"

    def close(self) -> None:
        """Finish what is queued, then let go of the store."""
        self.sweeper.stop()
        self.forgetter.stop()
        self.relocator.stop()
        self.outbox.stop()
        self.writer.stop()
        self.statistics.close()
        self.reader.dispose()
        self._written.dispose()
        self.lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell_of_switch(self) -> None:
        for told in self.on_switch:
            told()

    def _tell(self, committed: Sequence[Committed]) -> None:
        for told in self.on_commit:
            told(committed)
