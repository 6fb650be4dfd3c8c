"""Where the command line asks for figures: the process beside a running server, or the copy opened here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sqlalchemy import Engine

from gridgov.cli.output import Told, progress, say
from gridgov.cli.reading import reader_of
from gridgov.settings import Settings
from gridgov.statistics.desk import Desk
from gridgov.statistics.errors import CopyHeld, NotReadyYet, NotThatFarBack
from gridgov.statistics.making import file_of
from gridgov.statistics.question import Opening, Question, Statistics
from gridgov.statistics.remote import Remote
from gridgov.storage.engine import database_file, snapshot
from gridgov.storage.ledger import MAIN, read_head

#: Seconds between two looks at how far the copy is, and without any progress until it is given up.
LOOK_S: Final = 0.2
PATIENCE_S: Final = 60.0
#: Seconds to wait for another command that has the copy.
HELD_S: Final = 3.0


class Patient:
    """Asks again, with a bar on the terminal, while the copy is being made ready, has not come to where the
    ledger ended at first, or the past is read.
    """

    def __init__(self, asked: Statistics, engine: Engine) -> None:
        self._asked = asked
        with snapshot(engine) as connection:
            self._end = read_head(connection).position

    def ask(self, question: Question) -> Mapping[str, Any]:
        """See Statistics.ask."""
        return self._until_ready(lambda: self._fresh(self._asked.ask(question), question))

    def open(self, opening: Opening) -> Mapping[str, Any]:
        """See Statistics.open."""
        return self._until_ready(lambda: self._fresh(self._asked.open(opening), opening.question))

    def returns(self, question: Question) -> Mapping[str, Any]:
        """See Statistics.returns."""
        return self._until_ready(lambda: self._fresh(self._asked.returns(question), question))

    def _fresh(self, found: Mapping[str, Any], question: Question) -> Mapping[str, Any]:
        now = question.position is None and question.at is None
        if now and found["position"] < self._end:
            raise NotReadyYet()
        return found

    def status(self) -> Mapping[str, Any]:
        """See Statistics.status."""
        return self._asked.status()

    def _until_ready(self, ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        try:
            return ask()
        except (NotReadyYet, NotThatFarBack) as why:
            waits: Exception = why
        with progress(str(waits)) as told:
            seen, since = self._far(told), time.monotonic()
            while True:
                time.sleep(LOOK_S)
                try:
                    return ask()
                except (NotReadyYet, NotThatFarBack) as why:
                    waits = why
                far = self._far(told)
                if far != seen:
                    seen, since = far, time.monotonic()
                elif time.monotonic() - since > PATIENCE_S:
                    raise waits

    def _far(self, told: Told) -> tuple[Any, ...]:
        """How far it is, shown too: incidents of all, or positions of the past of all."""
        status = self._asked.status()
        past = status.get("history_of")
        done, of = (status["history_done"], past) if past else (status["done"], status["of"])
        told(done, of or None)
        return status["state"], done, of


@contextmanager
def statistics_of(settings: Settings) -> Iterator[Statistics]:
    """Where figures are asked. A copy that nobody has is opened here, and made first where there is none;
    where a server has it inside itself, one is made for this command alone.
    """
    file = file_of(settings.statistics_folder, MAIN)
    remote = Remote(file)
    with reader_of(settings) as engine:
        if remote.listens:
            yield Patient(remote, engine)
            return
        with ExitStack() as until_done:
            desk = until_done.enter_context(_desk(settings, engine, file))
            if not _held(desk):
                folder = until_done.enter_context(_folder(settings))
                desk = until_done.enter_context(_desk(settings, engine, file_of(folder, MAIN)))
            desk.begin()
            yield Patient(desk, engine)


def _desk(settings: Settings, engine: Engine, file: Path) -> Desk:
    return Desk(engine, database_file(settings.database_url), file)


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    say("the copy for figures is in use inside a server: making another for this command")
    with TemporaryDirectory(prefix="copy-", dir=settings.statistics_folder) as folder:
        yield Path(folder)


def _held(desk: Desk) -> bool:
    """Take the right to the copy; another command gives it back in a moment, a server does not."""
    until = time.monotonic() + HELD_S
    while True:
        try:
            desk.hold()
        except CopyHeld:
            if time.monotonic() > until:
                return False
            time.sleep(LOOK_S)
        else:
            return True
