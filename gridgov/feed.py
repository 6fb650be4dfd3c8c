"""The feed: the ledger read from a position, live, by everybody who may see it; no second bus, no HTTP here.

A reader subscribes first, then reads where the ledger ends, is replayed what it missed, and goes on with what
was buffered meanwhile: no gap, no repeat. Who sees an entry is looked up by grid path, department and person,
so that an entry costs what its readers cost, however many others there are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Final

from sqlalchemy import Engine

from dispatch.incidents import Incident
from gridgov.errors import ServiceError
from gridgov.frames import Change, Cursor, Frames, cursor, heartbeat, hello, message, seen_through
from gridgov.scope import Scope, seen_of
from gridgov.storage import ledger
from gridgov.storage.ledger import Committed, Head

#: Entries of a replay read at a time: some ten milliseconds of a thread's work.
CHUNK: Final = 200
#: Frames in one message at most: some 100 kB, where many websocket clients refuse more than 1 MB.
MESSAGE: Final = 50
#: Threads that read for replays: a storm of reconnecting desks must leave the store's other readers alone.
REPLAY_THREADS: Final = 2
#: Seconds after which an assignment that began or ended by the clock, or a session that ran out, is noticed
#: at the latest. What this process changes is noticed at once.
LOOK_S: Final = 10.0
#: Readers are looked at in so many parts: a thousand at once would ask the store a thousand questions.
LOOK_PARTS: Final = 50


class FeedEnded(ServiceError):
    """The feed ends for this reader; ``code`` is the websocket's close code."""

    code: ClassVar[int]


class SignedOut(FeedEnded):
    """The session has ended: sign in again."""

    code = 4401


class TooSlow(FeedEnded):
    """More frames wait than a reader may leave waiting: connect again with the last cursor."""

    code = 4408


class Resync(FeedEnded):
    """What the cursor belongs to is gone: read the list again and go on from its cursor."""

    code = 4409

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


class OneWay(FeedEnded):
    """The feed takes no messages: what people do goes to the API."""

    code = 1003


class Reader:
    """One who follows: a scope and the frames that wait for it, at most ``capacity``.

    ``ended`` is set once, with why; what waits is dropped then, because the cursor brings it back.
    """

    def __init__(self, scope: Scope, capacity: int, part: int = 0) -> None:
        self.scope, self.digest, self.part = scope, scope.digest, part % LOOK_PARTS
        self.wake = asyncio.Event()
        self.ended: asyncio.Future[FeedEnded] = asyncio.get_running_loop().create_future()
        self.look_due = self.beat_due = False
        self._capacity = capacity
        self._waiting: deque[tuple[int, str]] = deque()

    def offer(self, position: int, frame: str) -> None:
        """Let a frame wait; a reader for whom too many wait already is ended."""
        if len(self._waiting) >= self._capacity:
            self.end(TooSlow(waiting=len(self._waiting)))
        elif not self.ended.done():
            self._waiting.append((position, frame))

    def take(self) -> list[tuple[int, str]]:
        """All that waits, in order of position."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def end(self, why: FeedEnded) -> None:
        """No more for this reader; only the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(why)
        self._waiting.clear()


Key = tuple[str, tuple[str, ...] | str, str | None]


class Index:
    """Who may see an incident, found by the grids above it, the departments that have a part in it, and the
    people who see it whatever they are.
    """

    def __init__(self) -> None:
        self._by: dict[Key, set[Reader]] = {}

    def add(self, reader: Reader) -> None:
        """From now on this reader is found."""
        for key in _keys(reader.scope):
            self._by.setdefault(key, set()).add(reader)

    def remove(self, reader: Reader) -> None:
        """From now on it is not, and leaves nothing behind."""
        for key in _keys(reader.scope):
            found = self._by.get(key, set())
            found.discard(reader)
            if not found:
                self._by.pop(key, None)

    def seeing(self, incident: Incident | None) -> set[Reader]:
        """The readers who see the incident: what ``Scope.sees`` says, without asking each of them."""
        if incident is None:
            return set()
        seen = seen_of(incident)
        path, found = seen.path, set[Reader]()
        for person in seen.people:
            found |= self._by.get(("person", person, None), set())
        for department in (None, *seen.departments):
            if not path:
                found |= self._by.get(("tray", "", department), set())
                continue
            for depth in range(len(path) + 1):
                found |= self._by.get(("grid", path[:depth], department), set())
        return found

    def __len__(self) -> int:
        return len(self._by)


def _keys(scope: Scope) -> set[Key]:
    keys: set[Key] = {("person", scope.person, None)}
    for claim in scope.claims:
        keys.add(("grid", claim.path, claim.department))
        if claim.tray:
            keys.add(("tray", "", claim.department))
    return keys


class Hub:
    """Hands what is committed to the readers who may see it; lives on one loop, is told from any thread.

    Frames are gathered for ``coalesce_s``: the first after a quiet while goes out at once, the next together.
    """

    def __init__(self, queue: int, coalesce_s: float, heartbeat_s: float) -> None:
        self.heartbeat_s = heartbeat_s
        self.position = 0
        self._queue, self._coalesce_s = queue, coalesce_s
        self._index = Index()
        self._readers: set[Reader] = set()
        self._dirty: set[Reader] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._flushed_at = float("-inf")
        self._subscribed = self._looked = 0

    def start(self) -> None:
        """Begin, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._every("beat", self.heartbeat_s, self._beat)
        self._every("look", LOOK_S / LOOK_PARTS, self._look_at_some)

    def stop(self) -> None:
        """Tell nobody any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._loop = None

    @property
    def readers(self) -> int:
        """How many follow at this moment."""
        return len(self._readers)

    def publish(self, batch: Sequence[Committed]) -> None:
        """Tell what a transaction added, in order; from any thread, never waits."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._deliver, batch)

    def scope_changed(self, person: str) -> None:
        """This person's assignments or sessions are not what they were: look again before the next frame.

        From any thread.
        """
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._look, lambda reader: reader.scope.person == person)

    def subscribe(self, scope: Scope) -> Reader:
        """From this moment frames wait for a new reader."""
        self._subscribed += 1
        reader = Reader(scope, self._queue, self._subscribed)
        self._readers.add(reader)
        self._index.add(reader)
        return reader

    def unsubscribe(self, reader: Reader) -> None:
        """No more frames for this reader."""
        self._index.remove(reader)
        self._readers.discard(reader)
        self._dirty.discard(reader)

    def _deliver(self, batch: Sequence[Committed]) -> None:
        for told in batch:
            if self._readers:
                self._offer(told)
            self.position = max(self.position, told.position)
        if self._dirty and "flush" not in self._timers and self._loop is not None:
            wait = self._flushed_at + self._coalesce_s - self._loop.time()
            self._timers["flush"] = self._loop.call_later(max(wait, 0.0), self._flush)

    def _offer(self, told: Committed) -> None:
        frames = Frames(told)
        before, after = self._index.seeing(told.before), self._index.seeing(told.after)
        for meaning, readers in (
            (Change.CHANGED, before & after),
            (Change.ENTERED, after - before),
            (Change.LEFT, before - after),
        ):
            for reader in readers:
                reader.offer(told.position, frames.text(meaning))
            self._dirty |= readers

    def _flush(self) -> None:
        self._timers.pop("flush", None)
        if self._loop is not None:
            self._flushed_at = self._loop.time()
        dirty, self._dirty = self._dirty, set()
        for reader in dirty:
            reader.wake.set()

    def _every(self, name: str, seconds: float, do: Callable[[], None]) -> None:
        def again() -> None:
            do()
            self._every(name, seconds, do)

        if self._loop is not None:
            self._timers[name] = self._loop.call_later(seconds, again)

    def _beat(self) -> None:
        for reader in self._readers:
            reader.beat_due = True
            reader.wake.set()

    def _look_at_some(self) -> None:
        self._looked = (self._looked + 1) % LOOK_PARTS
        self._look(lambda reader: reader.part == self._looked)

    def _look(self, whom: Callable[[Reader], bool]) -> None:
        for reader in self._readers:
            if whom(reader):
                reader.look_due = True
                reader.wake.set()


#: What somebody may see at this moment; None where their session has ended.
Look = Callable[[], Awaitable[Scope | None]]


class Feed:
    """The hub with the ledger behind it: what an endpoint follows."""

    def __init__(self, engine: Engine, stream: str, hub: Hub, replay_max: int) -> None:
        self.hub = hub
        self._engine, self._stream, self._replay_max = engine, stream, replay_max
        self._threads = ThreadPoolExecutor(REPLAY_THREADS, thread_name_prefix="replay")

    def start(self) -> None:
        """Begin, on the running loop."""
        self.hub.start()

    def stop(self) -> None:
        """End, without waiting for readers."""
        self.hub.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def follow(self, reader: Reader, since: Cursor | None, look: Look) -> AsyncGenerator[str]:
        """Messages for a reader subscribed already: hello, what it missed since its cursor, then live.

        Raises Resync, SignedOut; TooSlow shows as ``reader.ended``, because by then a message may be stuck.
        """
        head = await self._in_thread(self._head)
        start = cursor(head, reader.scope) if since is None else since
        self._require(start, head, reader)
        yield message([hello(start, self.hub.heartbeat_s)])
        position = start.position
        while position < head.position:
            frames, upto = await self._in_thread(self._replayed, reader.scope, position, head.position)
            await _still_sees(reader, look)
            for text in _messages(frames):
                yield text
            position = upto
        # Says that the past is over, and moves the cursor past what was not this reader's to see.
        yield message([heartbeat(start.at(position))])
        async for text in self._live(reader, start.at(position), look):
            yield text

    async def _live(self, reader: Reader, start: Cursor, look: Look) -> AsyncGenerator[str]:
        here = start.position
        while True:
            await reader.wake.wait()
            reader.wake.clear()
            await _still_sees(reader, look)
            frames = [text for position, text in reader.take() if position > here]
            # All that was delivered so far is either among the frames or not for this reader.
            here = max(here, self.hub.position)
            if reader.beat_due:
                reader.beat_due = False
                frames.append(heartbeat(start.at(here)))
            for text in _messages(frames):
                yield text

    def _require(self, since: Cursor, head: Head, reader: Reader) -> None:
        """Raise Resync unless the feed can go on from the cursor."""
        if since.epoch != head.epoch or since.position > head.position:
            raise Resync("epoch")
        if since.scope != reader.digest:
            raise Resync("scope")
        if head.position - since.position > self._replay_max:
            raise Resync("gap")

    async def _in_thread(self, do: Callable[..., Any], *about: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, do, *about)

    def _head(self) -> Head:
        with self._engine.connect() as connection:
            return ledger.read_head(connection, self._stream)

    def _replayed(self, scope: Scope, position: int, upto: int) -> tuple[list[str], int]:
        """Frames of the next entries after ``position`` and the position of the last of them, seen or not."""
        with self._engine.connect() as connection:
            batch = ledger.since(connection, position, min(CHUNK, upto - position), self._stream)
        return [text for _, text in seen_through(scope, batch)], batch[-1].position


async def _still_sees(reader: Reader, look: Look) -> None:
    """Where it is time to look: raise SignedOut or Resync unless the reader may go on with its scope."""
    if not reader.look_due:
        return
    reader.look_due = False
    scope = await look()
    if scope is None:
        raise SignedOut()
    if scope.digest != reader.digest:
        raise Resync("scope")


def _messages(frames: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(frames), MESSAGE):
        yield message(frames[start : start + MESSAGE])
