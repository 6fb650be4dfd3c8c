"""Following: no gap, no repeat, nobody waits for anybody, and the scope is looked at again while one follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from gridgov import feed as feed_module
from gridgov.feed import Feed, Hub, OneWay, Reader, Resync, SignedOut, TooSlow
from gridgov.frames import Cursor
from gridgov.scope import Scope
from tests.gridgov import scene
from tests.gridgov.histories import WATCHERS, LiveTown, scope

Told = dict[str, Any]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[LiveTown]:
    made = LiveTown(f"sqlite:///{tmp_path / 'town.db'}")
    yield made
    made.close_down()


@asynccontextmanager
async def serving(
    town: LiveTown, queue: int = 1000, heartbeat_s: float = 0.05, replay_max: int = 20_000
) -> AsyncIterator[Feed]:
    feed = Feed(town.reader, "main", Hub(queue, 0.005, heartbeat_s), replay_max)
    feed.start()
    town.listeners.append(feed.hub.publish)
    try:
        yield feed
    finally:
        town.listeners.remove(feed.hub.publish)
        feed.stop()


class Desk:
    """Follows through one scope, as somebody at a screen does; ``entries`` are what it was told, over all calls."""

    def __init__(self, feed: Feed, seen: Scope, since: Cursor | None) -> None:
        self.feed, self.scope, self.here = feed, seen, since
        self.allowed: Scope | None = seen
        self.entries: list[Told] = []
        self.hellos = 0

    async def _look(self) -> Scope | None:
        return self.allowed

    async def follow(self, upto: int, drop_after: int = -1) -> None:
        """Until the cursor is at ``upto``, or until it has been told so many entries and leaves."""
        reader = self.feed.hub.subscribe(self.scope)
        told = 0
        try:
            async with aclosing(self.feed.follow(reader, self.here, self._look)) as messages:
                async for text in messages:
                    for frame in orjson.loads(text):
                        told += self._take(frame)
                        if told == drop_after:
                            return
                    assert self.here is not None
                    if self.here.position >= upto:
                        return
        finally:
            self.feed.hub.unsubscribe(reader)

    def _take(self, frame: Told) -> bool:
        if frame["type"] == "entry":
            assert self.here is not None
            assert frame["position"] > self.here.position
            self.here = self.here.at(frame["position"])
            self.entries.append(frame)
            return True
        self.hellos += frame["type"] == "hello"
        self.here = Cursor.parse(frame["cursor"])
        return False


@pytest.mark.slow
def test_desks_of_every_scope_are_told_exactly_their_entries_while_the_town_is_at_work(
    town: LiveTown,
) -> None:
    """Live == replayed == the ledger's tail through the scope; heartbeats bring quiet desks along."""
    town.play(30)

    async def run() -> None:
        async with serving(town) as feed:
            desks = [Desk(feed, scope(p), town.cursor(scope(p)).at(0)) for p in WATCHERS]
            following = [asyncio.create_task(desk.follow(230)) for desk in desks]
            await asyncio.to_thread(town.play, 200, 2)
            await asyncio.wait_for(asyncio.gather(*following), 60)
            for desk in desks:
                assert desk.entries == town.seen(desk.scope)
                assert desk.here == town.cursor(desk.scope)
            assert feed.hub.readers == 0

    asyncio.run(run())


@pytest.mark.slow
def test_a_desk_that_drops_every_few_frames_is_told_each_entry_once_in_order(town: LiveTown) -> None:
    async def run() -> None:
        async with serving(town) as feed:
            desk = Desk(feed, scope(scene.LEADER), town.cursor(scope(scene.LEADER)))
            work = asyncio.create_task(asyncio.to_thread(town.play, 150))
            while desk.here is not None and desk.here.position < 150:
                await asyncio.wait_for(desk.follow(150, drop_after=5), 30)
            await work
            assert desk.entries == town.seen(desk.scope)
            assert len(desk.entries) == 150
            assert desk.hellos >= 30

    asyncio.run(run())


def test_without_a_cursor_the_feed_begins_now(town: LiveTown) -> None:
    town.play(10)

    async def run() -> None:
        async with serving(town) as feed:
            desk = Desk(feed, scope(scene.LEADER), None)
            following = asyncio.create_task(desk.follow(13))
            while desk.hellos == 0:
                await asyncio.sleep(0.001)
            await asyncio.to_thread(town.play, 3, 2)
            await asyncio.wait_for(following, 30)
            assert [frame["position"] for frame in desk.entries] == [11, 12, 13]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("since", "reason"),
    [
        (lambda c: replace(c, epoch="another"), "epoch"),
        (lambda c: c.at(c.position + 1), "epoch"),
        (lambda c: replace(c, scope="000000000000"), "scope"),
        (lambda c: c.at(c.position - 11), "gap"),
    ],
)
def test_a_cursor_that_cannot_be_continued_is_told_to_resync(
    town: LiveTown, since: Callable[[Cursor], Cursor], reason: str
) -> None:
    """Of another life of the ledger, from beyond its end, of another scope, or too far back: never a part of it."""
    town.play(20)

    async def run() -> None:
        async with serving(town, replay_max=10) as feed:
            seen = scope(scene.LEADER)
            desk = Desk(feed, seen, since(town.cursor(seen)))
            with pytest.raises(Resync) as refused:
                await asyncio.wait_for(desk.follow(99), 10)
            assert refused.value.reason == reason
            assert (desk.entries, desk.hellos) == ([], 0)

    asyncio.run(run())


def test_the_longest_gap_is_still_replayed(town: LiveTown) -> None:
    town.play(20)

    async def run() -> None:
        async with serving(town, replay_max=10) as feed:
            seen = scope(scene.LEADER)
            desk = Desk(feed, seen, town.cursor(seen).at(10))
            await desk.follow(20)
            assert [frame["position"] for frame in desk.entries] == list(range(11, 21))

    asyncio.run(run())


@pytest.mark.slow
def test_a_slow_reader_is_ended_and_slows_nobody(town: LiveTown) -> None:
    """What waits for it is bounded and then dropped; the others are told everything; its cursor brings it back."""

    async def run() -> None:
        async with serving(town, queue=40) as feed:
            seen = scope(scene.LEADER)
            start = town.cursor(seen)
            stuck = feed.hub.subscribe(seen)
            quick = Desk(feed, seen, start)
            following = asyncio.create_task(quick.follow(100))
            await asyncio.to_thread(town.play, 100)
            await asyncio.wait_for(following, 30)
            assert quick.entries == town.seen(seen)
            why = stuck.ended.result()
            assert isinstance(why, TooSlow)
            assert why.about == {"waiting": 40}
            assert stuck.take() == []
            feed.hub.unsubscribe(stuck)
            again = Desk(feed, seen, start)
            await again.follow(100)
            assert again.entries == quick.entries

    asyncio.run(run())


@pytest.mark.parametrize(
    ("allowed", "ends"), [(None, SignedOut), (scope(scene.WATER), Resync)], ids=["signed out", "other scope"]
)
def test_not_one_frame_more_after_the_scope_has_changed(
    town: LiveTown, allowed: Scope | None, ends: type[Exception]
) -> None:
    async def run() -> None:
        async with serving(town) as feed:
            desk = Desk(feed, scope(scene.LEADER), town.cursor(scope(scene.LEADER)))
            following = asyncio.create_task(desk.follow(99))
            await asyncio.to_thread(town.play, 3)
            while len(desk.entries) < 3:
                await asyncio.sleep(0.001)
            desk.allowed = allowed
            feed.hub.scope_changed("leader")
            feed.hub.publish(town.committed[-1:])
            with pytest.raises(ends):
                await asyncio.wait_for(following, 10)
            assert len(desk.entries) == 3

    asyncio.run(run())


def test_a_change_of_somebody_elses_scope_disturbs_nobody(town: LiveTown) -> None:
    async def run() -> None:
        async with serving(town) as feed:
            desk = Desk(feed, scope(scene.LEADER), town.cursor(scope(scene.LEADER)))
            following = asyncio.create_task(desk.follow(3))
            while desk.hellos == 0:
                await asyncio.sleep(0.001)
            desk.allowed = None
            feed.hub.scope_changed("somebody else")
            await asyncio.to_thread(town.play, 3)
            await asyncio.wait_for(following, 10)
            assert len(desk.entries) == 3

    asyncio.run(run())


def test_an_assignment_that_ends_by_the_clock_is_noticed_unasked(
    town: LiveTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "LOOK_S", 0.02)

    async def run() -> None:
        async with serving(town) as feed:
            desk = Desk(feed, scope(scene.LEADER), town.cursor(scope(scene.LEADER)))
            following = asyncio.create_task(desk.follow(99))
            while desk.hellos == 0:
                await asyncio.sleep(0.001)
            desk.allowed = scope(scene.WATER)
            with pytest.raises(Resync):
                await asyncio.wait_for(following, 10)

    asyncio.run(run())


def test_readers_are_looked_at_in_turns_each_once_in_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look may ask the store: two hundred desks at once would hold up their own frames."""

    async def run() -> None:
        hub = Hub(10, 0, 60)
        readers = [hub.subscribe(scope(scene.LEADER)) for _ in range(200)]
        looked: list[Reader] = []
        for _ in range(feed_module.LOOK_PARTS):
            hub._look_at_some()
            due = [reader for reader in readers if reader.look_due]
            assert len(due) == 200 / feed_module.LOOK_PARTS
            for reader in due:
                reader.look_due = False
            looked += due
        assert sorted(map(id, looked)) == sorted(map(id, readers))

    asyncio.run(run())


def test_close_codes_and_reasons_fit_a_websockets_closing_frame() -> None:
    """RFC 6455: a reason has at most 123 bytes; applications use codes from 4000, or registered ones."""
    for why in (SignedOut(), TooSlow(), Resync("epoch"), OneWay()):
        assert len(why.message.encode()) <= 123
        assert why.code in (1003, 4401, 4408, 4409)
