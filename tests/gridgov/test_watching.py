"""The feed over real sockets: dropped connections, restarts, readers that do not read, and being sent away."""

from __future__ import annotations

import asyncio
import socket as sockets
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvicorn
from fastapi import FastAPI, WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from gridgov.api import feed as feed_api
from gridgov.api.feed import attend
from gridgov.feed import Feed, Hub, OneWay, SignedOut, TooSlow
from gridgov.frames import BadCursor
from gridgov.scope import Scope
from gridgov.watching import FeedRefused, watch
from tests.gridgov.histories import WATCHERS, LiveTown, scope

#: Sign-ins of the town: a person's id is their token.
TOKENS = {somebody.id.replace(" ", "-"): scope(somebody) for somebody in WATCHERS}
#: Real sockets, dropped and taken up again: too long for the quick run.
pytestmark = pytest.mark.slow


class Station:
    """A town's feed on a port of its own; can be stopped and started again on the same one."""

    def __init__(self, town: LiveTown, queue: int) -> None:
        self.town, self.tokens, self._queue = town, dict(TOKENS), queue
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def open(self) -> Iterator[Station]:
        self.feed = Feed(self.town.reader, "main", Hub(self._queue, 0.005, 0.1), 20_000)
        self.town.listeners.append(self.feed.hub.publish)
        config = uvicorn.Config(
            self._app(),
            port=self.port,
            log_level="warning",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        try:
            yield self
        finally:
            self.town.listeners.remove(self.feed.hub.publish)
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()

    def _app(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            self.feed.start()
            yield
            self.feed.stop()

        app = FastAPI(lifespan=lifespan)

        @app.websocket("/api/feed")
        async def follow(socket: WebSocket, cursor: str | None = None) -> None:
            token = socket.headers["authorization"].removeprefix("Bearer ")

            async def look() -> Scope | None:
                return self.tokens.get(token)

            await attend(socket, self.feed, look, cursor)

        return app


def free_port() -> int:
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def town(tmp_path: Path) -> Iterator[LiveTown]:
    made = LiveTown(f"sqlite:///{tmp_path / 'town.db'}")
    yield made
    made.close_down()


@pytest.fixture
def station(town: LiveTown) -> Iterator[Station]:
    with Station(town, queue=1000).open() as opened:
        yield opened


async def entries(
    station: Station, who: str, upto: int, since: str, drop_after: int | None = None
) -> list[Any]:
    """What somebody is told until their cursor is at ``upto``; the cursors of frames are left out."""
    told = []
    async with aclosing(watch(station.url, who, since, drop_after=drop_after)) as frames:
        async for frame in frames:
            assert frame["type"] != "resync", frame
            here = int(frame.pop("cursor").split(".")[1])
            if frame["type"] == "entry":
                told.append(frame)
            if here >= upto:
                return told
    raise AssertionError("the feed ended")


def test_desks_that_drop_their_connection_are_told_their_entries_once_in_order(station: Station) -> None:
    town = station.town

    async def run() -> None:
        start = {who: str(town.cursor(seen)) for who, seen in TOKENS.items()}
        watching = {
            who: asyncio.create_task(entries(station, who, 200, start[who], drop_after=7)) for who in TOKENS
        }
        await asyncio.to_thread(town.play, 200)
        for who, seen in TOKENS.items():
            assert await asyncio.wait_for(watching[who], 60) == town.seen(seen), who

    asyncio.run(run())
    assert len(town.seen(TOKENS["leader"])) == 200


def test_a_desk_goes_on_from_its_cursor_when_the_server_comes_back(town: LiveTown) -> None:
    station = Station(town, queue=1000)

    async def run() -> list[Any]:
        since = str(town.cursor(TOKENS["leader"]))
        watching = asyncio.create_task(entries(station, "leader", 60, since))
        with station.open():
            await asyncio.to_thread(town.play, 20)
            await until(lambda: station.feed.hub.readers == 1)
        await asyncio.to_thread(town.play, 20, 2)
        with station.open():
            await until(lambda: station.feed.hub.readers == 1)
            await asyncio.to_thread(town.play, 20, 3)
            return await asyncio.wait_for(watching, 30)

    assert asyncio.run(run()) == town.seen(TOKENS["leader"])


def test_a_desk_is_told_that_the_line_is_down_and_that_it_is_up_again(town: LiveTown) -> None:
    station = Station(town, queue=1000)
    told: list[bool] = []

    async def follow() -> None:
        async with aclosing(watch(station.url, "leader", on_line=told.append)) as frames:
            async for _ in frames:
                pass

    async def run() -> None:
        with station.open():
            following = asyncio.create_task(follow())
            await until(lambda: told == [True])
        await until(lambda: len(told) > 2)
        assert told[1:] == [False] * (len(told) - 1)
        with station.open():
            await until(lambda: told[-1])
        following.cancel()

    asyncio.run(run())


def test_a_reader_that_does_not_read_is_closed_to_resume_and_the_others_are_told_everything(
    town: LiveTown,
) -> None:
    """Its frames are dropped, not sent; the closing frame comes after what was in the sockets' buffers."""
    count, size = 200, 400_000

    async def run() -> None:
        with Station(town, queue=20).open() as station:
            since = str(town.cursor(TOKENS["leader"]))
            headers = {"Authorization": "Bearer leader"}
            uri = f"ws://127.0.0.1:{station.port}/api/feed?cursor={since}"
            async with connect(uri, additional_headers=headers, max_size=None, max_queue=1) as stuck:
                await until(lambda: station.feed.hub.readers == 1)
                quick = asyncio.create_task(entries(station, "leader", count, since))
                await until(lambda: station.feed.hub.readers == 2)
                await asyncio.to_thread(town.play, 1)
                # Entries with rows of 400 kB fill the buffers between two sockets soon.
                for position in range(2, count + 1):
                    told = replace(town.committed[0], position=position, address="长" * (size // 3))
                    station.feed.hub.publish([told])
                    await asyncio.sleep(0.01)
                assert [f["position"] for f in await asyncio.wait_for(quick, 60)] == [*range(1, count + 1)]
                assert station.feed.hub.readers == 0
                received, code = await rest(stuck)
                assert code == TooSlow.code
                assert 0 < received < count * size / 3

    asyncio.run(run())


def test_a_reader_that_never_reads_again_is_let_go(town: LiveTown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_api, "GRACE_S", 0.2)

    async def run() -> None:
        with Station(town, queue=3).open() as station:
            await asyncio.to_thread(town.play, 1)
            uri = f"ws://127.0.0.1:{station.port}/api/feed"
            headers = {"Authorization": "Bearer leader"}
            async with connect(uri, additional_headers=headers, max_size=None, max_queue=1, close_timeout=1):
                await until(lambda: station.feed.hub.readers == 1)
                for position in range(2, 100):
                    told = replace(town.committed[0], position=position, address="长" * 100_000)
                    station.feed.hub.publish([told])
                    await asyncio.sleep(0.005)
                await until(lambda: station.feed.hub.readers == 0)

    asyncio.run(run())


def test_who_signs_out_is_sent_away_at_once(station: Station) -> None:
    async def run() -> None:
        async with aclosing(watch(station.url, "leader")) as frames:
            assert (await anext(frames))["type"] == "hello"
            del station.tokens["leader"]
            station.feed.hub.scope_changed("leader")
            with pytest.raises(SignedOut):
                assert {frame["type"] async for frame in frames} == "never reached"

    asyncio.run(asyncio.wait_for(run(), 10))


def test_who_is_not_signed_in_is_told_so(station: Station) -> None:
    async def run() -> None:
        with pytest.raises(SignedOut):
            await anext(watch(station.url, "nobody-knows"))

    asyncio.run(run())


def test_another_scope_ends_with_a_resync_frame(station: Station) -> None:
    async def run() -> list[Any]:
        seen: list[Any] = []
        async with aclosing(watch(station.url, "leader")) as frames:
            async for frame in frames:
                if not seen:
                    station.tokens["leader"] = TOKENS["water"]
                    station.feed.hub.scope_changed("leader")
                seen.append(frame)
        return seen

    told = asyncio.run(asyncio.wait_for(run(), 10))
    assert told[0]["type"] == "hello"
    assert told[-1] == {"type": "resync", "reason": "scope"}


def test_a_cursor_of_another_ledger_is_told_to_resync(station: Station) -> None:
    digest = TOKENS["leader"].digest

    async def run() -> list[Any]:
        return [frame async for frame in watch(station.url, "leader", f"another.0.{digest}")]

    assert asyncio.run(asyncio.wait_for(run(), 10)) == [{"type": "resync", "reason": "epoch"}]


def test_a_bad_cursor_is_refused(station: Station) -> None:
    async def run() -> None:
        with pytest.raises(BadCursor):
            await anext(watch(station.url, "leader", "rubbish"))

    asyncio.run(run())


def test_a_server_without_a_feed_is_no_feed(station: Station) -> None:
    async def run() -> None:
        with pytest.raises(FeedRefused, match="answered 403"):
            await anext(watch(station.url + "/elsewhere", "leader"))

    asyncio.run(run())


def test_whoever_talks_to_the_feed_is_sent_away(station: Station) -> None:
    async def run() -> int | None:
        uri = f"ws://127.0.0.1:{station.port}/api/feed"
        async with connect(uri, additional_headers={"Authorization": "Bearer leader"}) as talker:
            await talker.send('{"subscribe": "everything"}')
            return (await rest(talker))[1]

    assert asyncio.run(run()) == OneWay.code


def test_a_server_that_falls_silent_is_left_for_a_new_connection(station: Station) -> None:
    """A half-open connection brings no error: heartbeats that stay out are the only sign."""
    asked: list[str] = []

    async def silent(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.path)
        hello = {"type": "hello", "cursor": "e.5.s", "heartbeat_s": 0.02}
        await connection.send(orjson.dumps([hello, {"type": "entry", "position": 6}]).decode())
        await connection.wait_closed()

    async def run() -> None:
        async with serve(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with aclosing(watch(f"http://127.0.0.1:{port}", "x", "e.5.s")) as frames:
                async for _ in frames:
                    if len(asked) == 2:
                        return

    asyncio.run(asyncio.wait_for(run(), 10))
    assert asked == ["/api/feed?cursor=e.5.s", "/api/feed?cursor=e.6.s"]


async def until(question: Any) -> None:
    """Wait until something is so, at most thirty seconds."""
    async with asyncio.timeout(30):
        while not question():
            await asyncio.sleep(0.005)


async def rest(connection: ClientConnection) -> tuple[int, int | None]:
    """What a connection still holds, in characters, and the code it is closed with."""
    received = 0
    try:
        while True:
            received += len(await connection.recv())
    except ConnectionClosed as closed:
        return received, None if closed.rcvd is None else closed.rcvd.code
