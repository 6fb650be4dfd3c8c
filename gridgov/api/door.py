"""The door that every request passes: a request id, limits on the body's size and time while it is read,
headers for browsers, the log line.

Written straight against ASGI, because it stands before every report.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import anyio
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gridgov.api.problems import problem, problem_of
from gridgov.errors import ServiceError

#: Sent with every answer: nothing but this site's own pages may show, run or embed anything.
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
#: For everything but pages, which say more themselves.
CLOSED: Final = b"default-src 'none'; frame-ancestors 'none'"

#: Methods whose bodies nobody reads.
_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: A body of N bytes may take PATIENCE_S + N / SLOWEST_BYTES_S seconds: 30 s for 1 MB, 5 min for 15 MB.
PATIENCE_S: Final = 10.0
SLOWEST_BYTES_S: Final = 50_000

_ASKED_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest body taken, in bytes. ``who`` asks whose request it is before any of a large body is read,
    and raises what refuses it.
    """

    most: int
    who: Callable[[HTTPConnection], Awaitable[Any]] | None = None

    @property
    def seconds(self) -> float:
        """How long the body may take to arrive: what the slowest network that is served needs."""
        return PATIENCE_S + self.most / SLOWEST_BYTES_S


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of most requests, and of those whose path begins as listed."""

    most: Limit
    others: tuple[tuple[str, Limit], ...]

    def of(self, path: str) -> Limit:
        """The limit for a path."""
        return next((limit for prefix, limit in self.others if path.startswith(prefix)), self.most)


class Door:
    """ASGI middleware around the whole app. ``new_id`` makes request ids, ``clock`` measures how long
    one took.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, new_id: Callable[[], str], clock: Callable[[], datetime]
    ) -> None:
        self._app, self._limits, self._new_id, self._clock = app, limits, new_id, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        limit = self._limits.of(scope["path"])
        visit = _Visit(receive, send, limit, request_id)
        started = self._clock()
        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                if limit.who is not None and scope["method"] not in _BODILESS:
                    await limit.who(HTTPConnection(scope))
                await self._app(scope, visit.receive, visit.send)
            except ServiceError as refused:
                await problem_of(refused)(scope, receive, visit.send)
            except Exception:
                log.exception("fault", method=scope["method"], path=scope["path"])
                if visit.status is not None:
                    raise
                answer = problem(500, "fault", "Something went wrong here.", "It has been logged.")
                await answer(scope, receive, visit.send)
            taken = (self._clock() - started).total_seconds() * 1000
            _tell(scope, visit.status, taken)

    def _request_id(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _ASKED_ID.fullmatch(value):
                return str(value, "ascii")
        return self._new_id()


class _Visit:
    """One request on its way through: counts what comes in, adds to what goes out."""

    __slots__ = ("_deadline", "_limit", "_receive", "_request_id", "_send", "_taken", "_whole", "status")

    def __init__(self, receive: Receive, send: Send, limit: Limit, request_id: str) -> None:
        self._receive, self._send, self._request_id = receive, send, request_id.encode()
        self._taken, self._limit, self._whole = 0, limit.most, False
        self._deadline = anyio.current_time() + limit.seconds
        self.status: int | None = None

    async def receive(self) -> Message:
        message = await self._next()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._taken > self._limit:
                raise HTTPException(413, f"a body of at most {self._limit:,} bytes is taken here")
        return message

    async def _next(self) -> Message:
        if self._whole:
            # What comes now is the end of the connection, which may take as long as the answer does.
            return await self._receive()
        with anyio.move_on_at(self._deadline):
            return await self._receive()
        raise HTTPException(408, "the body took too long to arrive; send it again", {"Connection": "close"})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.setdefault("headers", [])
            if not any(name == b"content-security-policy" for name, _ in headers):
                headers.append((b"content-security-policy", CLOSED))
            headers.extend(HEADERS)
            headers.append((b"x-request-id", self._request_id))
        await self._send(message)


def _tell(scope: Scope, status: int | None, taken_ms: float) -> None:
    """What succeeded stands in the ledger: its line is for debugging."""
    if status is not None and status < 400:
        log.debug("served", method=scope["method"], path=scope["path"], status=status, ms=taken_ms)
    else:
        log.info("refused", method=scope["method"], path=scope["path"], status=status, ms=round(taken_ms, 1))
