"""The feed over a websocket: one task sends, one listens for the end; a reader that is stuck is let go."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Depends, WebSocket, WebSocketDisconnect, WebSocketException, status
from starlette.requests import HTTPConnection

from gridgov.api.dependencies import GridGov, parts_of, policy, session_of
from gridgov.errors import CrossOrigin, NotSignedIn
from gridgov.feed import Feed, FeedEnded, Look, OneWay, Reader, Resync, SignedOut
from gridgov.frames import BadCursor, Cursor, message, resync
from gridgov.scope import Scope

#: Seconds a reader that does not read is given to take the frame that closes its socket.
GRACE_S: Final = 10.0

router = APIRouter()
log = structlog.get_logger(__name__)


@policy
async def follows(connection: HTTPConnection) -> Look:
    """Has this person signed in, through this site's own page or a program? Asked again while they follow."""

    async def look() -> Scope | None:
        try:
            session = await session_of(connection)
        except NotSignedIn:
            return None
        return session.person.scope(parts_of(connection).service.clock())

    try:
        await look()
    except CrossOrigin as refused:
        raise WebSocketException(status.WS_1008_POLICY_VIOLATION, refused.message) from refused
    return look


@router.websocket("/api/feed")
async def feed(
    socket: WebSocket, look: Annotated[Look, Depends(follows)], gridgov: GridGov, cursor: str | None = None
) -> None:
    """Follow the incidents one may see, from a cursor or from now on."""
    await attend(socket, gridgov.feed, look, cursor)


async def attend(socket: WebSocket, feed: Feed, look: Look, cursor: str | None) -> None:
    """Serve one reader from handshake to end. The socket is accepted first, so that a page sees the code."""
    await socket.accept()
    try:
        since = None if cursor is None else Cursor.parse(cursor)
    except BadCursor as refused:
        await socket.close(refused.code, refused.message)
        return
    scope = await look()
    if scope is None:
        await _close(socket, SignedOut())
        return
    reader = feed.hub.subscribe(scope)
    try:
        why = await _follow(socket, feed, reader, since, look)
    finally:
        feed.hub.unsubscribe(reader)
    if why is not None:
        await _close(socket, why)


async def _follow(
    socket: WebSocket, feed: Feed, reader: Reader, since: Cursor | None, look: Look
) -> FeedEnded | None:
    """Send until the feed ends, which is returned, or the client goes away (None)."""
    send = asyncio.create_task(_send(socket, feed, reader, since, look))
    listen = asyncio.create_task(_listen(socket, reader))
    until: set[asyncio.Future[Any]] = {send, listen, reader.ended}
    try:
        await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
    finally:
        send.cancel()
        listen.cancel()
        await asyncio.wait({send, listen})
    for task in (send, listen):
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            raise fault
    return reader.ended.result() if reader.ended.done() else None


async def _send(socket: WebSocket, feed: Feed, reader: Reader, since: Cursor | None, look: Look) -> None:
    async with aclosing(feed.follow(reader, since, look)) as messages:
        try:
            async for text in messages:
                await socket.send_text(text)
        except FeedEnded as why:
            reader.end(why)
        except WebSocketDisconnect:
            return


async def _listen(socket: WebSocket, reader: Reader) -> None:
    received = await socket.receive()
    if received["type"] != "websocket.disconnect":
        reader.end(OneWay())


async def _close(socket: WebSocket, why: FeedEnded) -> None:
    """Say why and close. Whoever does not read is let go: its socket ends with this function."""
    try:
        async with asyncio.timeout(GRACE_S):
            if isinstance(why, Resync):
                await socket.send_text(message([resync(why.reason)]))
            await socket.close(why.code, why.message)
    except TimeoutError:
        log.warning("reader did not take its leave", code=why.code)
    except WebSocketDisconnect:
        log.info("reader was gone already", code=why.code)
