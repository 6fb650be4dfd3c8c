"""Where the command line asks for figures: the process beside a running server, or the copy opened here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from gridgov.cli.output import Told, progress
from gridgov.cli.reading import reader_of
from gridgov.settings import Settings
from gridgov.statistics.desk import Desk
from gridgov.statistics.errors import CopyHeld, NotReadyYet, NotThatFarBack
from gridgov.statistics.making import file_of
from gridgov.statistics.question import Opening, Question, Statistics
from gridgov.statistics.remote import Remote
from gridgov.storage.engine import database_file
from gridgov.storage.ledger import MAIN

#: Seconds between two looks at how far the copy is, and without any progress until it is given up.
LOOK_S: Final = 0.2
PATIENCE_S: Final = 60.0
#: Seconds to wait for another command that has the copy.
HELD_S: Final = 20.0


class Patient:
    """Asks again, with a bar on the terminal, while the copy is being made ready or the past is read."""

    def __init__(self, asked: Statistics) -> None:
        self._asked = asked

    def ask(self, question: Question) -> Mapping[str, Any]:
        """See Statistics.ask."""
        return self._until_ready(lambda: self._asked.ask(question))

    def open(self, opening: Opening) -> Mapping[str, Any]:
        """See Statistics.open."""
        return self._until_ready(lambda: self._asked.open(opening))

    def returns(self, question: Question) -> Mapping[str, Any]:
        """See Statistics.returns."""
        return self._until_ready(lambda: self._asked.returns(question))

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
    """Where figures are asked. A copy that nobody has is opened here, and made first where there is none.

    Raises CopyHeld where a server has it inside itself.
    """
    file = file_of(settings.statistics_folder, MAIN)
    remote = Remote(file)
    if remote.listens:
        yield Patient(remote)
        return
    with reader_of(settings) as engine, Desk(engine, database_file(settings.database_url), file) as desk:
        _hold(desk)
        desk.begin()
        yield Patient(desk)


def _hold(desk: Desk) -> None:
    """Take the right to the copy; another command gives it back in a moment."""
    until = time.monotonic() + HELD_S
    while True:
        try:
            return desk.hold()
        except CopyHeld as held:
            if time.monotonic() > until:
                why = f"{held}; a server that works out figures inside itself is asked at /api/closure"
                raise CopyHeld(why) from held
            time.sleep(LOOK_S)
