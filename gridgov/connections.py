"""Connections: how long a request's head may be, and how long it may take; uvicorn sets no limit to either.

Without one, a single stranger who sends one endless header fills the memory: 400 MB of it took 425 MB here.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\n"
_END: Final = b"content-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's HTTP over one connection, with an end to what may come before a request's body.

    ``longest_head``: bytes; browsers send some thousand, nginx takes 32,768. ``slowest_head_s``: seconds from
    its first byte, or from the connection, to its end; a body may take its time.
    """

    longest_head: ClassVar[int] = 65_536
    slowest_head_s: ClassVar[float] = 30.0

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        # Bytes of the head under way; None while a body is.
        self._head: int | None = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes; end the connection where they make the head too long."""
        if self._head is not None:
            self._head += len(data)
            if self._deadline is None:
                self._expect_head()
        super().data_received(data)
        if self._head is not None and self._head > self.longest_head:
            self._refuse(_TOO_LONG)

    def on_headers_complete(self) -> None:
        """The head is over."""
        self._head = None
        self._cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is a head again."""
        super().on_message_complete()
        self._head = 0

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(self.slowest_head_s, self._refuse, _TOO_SLOW)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: bytes) -> None:
        self._cancel()
        if not self.transport.is_closing():
            self.transport.write(status + _END)
            self.transport.close()
