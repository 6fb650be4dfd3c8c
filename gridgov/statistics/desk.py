"""Figures asked of the copy in this very process: it is opened or made, kept up with the ledger, and asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import structlog
from sqlalchemy import Connection, Engine

from gridgov.city import load_in_force
from gridgov.errors import FiguresBusy
from gridgov.in_force import InForce
from gridgov.statistics import parquet
from gridgov.statistics.building import Progress
from gridgov.statistics.carrying import Carrier
from gridgov.statistics.copy import Copy
from gridgov.statistics.drawings import Drawings
from gridgov.statistics.errors import CopyHeld, CopyUnusable, NotCarriedYet, NotReadyYet, TookTooLong
from gridgov.statistics.following import Follower
from gridgov.statistics.making import SMALL, discard, hold, opened
from gridgov.storage.engine import WriterLock, snapshot
from gridgov.storage.errors import NoRulesYet
from gridgov.storage.ledger import MAIN, read_head

#: Seconds that a question waits at most for the copy to catch up with the ledger, and that it may take itself.
CATCH_UP_S: Final = 0.3
LIMIT_S: Final = 60.0
#: Seconds that a question waits for a copy to be opened.
WAIT_S: Final = 2.0
#: Entries behind which it is said that the copy catches up.
BEHIND: Final = 2000
#: Questions worked on at a time: each takes all cores it gets; and how many may wait for their turn.
AT_A_TIME: Final = 2
WAITING: Final = 16
#: Seconds between two looks at the ledger, and after a fault, ever longer, at most.
LOOK_S: Final = 0.1
AGAIN_S: Final = 30.0
#: Seconds between two snapshots.
SNAPSHOT_S: Final = 24 * 3600.0
#: Entries of the ledger after which a snapshot is worth writing when the copy is closed.
MUCH: Final = 50_000
#: What DuckDB raises where its file cannot be relied upon any more.
_BROKEN: Final = (
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.IOException,
    duckdb.SerializationException,
)

Work = Callable[[duckdb.DuckDBPyConnection, InForce, Drawings], Mapping[str, Any]]

log = structlog.get_logger(__name__)


class _Stopped(Exception):
    """Whoever waited for the copy was told to stop."""


class _Open:
    """What there is while the copy is open."""

    def __init__(self, engine: Engine, copy: Copy, stream: str) -> None:
        self.copy = copy
        self.carrier = Carrier(engine, copy)
        self.follower = Follower(engine, copy, stream)
        self.broken: Exception | None = None


class Desk:
    """Answers questions; see `gridgov.statistics.question.Statistics`.

    ``store`` is the SQLite file that ``engine`` reads, ``file`` that of the copy. Nothing is opened before
    `begin`, `start` or the first question. A thread makes the copy, follows the ledger with it and reads the
    past; whoever asks before it is made is told NotReadyYet.
    """

    def __init__(self, engine: Engine, store: Path, file: Path, stream: str = MAIN) -> None:
        self._engine, self._store, self.file, self._stream = engine, store, file, stream
        self._open: _Open | None = None
        self._lock: WriterLock | None = None
        self._opening, self._stepping = threading.Lock(), threading.Lock()
        self._turns = Turns()
        self._rules: tuple[Any, InForce] | None = None
        self._making: tuple[float, int, int] | None = None
        self._progress: Progress | None = None
        self._worker: threading.Thread | None = None
        self._why: Exception | None = None
        self._stopped = threading.Event()
        self._snapshot = (0, 0.0)

    # -- opening and closing

    def begin(self, **about: Any) -> None:
        """Start, and go on following, in a thread; ``about`` is left in the copy's lock file."""
        with self._opening:
            if self._worker is None or not self._worker.is_alive():
                self._why = None
                self._worker = threading.Thread(
                    target=self._work, args=(about,), name="statistics", daemon=True
                )
                self._worker.start()

    def start(self, progress: Progress | None = None, **about: Any) -> None:
        """Open or make the copy here and now, which may take minutes. Raises CopyHeld, CopyUnusable."""
        with self._opening:
            if self._open is not None:
                return
            if self._lock is None:
                self._lock = hold(self.file)
            self._lock.describe(**about)
            self._making, self._progress = (time.monotonic(), 0, 0), progress
            try:
                copy = opened(self._engine, self._store, self.file, self._stream, self._told)
                self._open = _Open(self._engine, copy, self._stream)
            finally:
                self._making = None
            said = parquet.about(parquet.snapshot_of(self.file)) or {}
            self._snapshot = (int(said.get("position", 0)), time.monotonic() if said else -SNAPSHOT_S)

    def close(self) -> None:
        """Let go of the copy; a snapshot is written where much is new. It can be started again."""
        self._stopped.set()
        worker = self._worker
        if worker is not None:
            worker.join()
        with self._opening, self._turns.all():
            self._let_go()
            if self._lock is not None:
                self._lock.release()
            self._lock = self._worker = None
            self._stopped.clear()

    def _let_go(self) -> None:
        if self._open is None:
            return
        try:
            if self._open.copy.known().position - self._snapshot[0] > MUCH:
                self.write_snapshot()
        except (duckdb.Error, CopyUnusable, OSError) as why:
            log.warning("no snapshot of the copy for figures was written", why=str(why))
        self._open.copy.close()
        self._open = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _told(self, done: int, of: int) -> None:
        if self._stopped.is_set():
            raise _Stopped
        began = self._making[0] if self._making else time.monotonic()
        self._making = (began, done, of)
        if self._progress is not None:
            self._progress(done, of)

    # -- keeping up

    def catch_up(self, budget_s: float) -> bool:
        """Take up what is new in the ledger, for about so long; is the copy even with it now?"""
        ready, until = self._ready(), time.monotonic() + budget_s
        if not self._stepping.acquire(timeout=max(budget_s, 0)):
            return False
        try:
            while ready.follower.step():
                if time.monotonic() >= until:
                    return False
            return True
        finally:
            self._stepping.release()

    def write_snapshot(self) -> int:
        """Write a snapshot now; returns the position it is of."""
        position = parquet.write(self._ready().copy).position
        self._snapshot = (position, time.monotonic())
        return position

    def _work(self, about: Mapping[str, Any]) -> None:
        wait_s = LOOK_S
        while not self._stopped.is_set():
            try:
                self.start(**about)
                wait_s = 0.0 if self._tend() else LOOK_S
            except _Stopped:
                return
            except CopyHeld as why:
                self._why = why
                return
            except (*_BROKEN, CopyUnusable) as why:
                log.warning("the copy for figures is made again", why=str(why))
                self._why, wait_s = why, min(max(1.0, wait_s * 2), AGAIN_S)
                self._remake()
            except Exception:
                log.exception("the copy for figures cannot follow")
                wait_s = min(max(1.0, wait_s * 2), AGAIN_S)
            self._stopped.wait(wait_s)

    def _tend(self) -> bool:
        """Do one piece of what is to be done; False where there is nothing."""
        if not self.catch_up(CATCH_UP_S):
            return True
        ready = self._ready()
        if ready.broken is not None:
            raise ready.broken
        with self._stepping:
            if ready.follower.past():
                return True
        at, when = self._snapshot
        if time.monotonic() - when >= SNAPSHOT_S and ready.copy.known().position - at > SMALL:
            self.write_snapshot()
        return False

    def _remake(self) -> None:
        """Do away with the copy, whose file cannot be relied upon, so that it is made from what there is else."""
        with self._opening, self._turns.all():
            if self._open is None:
                return
            self._open.copy.close()
            self._open = None
            discard(self.file)

    # -- asking

    def work(self, run: Work) -> Mapping[str, Any]:
        """What ``run`` makes of the copy, the rules in force and the drawings, all as they stand now. Raises
        NotReadyYet, FiguresBusy, TookTooLong, CopyHeld, NoRulesYet.
        """
        with self._turns.one():
            ready = self._ready()
            self.catch_up(CATCH_UP_S)
            try:
                return self._worked(ready, run)
            except _BROKEN as why:
                ready.broken = why
                log.warning("the copy for figures cannot be asked", why=str(why))
                raise NotReadyYet() from why

    def _worked(self, ready: _Open, run: Work) -> Mapping[str, Any]:
        while True:
            try:
                with ready.copy.asking() as db, snapshot(self._engine) as connection, _limited(db):
                    # The copy's moment is that of its first look.
                    db.execute("SELECT 1 FROM meta")
                    drawings = Drawings(connection, ready.carrier.column_of, self._stream)
                    return run(db, self._in_force(connection), drawings)
            except NotCarriedYet as missing:
                ready.carrier.ensure(missing.about["edition"])

    def _in_force(self, connection: Connection) -> InForce:
        head = read_head(connection, self._stream)
        key = (head.epoch, head.rules, head.edition, head.specialised)
        known = self._rules
        if known is not None and known[0] == key:
            return known[1]
        found = load_in_force(connection, head)
        if found is None:
            raise NoRulesYet()
        self._rules = (key, found)
        return found

    def _ready(self) -> _Open:
        """What is open; raises NotReadyYet while it is being made, CopyHeld where another process has it."""
        if self._open is None:
            self.begin()
            until = time.monotonic() + WAIT_S
            while self._open is None and time.monotonic() < until and self._why is None:
                self._stopped.wait(0.005)
        if self._open is not None:
            return self._open
        if self._why is not None:
            raise self._why
        raise self._not_ready()

    def _not_ready(self) -> NotReadyYet:
        began, done, of = self._making or (time.monotonic(), 0, 0)
        if not done:
            return NotReadyYet(done=done, of=of, seconds_left=None)
        left = round((time.monotonic() - began) / done * (of - done))
        told = f"figures are being made ready: {done:,} of {of:,} incidents, some {left} s to go"
        return NotReadyYet(told, done=done, of=of, seconds_left=left)

    def status(self) -> Mapping[str, Any]:
        """See Statistics.status."""
        ready = self._open
        _, done, of = self._making or (0.0, 0, 0)
        if ready is None:
            return {"state": "building", "done": done, "of": of, "position": None, "behind": None}
        with snapshot(self._engine) as connection:
            head = read_head(connection, self._stream)
        known = ready.copy.known()
        with ready.copy.asking() as db:
            (incidents,) = db.execute(
                "SELECT (SELECT count(*) FROM standing) + (SELECT count(*) FROM ended)"
            ).fetchone() or (0,)
        behind = head.position - known.position
        return {
            "state": "catching_up" if behind > BEHIND else "ready",
            "done": known.position,
            "of": head.position,
            "position": known.position,
            "behind": behind,
            "history_done": known.history_upto,
            "history_of": known.built_at,
            "incidents": incidents,
            "file_bytes": self.file.stat().st_size,
            "snapshot_at": self._snapshot[0],
        }


@contextmanager
def _limited(db: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Give up what takes longer than it may."""
    timer = threading.Timer(LIMIT_S, db.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException as why:
        raise TookTooLong() from why
    finally:
        timer.cancel()


class Turns:
    """So many at a time, and so many that wait for their turn."""

    def __init__(self, at_a_time: int = AT_A_TIME, waiting: int = WAITING) -> None:
        self._free = threading.Semaphore(at_a_time)
        self._many, self._may_wait, self._waiting = at_a_time, waiting, 0
        self._counting = threading.Lock()

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
