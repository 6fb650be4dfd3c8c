"""Questions take turns: each takes all cores it gets, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

from gridgov.errors import FiguresBusy
from gridgov.statistics.errors import TookTooLong

#: Questions worked on at a time; how many may wait for their turn; and seconds that each may wait, and take.
AT_A_TIME: Final = 2
WAITING: Final = 16
LIMIT_S: Final = 60.0


class Turns:
    """So many at a time, and so many that wait for their turn."""

    def __init__(self, at_a_time: int = AT_A_TIME, waiting: int = WAITING) -> None:
        self._free = threading.Semaphore(at_a_time)
        self._many, self._may_wait, self._waiting = at_a_time, waiting, 0
        self._counting = threading.Lock()
        self._running: set[duckdb.DuckDBPyConnection] = set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """A turn. Raises FiguresBusy where too many wait already, or it does not come."""
        if not self._free.acquire(blocking=False):
            self._wait()
        try:
            yield
        finally:
            self._free.release()

    def _wait(self) -> None:
        with self._counting:
            if self._waiting >= self._may_wait:
                raise FiguresBusy()
            self._waiting += 1
        try:
            if not self._free.acquire(timeout=LIMIT_S):
                raise FiguresBusy()
        finally:
            with self._counting:
                self._waiting -= 1

    @contextmanager
    def all(self) -> Iterator[None]:
        """All turns at once; for one thread at a time."""
        for _ in range(self._many):
            self._free.acquire()
        try:
            yield
        finally:
            self._free.release(self._many)

    @contextmanager
    def limited(self, db: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Give up what is asked of a connection where it takes longer than it may. Raises TookTooLong."""
        timer = threading.Timer(LIMIT_S, db.interrupt)
        timer.daemon = True
        with self._counting:
            self._running.add(db)
        timer.start()
        try:
            yield
        except duckdb.InterruptException as why:
            raise TookTooLong() from why
        finally:
            timer.cancel()
            with self._counting:
                self._running.discard(db)

    def cut(self) -> None:
        """Give up all that is under way."""
        with self._counting:
            for db in self._running:
                db.interrupt()
