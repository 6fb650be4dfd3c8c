"""Engines for the store: one that reads with many connections, one that writes with a single one."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from gridgov.storage.errors import StoreHeld

#: A reader of the WAL may wait this long for a checkpoint; writers never wait for each other, there is one.
_BUSY_MS = 10_000


def database_file(url: str) -> Path:
    """The file of a SQLite store; raises ValueError for any other kind, which later versions will take."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ValueError(f"the store {url!r} is not a SQLite file; expected sqlite:///path/to/file.db")
    return Path(parsed.database)


def open_engine(url: str, *, writes: bool = False, readers: int = 16) -> Engine:
    """An engine over the store. With ``writes`` it has one connection whose transactions begin by locking.

    Commits are durable (synchronous=FULL): once grouped, that costs nothing measurable.
    """
    engine = create_engine(
        url,
        pool_size=1 if writes else readers,
        max_overflow=0,
        connect_args={"check_same_thread": False},
        # An error's text goes to the log, and bound values are what citizens wrote.
        hide_parameters=True,
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        if not writes:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _began(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


class WriterLock:
    """The right to write to a store, held by one process at a time through a lock file beside the database.

    The holder may leave its address there, so that the command line can send its work through it. The file is
    readable by its owner alone: whoever may read it may read the database as well.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    def acquire(self) -> Self:
        """Take the lock or raise StoreHeld, which carries what the holder says of itself."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # One that was there before may be open to others, and the operator's token will stand in it.
            os.fchmod(handle, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            holder = self.holder()
            raise StoreHeld(
                f"the store is being written by process {holder.get('pid', 'unknown')}"
                " (stop it, or let the command go through its server)",
                **holder,
            ) from None
        self._file = handle
        self.describe()
        return self

    def describe(self, **about: Any) -> None:
        """Say who holds the lock: the process, and for a server its address and the operator's token."""
        assert self._file is not None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), **about}).encode(), 0)

    def holder(self) -> dict[str, Any]:
        """What the present holder says of itself; empty if it says nothing."""
        text = self.path.read_text() if self.path.exists() else ""
        return dict(json.loads(text)) if text else {}

    def release(self) -> None:
        """Give the lock back; the file stays, empty."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection whose reads all see the store at one moment."""
    with engine.connect() as connection, connection.begin():
        yield connection
