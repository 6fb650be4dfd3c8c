"""What is costly to draw: each drawn once however many ask, away from the event loop, and kept while there is
room; and how it goes out, packed and with a tag.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import anyio
from fastapi import Request, Response

from gridgov.errors import MapsBusy

Kept = TypeVar("Kept")

#: A browser's own; asked for again by its tag.
ASK_AGAIN: Final = "private, no-cache"
#: For an address that names its edition: what it answers changes with the program alone.
FOR_AN_HOUR: Final = "private, max-age=3600"


class Shelf(Generic[Kept]):
    """Things by key. ``weigh`` says how much of the ``room`` one takes; those not asked for longest give way.

    Drawing has threads of its own, so that reports need not wait until somebody's map is drawn.
    """

    def __init__(
        self, room: float, weigh: Callable[[Kept], float], *, at_once: int = 2, waiting: int = 200
    ) -> None:
        self._room, self._weigh, self._most = room, weigh, waiting
        self._limiter = anyio.CapacityLimiter(at_once)
        self._kept: dict[Hashable, Kept] = {}
        self._weight = 0.0
        self._drawing: dict[Hashable, asyncio.Task[Kept]] = {}

    async def take(self, key: Hashable, draw: Callable[[], Kept]) -> Kept:
        """The thing of this key, drawn in a thread unless it is there or being drawn already.

        Raises what ``draw`` raises, and MapsBusy where too much waits to be drawn.
        """
        if key in self._kept:
            found = self._kept.pop(key)
            self._kept[key] = found
            return found
        task = self._drawing.get(key)
        if task is None:
            if len(self._drawing) >= self._most:
                raise MapsBusy()
            task = self._drawing[key] = asyncio.create_task(self._draw(key, draw))
        # Whoever asked first may go away; the others still get theirs.
        return await asyncio.shield(task)

    async def _draw(self, key: Hashable, draw: Callable[[], Kept]) -> Kept:
        try:
            drawn = await anyio.to_thread.run_sync(draw, limiter=self._limiter)
        finally:
            del self._drawing[key]
        self._kept[key] = drawn
        self._weight += self._weigh(drawn)
        while self._weight > self._room and len(self._kept) > 1:
            self._weight -= self._weigh(self._kept.pop(next(iter(self._kept))))
        return drawn


@dataclass(frozen=True, slots=True)
class Print:
    """Something as it goes out: gzipped, and the tag that stands for it; ``level`` is the one drawn."""

    tag: str
    packed: bytes
    level: str = ""

    @property
    def size(self) -> int:
        """Bytes it takes in memory, roughly."""
        return len(self.packed) + 200


def printed(plain: bytes, level: str = "") -> Print:
    """Pack bytes. The tag is weak: it stands for them packed and unpacked (RFC 9110, 8.8.1)."""
    tag = f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'
    return Print(tag, gzip.compress(plain, 6, mtime=0) if plain else b"", level)


async def answer(
    request: Request, one: Print, media_type: str, cache: str = ASK_AGAIN, **more: str
) -> Response:
    """Send it: 304 where the browser has it, 204 where it is empty, unpacked for a client without gzip."""
    headers: dict[str, Any] = {"ETag": one.tag, "Cache-Control": cache, "Vary": "Accept-Encoding", **more}
    if _has(request, one.tag):
        return Response(status_code=304, headers=headers)
    if not one.packed:
        return Response(status_code=204, headers=headers)
    if _takes_gzip(request):
        return Response(one.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=media_type)
    plain = await anyio.to_thread.run_sync(gzip.decompress, one.packed)
    return Response(plain, headers=headers, media_type=media_type)


def _has(request: Request, tag: str) -> bool:
    """Whether If-None-Match names the tag, compared weakly (RFC 9110, 13.1.2)."""
    named = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    return "*" in named or tag.removeprefix("W/") in (one.removeprefix("W/") for one in named)


def _takes_gzip(request: Request) -> bool:
    """Whether Accept-Encoding names gzip, or anything, with a weight above 0 (RFC 9110, 12.5.3)."""
    weights = {}
    for named in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, parameter = named.partition(";")
        weights[coding.strip()] = parameter.replace(" ", "").removeprefix("q=")
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight.strip("0.") != "" or weight == ""
