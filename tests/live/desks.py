"""Desks that watch a running server, each noting what it is told, until the server says that this was all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from gridgov.watching import Picture, watch

#: What a desk is told of one entry: position, incident, number of the entry, its kind, what it means to the desk.
Told = tuple[int, str, int, str, str]
Follow = Callable[[str, str, str], AsyncGenerator[dict[str, Any]]]


async def cut_off(url: str, token: str, cursor: str, every: int = 50) -> AsyncGenerator[dict[str, Any]]:
    """Frames since a cursor by a client of the tests' own, whose connection breaks after every so many entries.

    It says no good-bye: the socket is gone, whatever was under way. Then it goes on from its last cursor.
    """
    address = url.replace("http", "ws", 1) + "/api/feed?cursor="
    while True:
        entries = 0
        try:
            async with connect(
                address + cursor, additional_headers={"Authorization": f"Bearer {token}"}
            ) as socket:
                while entries < every:
                    for frame in json.loads(await socket.recv()):
                        if frame["type"] == "entry":
                            epoch, _, scope = cursor.split(".")
                            cursor, entries = f"{epoch}.{frame['position']}.{scope}", entries + 1
                            frame["cursor"] = cursor
                        cursor = frame.get("cursor", cursor)
                        yield frame
                        if entries == every:
                            break
                socket.transport.abort()
        except (OSError, ConnectionClosed, InvalidHandshake):
            await asyncio.sleep(0.2)


def politely(url: str, token: str, cursor: str) -> AsyncGenerator[dict[str, Any]]:
    """Frames since a cursor by the client that `gridgov watch` is."""
    return watch(url, token, cursor)


def dropping_politely(url: str, token: str, cursor: str) -> AsyncGenerator[dict[str, Any]]:
    """The same, closing its connection after every 50 entries."""
    return watch(url, token, cursor, drop_after=50)


@dataclass
class Desk:
    """Somebody who watches: how they follow, and what they were told."""

    name: str
    token: str
    follow: Follow
    told: list[Told] = field(default_factory=list)
    connections: int = 0
    picture: Picture = field(default_factory=Picture)
    position: int = -1
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def open(self, url: str) -> None:
        """Read the list, and follow from its cursor."""
        rows, cursor = await self.list(url)
        self.picture = Picture.of(rows)
        self._task = asyncio.create_task(self._watch(url, cursor))

    async def list(self, url: str) -> tuple[list[dict[str, Any]], str]:
        """All incidents the desk may see, page by page, and the first page's cursor."""
        rows, cursor, page = [], "", ""
        async with httpx2.AsyncClient(
            base_url=url, headers=self._headers, trust_env=False, timeout=60
        ) as client:
            while page is not None:
                answer = await client.get(
                    "/api/incidents", params={"limit": 500} | ({"page": page} if page else {})
                )
                assert answer.status_code == 200, answer.text
                rows += answer.json()["rows"]
                cursor, page = cursor or answer.json()["cursor"], answer.json()["next"]
        return rows, cursor

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def _watch(self, url: str, cursor: str) -> None:
        async with aclosing(self.follow(url, self.token, cursor)) as frames:
            async for frame in frames:
                self._note(frame)

    def _note(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "hello":
            self.connections += 1
        elif frame["type"] == "entry":
            entry = frame["entry"]
            self.told.append(
                (frame["position"], frame["incident"], entry["number"], entry["kind"], frame["change"])
            )
            self.picture.apply(frame)
        else:
            assert frame["type"] == "heartbeat", frame
            self.position = int(frame["cursor"].split(".")[1])
            self._moved.set()

    async def until(self, position: int) -> None:
        """Wait for the heartbeat that says: all up to there has been told. And for one more, should something follow."""
        assert self._task is not None
        beats = 0
        while beats < 2:
            self._moved.clear()
            waiting = asyncio.create_task(self._moved.wait())
            done, _ = await asyncio.wait({waiting, self._task}, timeout=60, return_when="FIRST_COMPLETED")
            waiting.cancel()
            assert waiting in done, f"desk {self.name} came to {self.position} of {position}: {self._task}"
            beats += self.position >= position

    async def close(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
