"""A client of the feed: frames one by one, over any number of connections, each exactly once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from gridgov.errors import ServiceError
from gridgov.feed import Resync, SignedOut
from gridgov.frames import BadCursor, Change, Cursor

#: Seconds before the second attempt to connect; each further one doubles them, up to the longest.
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
#: So many heartbeats may stay out before a connection counts as dead.
MISSED_HEARTBEATS: Final = 2.5
#: Bytes of the largest message taken; the server's are far smaller.
LARGEST_MESSAGE: Final = 16_000_000

log = structlog.get_logger(__name__)


class FeedRefused(ServiceError):
    """The server refused to open its feed."""


def _nobody(_: bool) -> None:
    """Nobody asks how the line is."""


async def watch(
    url: str,
    token: str,
    cursor: str | None = None,
    *,
    drop_after: int | None = None,
    on_line: Callable[[bool], None] = _nobody,
) -> AsyncGenerator[dict[str, Any]]:
    """Frames of the feed of the server at ``url`` (http, https, ws or wss) since ``cursor``, or from now on.

    Each frame but a resync has a ``cursor``, with which a later call goes on after it. A lost connection
    is taken up again from there. Ends after a ``resync`` frame: the list is then to be read again. With
    ``drop_after`` it breaks off after every so many entries, to prove that nothing is lost by it. ``on_line``
    is told False when the line is down, at each attempt that fails, and True when it is up again.

    Raises SignedOut where the token is not or no longer good, BadCursor, FeedRefused.
    """
    line, pause = _Line(cursor), 0.0
    while True:
        line.entries = 0
        await asyncio.sleep(pause)
        try:
            async with _connected(url, token, line.cursor) as socket:
                on_line(True)
                while line.entries != drop_after:
                    for frame in await line.receive(socket):
                        yield line.follow(frame)
                        if frame["type"] == "resync":
                            return
                        if line.entries == drop_after:
                            break
        except InvalidStatus as refused:
            _explain(refused)
        except ConnectionClosed as closed:
            _end(closed)
        except (OSError, InvalidHandshake) as lost:
            log.info("feed lost", error=str(lost))
        if line.entries != drop_after:
            on_line(False)
        pause = 0.0 if line.entries else min(max(2 * pause, FIRST_PAUSE_S), LONGEST_PAUSE_S)


@dataclass(slots=True)
class _Line:
    """How far the frames have come, and how long the server may be silent: None until it has said so."""

    cursor: str | None
    patience: float | None = None
    entries: int = 0

    async def receive(self, socket: ClientConnection) -> list[dict[str, Any]]:
        """The next message; raises TimeoutError (an OSError) where the server has fallen silent."""
        async with asyncio.timeout(self.patience):
            frames: list[dict[str, Any]] = orjson.loads(await socket.recv())
        return frames

    def follow(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Move the cursor past a frame, and tell the frame."""
        if frame["type"] == "entry":
            self.entries += 1
            frame["cursor"] = str(Cursor.parse(self.cursor or "").at(frame["position"]))
        elif frame["type"] == "hello":
            self.patience = MISSED_HEARTBEATS * frame["heartbeat_s"]
        self.cursor = frame.get("cursor", self.cursor)
        return frame


def _connected(url: str, token: str, cursor: str | None) -> connect:
    root = url.rstrip("/")
    if root.startswith("http"):
        root = "ws" + root.removeprefix("http")
    query = "" if cursor is None else f"?cursor={cursor}"
    return connect(
        f"{root}/api/feed{query}",
        additional_headers={"Authorization": f"Bearer {token}"},
        compression=None,
        max_size=LARGEST_MESSAGE,
    )


def _explain(refused: InvalidStatus) -> None:
    """Raise what an answer other than a websocket means; a server that is busy or starting is asked again."""
    status = refused.response.status_code
    if status == 401:
        raise SignedOut() from refused
    if status < 500:
        said = f"the server answered {status} instead of its feed; is this the address of a gridgov server?"
        raise FeedRefused(said, status=status) from refused
    log.info("feed not ready", status=status)


def _end(closed: ConnectionClosed) -> None:
    """Raise where the server closed for good; otherwise the feed goes on from its cursor."""
    code = None if closed.rcvd is None else closed.rcvd.code
    if code == SignedOut.code:
        raise SignedOut() from closed
    if code == BadCursor.code:
        raise BadCursor() from closed
    if code == Resync.code:
        raise Resync("closed") from closed
    log.info("feed closed", code=code)


@dataclass(slots=True)
class Picture:
    """A list of incidents kept up to date by frames: always what a fresh list would show.

    ``rows`` by incident, as ``GET /api/incidents`` gives them.
    """

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[dict[str, Any]]) -> Picture:
        """The picture that a list shows."""
        return cls({row["id"]: row for row in rows})

    def apply(self, frame: dict[str, Any]) -> None:
        """Bring the picture up to a frame; one that is older than the row it is about changes nothing.

        A list read page by page has rows that are newer than the cursor of its first page.
        """
        if frame["type"] != "entry":
            return
        known = self.rows.get(frame["incident"])
        if known is not None and known["position"] >= frame["position"]:
            return
        if frame["change"] == Change.LEFT:
            self.rows.pop(frame["incident"], None)
        else:
            self.rows[frame["incident"]] = frame["row"]
