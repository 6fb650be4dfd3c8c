"""Figures asked of the copy in this very process: opened or made, kept up with the ledger, and asked."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import structlog
from sqlalchemy import Connection, Engine

from gridgov.city import load_in_force
from gridgov.in_force import InForce
from gridgov.rows import iso
from gridgov.statistics import parquet
from gridgov.statistics.answering import answer
from gridgov.statistics.building import Progress
from gridgov.statistics.carrying import Carrier
from gridgov.statistics.copy import Copy
from gridgov.statistics.drawings import Drawings
from gridgov.statistics.errors import CopyHeld, CopyUnusable, NotCarriedYet, NotReadyYet
from gridgov.statistics.following import Follower
from gridgov.statistics.making import SMALL, discard, hold, opened
from gridgov.statistics.matrix import matrix
from gridgov.statistics.opening import opened as opened_into
from gridgov.statistics.question import Opening, Question
from gridgov.statistics.turns import Turns
from gridgov.storage.engine import WriterLock, snapshot
from gridgov.storage.errors import NoRulesYet
from gridgov.storage.ledger import MAIN, read_head

#: Seconds that one piece of catching up with the ledger takes at most, and that a question waits at most
#: until the copy has come to where the ledger ended when it was asked.
CATCH_UP_S: Final = 0.3
EVEN_S: Final = 1.0
#: Seconds that a question waits for a copy to be opened.
WAIT_S: Final = 2.0
#: Entries behind which it is said that the copy catches up.
BEHIND: Final = 2000
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

    def hold(self, **about: Any) -> None:
        """Take the right to the copy's file; raises CopyHeld."""
        if self._lock is None:
            self._lock = hold(self.file)
        self._lock.describe(**about)

    def start(self, progress: Progress | None = None, **about: Any) -> None:
        """Open or make the copy here and now, which may take minutes. Raises CopyHeld, CopyUnusable."""
        with self._opening:
            if self._open is not None:
                return
            self.hold(**about)
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
        self._turns.cut()
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
                self._written(self._open.copy)
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
            while ready is self._open and ready.follower.step():
                if time.monotonic() >= until:
                    return False
            return True
        finally:
            self._stepping.release()

    def _come_to_the_end(self, ready: _Open) -> None:
        """Of the ledger as it is now; it may go on meanwhile. Where that takes long, not quite."""
        with snapshot(self._engine) as connection:
            end = read_head(connection, self._stream).position
        until = time.monotonic() + EVEN_S
        while ready.copy.known().position < end and (left := until - time.monotonic()) > 0:
            self.catch_up(min(CATCH_UP_S, left))

    def write_snapshot(self) -> int:
        """Write a snapshot now; returns the position it is of."""
        with self._turns.one():
            return self._written(self._ready().copy)

    def _written(self, copy: Copy) -> int:
        position = parquet.write(copy).position
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
            if ready is not self._open or ready.follower.past():
                return True
            at, when = self._snapshot
            much = ready.copy.known().position - at
        if time.monotonic() - when >= SNAPSHOT_S and much > SMALL:
            self.write_snapshot()
        return False

    def rebuild(self) -> None:
        """Make the copy anew from the store's rows, and not from a snapshot; `status` says how far it is."""
        self._remake(parquet.snapshot_of(self.file))
        self.begin()

    def _remake(self, besides: Path | None = None) -> None:
        """Do away with the copy, so that it is made from what there is else."""
        with self._opening, self._turns.all(), self._stepping:
            if self._open is not None:
                self._open.copy.close()
                self._open = None
                discard(self.file)
            if besides is not None:
                shutil.rmtree(besides, ignore_errors=True)

    # -- asking

    def work(self, run: Work) -> Mapping[str, Any]:
        """What ``run`` makes of the copy, the rules in force and the drawings, all as they stand now. Raises
        NotReadyYet, FiguresBusy, TookTooLong, CopyHeld, NoRulesYet.
        """
        with self._turns.one():
            ready = self._ready()
            self._come_to_the_end(ready)
            try:
                return self._worked(ready, run)
            except _BROKEN as why:
                ready.broken = why
                log.warning("the copy for figures cannot be asked", why=str(why))
                raise NotReadyYet() from why

    def ask(self, question: Question) -> Mapping[str, Any]:
        """See Statistics.ask."""
        return _plain(self.work(lambda db, rules, drawn: answer(db, rules, drawn, question)))

    def open(self, opening: Opening) -> Mapping[str, Any]:
        """See Statistics.open."""
        return _plain(self.work(lambda db, rules, drawn: opened_into(db, rules, drawn, opening)))

    def returns(self, question: Question) -> Mapping[str, Any]:
        """See Statistics.returns."""
        return _plain(self.work(lambda db, rules, drawn: matrix(db, rules, drawn, question)))

    def _worked(self, ready: _Open, run: Work) -> Mapping[str, Any]:
        while True:
            try:
                with ready.copy.asking() as db, snapshot(self._engine) as connection, self._turns.limited(db):
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
            while self._found() is None and time.monotonic() < until and self._why is None:
                self._stopped.wait(0.005)
        found = self._found()
        if found is not None:
            return found
        if self._why is not None:
            raise self._why
        raise self._not_ready()

    def _found(self) -> _Open | None:
        """What the worker has opened by now."""
        return self._open

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


def _plain(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same with its moments as text, as from another process; they stand in it or one below."""

    def told(value: Any) -> Any:
        return iso(value) if isinstance(value, datetime) else value

    return {
        key: {one: told(under) for one, under in value.items()} if isinstance(value, dict) else told(value)
        for key, value in answer.items()
    }
