"""The outbox at work: a thread with a loop of its own that follows the ledger, and sends what is to be told.

It reads with connections of its own, writes through the one writer in small parts, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

import structlog

from gridgov.outbox import keeping, webhook
from gridgov.outbox.following import Follower, Found
from gridgov.outbox.lanes import Hands, MailLane, WebhookLane
from gridgov.outbox.rules import Kind, Telling
from gridgov.outbox.telling import Delivery
from gridgov.settings import Settings
from gridgov.storage.engine import open_engine
from gridgov.storage.ledger import MAIN, Committed
from gridgov.storage.writer import Writer

#: Threads that read the store for all targets, or wait for the mail server.
THREADS: Final = 3
#: Seconds after which the ledger is looked at, whatever else happens; for which commits are gathered; after
#: which how far it is written down where nobody is told anything; and after which a fault is tried again.
LOOK_S: Final = 5.0
GATHER_S: Final = 0.25
FLUSH_S: Final = 5.0
AGAIN_S: Final = 5.0
#: Seconds between looks for what waited too long, and what was delivered long ago.
CLEAN_S: Final = 60.0
#: Seconds for which stopping waits for what is under way; what is cut off is sent again.
GRACE_S: Final = 10.0

#: A webhook's lane, e-mail's, or what follows the ledger: serves once, says for how long to wait then.
Serve = Callable[[Telling], Awaitable[float]]

log = structlog.get_logger(__name__)


class Outbox:
    """Tells people who are not watching, as the city's file says."""

    def __init__(
        self,
        settings: Settings,
        writer: Writer,
        clock: Callable[[], datetime],
        chance: Callable[[], float],
        stream: str = MAIN,
    ) -> None:
        self._settings, self._writer, self._clock = settings, writer, clock
        self._chance, self._stream = chance, stream
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._wakes: dict[str, asyncio.Event] = {}
        self._gate = threading.Lock()

    def start(self) -> None:
        """Begin, with what an earlier process left undone; once begun, it goes on."""
        with self._gate:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End; what is under way is cut off, and sent again by the next start."""
        with self._gate:
            thread, loop, main = self._thread, self._loop, self._main
            if loop is not None and main is not None:
                loop.call_soon_threadsafe(main.cancel)
            self._thread = None
        if thread is not None:
            thread.join(GRACE_S)

    def notice(self, _committed: Sequence[Committed]) -> None:
        """Something was committed: look. From any thread, never waits."""
        self._rouse(("",))

    def wake(self) -> None:
        """Something else changed, such as what is to be sent again: look everywhere."""
        self._rouse(None)

    def rouse(self, targets: Iterable[str]) -> None:
        """Something waits for these targets; on the outbox's own loop."""
        self._set(["mail/", *(f"to/{name}" for name in targets)])

    def _rouse(self, names: Sequence[str] | None) -> None:
        with self._gate:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._set, names)

    def _set(self, names: Sequence[str] | None) -> None:
        for name in list(self._wakes) if names is None else names:
            if name in self._wakes:
                self._wakes[name].set()

    def _work(self) -> None:
        engine = open_engine(self._settings.database_url, readers=THREADS)
        threads = ThreadPoolExecutor(THREADS, thread_name_prefix="outbox")
        hands = Hands(engine, self._writer, self._settings, self._clock, self._chance, threads, self._stream)
        try:
            asyncio.run(self._serve(hands))
        except asyncio.CancelledError:
            log.debug("the outbox has stopped")
        except Exception:
            log.exception("the outbox has failed")
        finally:
            threads.shutdown(cancel_futures=True)
            engine.dispose()

    async def _serve(self, hands: Hands) -> None:
        follower = Follower(hands.engine, self._stream)
        async with webhook.client(self._settings.outbox_timeout_s) as sender, asyncio.TaskGroup() as lanes:
            running = _Running(self, hands, follower, lanes, lambda name: WebhookLane(hands, sender, name))
            mail = MailLane(hands, lambda: follower.facts(self._settings.base_url))
            lanes.create_task(self.forever("", running.follow, follower))
            lanes.create_task(self.forever("mail/", mail.serve, follower))
            lanes.create_task(self.forever("clean/", running.clean, follower))
            with self._gate:
                # From here on there is something to wake, and to stop.
                self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
                stopped = self._thread is None
            if stopped:
                raise asyncio.CancelledError

    async def forever(self, name: str, serve: Serve, follower: Follower) -> None:
        """Serve, wait, and serve again; a fault is logged, and tried again after a while."""
        wake = self._wakes.setdefault(name, asyncio.Event())
        while True:
            wake.clear()
            try:
                wait_s = await serve(follower.telling)
            except Exception:
                log.exception("the outbox is held up", at=name or "ledger")
                wait_s = AGAIN_S
            if wait_s > 0:
                try:
                    async with asyncio.timeout(wait_s):
                        await wake.wait()
                except TimeoutError:
                    continue

    def forget(self, name: str) -> None:
        """This lane has ended."""
        self._wakes.pop(name, None)


class _Running:
    """What follows the ledger and keeps a lane for each webhook, as long as the rules name it."""

    def __init__(
        self,
        outbox: Outbox,
        hands: Hands,
        follower: Follower,
        tasks: asyncio.TaskGroup,
        lane: Callable[[str], WebhookLane],
    ) -> None:
        self._outbox, self._hands, self._follower = outbox, hands, follower
        self._tasks, self._lane = tasks, lane
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._written: dict[str, int] = {}
        self._flushed_at = float("-inf")
        self._more = False
        self._telling = Telling()

    async def follow(self, _: Telling) -> float:
        """Let what the next entries lead to wait at its targets."""
        hands = self._hands
        await asyncio.sleep(0 if self._more else GATHER_S)
        found: Found = await hands.in_thread(self._follower.look, hands.clock())
        if self._follower.telling != self._telling:
            self._telling = self._follower.telling
            self._keep_lanes(self._telling)
            self._outbox.rouse(self._lanes)
        now = asyncio.get_running_loop().time()
        moved = dict(found.positions) != self._written
        if found.deliveries or (moved and now - self._flushed_at > FLUSH_S):
            hold = self._hold(self._follower.telling)
            await hands.writer.act(keeping.queue(found.deliveries, found.positions, hold, hands.stream))
            self._written, self._flushed_at = dict(found.positions), now
        self._follower.accept(found)
        self._more = found.more
        if found.deliveries:
            self._outbox.rouse({one.target for one in found.deliveries})
        return 0.0 if found.more else LOOK_S

    async def clean(self, _: Telling) -> float:
        """Give up what waited too long; forget what was delivered long ago."""
        hands, settings = self._hands, self._hands.settings
        many = 0
        if self._follower.telling.targets:
            age, keep = timedelta(hours=settings.outbox_age_hours), timedelta(days=settings.outbox_keep_days)
            many = await hands.writer.act(keeping.give_up(age, hands.stream))
            if many:
                log.warning("deliveries waited too long, and are dead", deliveries=many)
            many = max(many, await hands.writer.act(keeping.forget(keep, hands.stream)))
        return AGAIN_S if many == keeping.PART else CLEAN_S

    def _keep_lanes(self, telling: Telling) -> None:
        wanted = {target.name for target in telling.targets if target.kind is Kind.WEBHOOK}
        for name in wanted - self._lanes.keys():
            forever = self._outbox.forever(f"to/{name}", self._lane(name).serve, self._follower)
            self._lanes[name] = self._tasks.create_task(forever)
        for name in self._lanes.keys() - wanted:
            self._lanes.pop(name).cancel()
            self._outbox.forget(f"to/{name}")

    def _hold(self, telling: Telling) -> Callable[[Delivery], timedelta]:
        """E-mail waits for what else there may be to tell the same person."""
        gather = timedelta(seconds=self._hands.settings.smtp_gather_s)

        def hold(delivery: Delivery) -> timedelta:
            target = telling.target(delivery.target)
            return gather if target is not None and target.kind is Kind.EMAIL else timedelta(0)

        return hold
