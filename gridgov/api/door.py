"""The door that every request passes: a request id, a limit on the body while it is read, headers for
browsers, the log line.

Written straight against ASGI, because it stands before every report.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gridgov.api.problems import problem

#: Sent with every answer: nothing but this site's own pages may show, run or embed anything.
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
#: For everything but pages, which say more themselves.
CLOSED: Final = b"default-src 'none'; frame-ancestors 'none'"

_ASKED_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest bodies in bytes: of most requests, and of those whose path begins as listed."""

    most: int
    larger: tuple[tuple[str, int], ...]

    def of(self, path: str) -> int:
        """The limit for a path."""
        return next((limit for prefix, limit in self.larger if path.startswith(prefix)), self.most)


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
        visit = _Visit(receive, send, self._limits.of(scope["path"]), request_id)
        started = self._clock()
        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                await self._app(scope, visit.receive, visit.send)
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

    __slots__ = ("_limit", "_receive", "_request_id", "_send", "_taken", "status")

    def __init__(self, receive: Receive, send: Send, limit: int, request_id: str) -> None:
        self._receive, self._send, self._request_id = receive, send, request_id.encode()
        self._taken, self._limit = 0, limit
        self.status: int | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            if self._taken > self._limit:
                raise HTTPException(413, f"a body of at most {self._limit:,} bytes is taken here")
        return message

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
