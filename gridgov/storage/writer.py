"""The one write path: commands queue, a thread takes what is there, decides one after another, commits once,
then answers.

Group commit is what makes durable writes cheap: no delay is added, a batch is whatever queued while the last
one was committed. A refused command fails alone; a command that breaks the batch is found by trying each of
its commands by itself.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from dispatch.entries import to_micros
from gridgov.in_force import InForce
from gridgov.storage.batch import Batch, Command
from gridgov.storage.desk import NobodyOnDuty, ReadsDuty
from gridgov.storage.errors import NoRulesYet, StorageError, StoreBusy, StoreFailed
from gridgov.storage.ledger import Committed, Head, lock_head

#: At most so many commands share a commit: beyond it latency grows and throughput does not (measured: 256 of
#: 1024).
BATCH = 256
#: So many commands may wait: at the slowest rate worth keeping (1,000/s) that is ten seconds.
QUEUE = 10_000
#: After an edition could not be put in force, it is tried again so much later.
SWITCH_AGAIN = timedelta(minutes=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Anything else that writes: sessions, people, rules, grids. Runs alone in its own transaction."""

    run: Callable[[Connection, datetime], Any]


@dataclass(slots=True)
class _Item:
    work: Command | Chore
    done: Future[Any] | asyncio.Future[Any]


class Writer:
    """Writes to one store; one thread, one connection.

    ``load`` gives the rules and grids in force, asked again only when the head row says that they changed;
    ``on_commit`` is called on the writer's thread with what a transaction added, after it is durable and
    before anybody is answered. ``switch`` is asked first in each transaction: it puts an edition of the grids
    in force whose date has come, and says whether it did; ``on_switch`` is called on the writer's thread
    after a transaction in which the edition changed. ``duty`` reads who is on duty in a transaction.
    """

    def __init__(
        self,
        engine: Engine,
        stream: str,
        clock: Callable[[], datetime],
        load: Callable[[Connection, Head], InForce | None],
        on_commit: Callable[[Sequence[Committed]], None],
        switch: Callable[[Connection, Head, datetime], bool] = lambda *_: False,
        on_switch: Callable[[], None] = lambda: None,
        duty: ReadsDuty = NobodyOnDuty,
    ) -> None:
        self._engine, self._stream, self._clock = engine, stream, clock
        self._load, self._on_commit = load, on_commit
        self._switch, self._on_switch, self._duty = switch, on_switch, duty
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._in_force: InForce | None = None
        self._versions: tuple[int | None, int | None, int | None] | None = None
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._stopped = False
        self._no_switch_before: datetime | None = None
        self._gate = threading.Lock()

    def start(self) -> None:
        """Load what is in force and begin to take commands."""
        with self._engine.begin() as connection:
            self._refresh(connection, lock_head(connection, self._stream))
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued and stop; later commands are refused with StoreBusy."""
        with self._gate:
            if self._stopped:
                return
            self._stopped = True
        self._queue.put(None)
        self._thread.join()

    @property
    def in_force(self) -> InForce:
        """The rules and grids of the last commit; raises NoRulesYet."""
        if self._in_force is None:
            raise NoRulesYet()
        return self._in_force

    @property
    def alive(self) -> bool:
        """Is the thread at work that takes commands?"""
        return self._thread.is_alive() and not self._stopped

    @property
    def waiting(self) -> int:
        """How many commands are queued, about."""
        return self._queue.qsize()

    def submit(self, work: Command | Chore) -> Future[Any]:
        """Queue work from any thread; the future holds a Receipt, a chore's result, or what refused it.

        Raises StoreBusy where the queue is full or the writer is stopping: nothing is ever dropped in
        silence.
        """
        done: Future[Any] = Future()
        self._put(_Item(work, done))
        return done

    def run(self, work: Command | Chore) -> Any:
        """Queue work and wait for its outcome."""
        return self.submit(work).result()

    async def act(self, work: Command | Chore) -> Any:
        """Queue work and await its outcome without holding a thread; one wake-up of the loop for a whole
        batch.
        """
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(_Item(work, done))
        return await done

    def _put(self, item: _Item) -> None:
        # The gate: nothing may come to lie behind the mark that ends the queue, where nobody would answer it.
        with self._gate:
            if self._stopped:
                raise StoreBusy("the server is stopping; send it again in a few seconds")
            if self._queue.qsize() >= QUEUE:
                raise StoreBusy()
            self._queue.put(item)

    def _work(self) -> None:
        stopping = False
        while not stopping:
            first = self._queue.get()
            if first is None:
                return
            items = [first]
            while len(items) < BATCH and not self._queue.empty():
                item = self._queue.get_nowait()
                if item is None:
                    stopping = True
                    break
                items.append(item)
            for run in _runs(items):
                self._settle(run)

    def _settle(self, items: list[_Item]) -> None:
        """Do a run of commands, or one chore, and answer everybody who waits for it."""
        work = items[0].work
        if isinstance(work, Chore):
            outcomes: list[Any] = [self._chore(work)]
        else:
            outcomes = self._commit([item.work for item in items if isinstance(item.work, Command)])
        _answer(items, outcomes)

    def _chore(self, chore: Chore) -> Any:
        try:
            before = self._edition
            with self._begun() as connection:
                now = self._clock()
                self._switched(connection, lock_head(connection, self._stream), now)
                result = chore.run(connection, now)
                self._refresh(connection, lock_head(connection, self._stream))
            if self._edition != before:
                self._on_switch()
            return result
        except DBAPIError as error:
            return _failed(error)
        except Exception as error:
            return error

    def _commit(self, commands: list[Command]) -> list[Any]:
        """Receipts or errors, in order. Where the batch as a whole cannot be written, each command is tried
        by itself.
        """
        before = self._edition
        try:
            outcomes, committed = self._transaction(commands)
        except DBAPIError as error:
            if len(commands) > 1:
                return [outcome for command in commands for outcome in self._commit([command])]
            return [_failed(error)]
        except StorageError as error:
            return [error] * len(commands)
        except Exception as error:
            log.exception("batch failed", commands=len(commands))
            if len(commands) > 1:
                return [outcome for command in commands for outcome in self._commit([command])]
            return [error]
        if self._edition != before:
            self._on_switch()
        if committed:
            self._tell(committed)
        return outcomes

    def _tell(self, committed: list[Committed]) -> None:
        """Tell the readers. What was committed is answered for, whatever becomes of a reader: its fault is
        logged, and it finds the entries in the ledger.
        """
        try:
            self._on_commit(committed)
        except Exception:
            log.exception("a reader of commits failed", position=committed[-1].position)

    def _transaction(self, commands: list[Command]) -> tuple[list[Any], list[Committed]]:
        with self._begun() as connection:
            now = self._clock()
            head = self._switched(connection, lock_head(connection, self._stream), now)
            self._refresh(connection, head)
            batch = Batch(connection, head, self.in_force, now, self._duty(connection, head.stream, now))
            batch.prepare(commands)
            outcomes: list[Any] = []
            for command in commands:
                try:
                    outcomes.append(batch.decide(command))
                except Exception as refusal:
                    # Answered to the one who asked; what is not a refusal but a fault is logged at the door.
                    outcomes.append(refusal)
            batch.write()
        return outcomes, batch.committed

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        """A transaction. Where it fails, what it put in force is not: else nobody would be told of the switch
        that is made again in the next one.
        """
        before = self._in_force, self._versions
        try:
            with self._engine.begin() as connection:
                yield connection
        except BaseException:
            self._in_force, self._versions = before
            raise

    @property
    def _edition(self) -> int | None:
        return None if self._in_force is None else self._in_force.atlas.edition

    def _switched(self, connection: Connection, head: Head, now: datetime) -> Head:
        """Where the stream ends, after an edition whose date has come was put in force.

        An edition that cannot be is logged and tried again later: reports go on in the one before, and it can
        still be withdrawn.
        """
        due = head.switch_at is not None and head.switch_at <= to_micros(now)
        if not due or (self._no_switch_before is not None and now < self._no_switch_before):
            return head
        self._no_switch_before = None
        try:
            with connection.begin_nested():
                switched = self._switch(connection, head, now)
        except DBAPIError:
            raise
        except Exception:
            log.exception("an edition could not be put in force", edition=head.next_edition)
            self._no_switch_before = now + SWITCH_AGAIN
            return head
        return lock_head(connection, self._stream) if switched else head

    def _refresh(self, connection: Connection, head: Head) -> None:
        versions = (head.rules, head.edition, head.specialised)
        if versions != self._versions:
            self._in_force = self._load(connection, head)
            self._versions = versions


def _runs(items: Sequence[_Item]) -> list[list[_Item]]:
    """Neighbouring commands together, each chore alone, the order kept."""
    runs: list[list[_Item]] = []
    for item in items:
        if isinstance(item.work, Command) and runs and isinstance(runs[-1][0].work, Command):
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


def _failed(error: DBAPIError) -> StoreFailed:
    log.error("store failed", error=str(error.orig))
    return StoreFailed(cause=type(error.orig).__name__)


def _answer(items: Sequence[_Item], outcomes: Sequence[Any]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(item.done, Future):
            _set(item.done, outcome)
        else:
            loops.setdefault(item.done.get_loop(), []).append((item.done, outcome))
    for loop, answers in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set_all, answers)


def _set_all(answers: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for done, outcome in answers:
        _set(done, outcome)


def _set(done: Future[Any] | asyncio.Future[Any], outcome: Any) -> None:
    if done.cancelled():
        return
    if isinstance(outcome, BaseException):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
