"""What a server does beside answering: a thread that looks after something when woken, and every so often."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gridgov.errors import ServiceError
from gridgov.storage.errors import StorageError

log = structlog.get_logger(__name__)


class Tending(ABC):
    """A thread that calls :meth:`tend` when it is woken, and at the latest after ``every_s`` seconds.

    A store that is busy or out of order for a while is logged, and so is a fault; the next look goes on:
    nobody would see that a thread had ended.
    """

    def __init__(self, name: str, every_s: float) -> None:
        self._name, self._every_s = name, every_s
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin, with what an earlier process left undone; once begun, it goes on."""
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the part under way; the rest is for the next start."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """There is something to do: look now."""
        self._wake.set()

    @abstractmethod
    def tend(self, woken: bool) -> None:
        """Look, and do what is to be done; ``woken`` is False where only time has passed."""

    def failed(self) -> None:  # noqa: B027 - there need be nothing to remember
        """It could not be done: called before the next look."""

    def _work(self) -> None:
        while not self._stopped.is_set():
            woken = self._wake.wait(self._every_s)
            self._wake.clear()
            try:
                self.tend(woken)
            except (ServiceError, StorageError, SQLAlchemyError) as why:
                self.failed()
                log.warning("work beside the requests waits", work=self._name, why=str(why))
            except Exception:
                self.failed()
                log.exception("work beside the requests has a fault", work=self._name)
