"""Real servers for tests: one that takes webhooks, or treats them badly in every way; one that takes e-mail."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


@dataclass
class Taken:
    """One request: its headers, its bytes, and what they say."""

    headers: dict[str, str]
    body: bytes
    path: str

    @property
    def told(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class Receiver:
    """Takes webhooks and answers as ``treat`` says; ``taken`` are those it answered with 200."""

    url: str = ""
    mode: str = "take"
    taken: list[Taken] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        return [one.headers["gridgov-delivery"] for one in self.taken]


def _answer(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    length = int(handler.headers["Content-Length"])
    body = handler.rfile.read(length)
    if len(body) < length:
        # Whoever sent it was killed in the middle: nothing was told.
        handler.close_connection = True
        return
    mode = receiver.mode
    receiver.asked.append(mode)
    if mode == "hang":
        receiver.free.wait(20)
        handler.close_connection = True
    elif mode == "drip":
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not receiver.free.wait(0.05):
            handler.wfile.write(b"x")
        handler.close_connection = True
    elif mode == "redirect":
        handler.send_response(302)
        handler.send_header("Location", f"{receiver.url}/elsewhere?key=secret")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    elif mode == "large":
        handler.send_response(500)
        handler.send_header("Content-Length", str(10_000_000))
        handler.end_headers()
        for _ in range(10):
            handler.wfile.write(b"\x1b[31mno " * 125_000 + b"....................")
    elif mode.isdigit():
        handler.send_response(int(mode))
        said = b"come\r\n  back\x07 later"
        handler.send_header("Content-Length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said)
    else:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        receiver.taken.append(Taken(headers, body, handler.path))
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A server for webhooks on a port of its own."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            try:
                _answer(made, self)
            except (BrokenPipeError, ConnectionResetError):
                # It was hung up on, which is what several tests are about.
                self.close_connection = True

        def log_message(self, *_args: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.free.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class Box:
    """What a mail server took, and how it treats what comes. ``refuses`` are recipients it does not know."""

    host: str = "127.0.0.1"
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    async def handle_RCPT(  # noqa: N802 -- the library calls it so
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refuses:
            return "550 5.1.1 nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 -- the library calls it so
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        made = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(made, EmailMessage)
        self.mails.append(made)
        self.recipients += envelope.rcpt_tos
        return "250 taken"

    @property
    def texts(self) -> list[str]:
        return [mail.get_content() for mail in self.mails]


class _Listening(Controller):
    """On a port that the system chooses, which the library's own start cannot wait for."""

    def factory(self) -> SMTP:
        return SMTP(self.handler, **self.SMTP_kwargs)

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(**more: Any) -> Iterator[Box]:
    """A real SMTP server on a port of its own."""
    box = Box()
    running = _Listening(box, hostname=box.host, port=0, **more)
    running.start()
    box.port = running.port
    try:
        yield box
    finally:
        running.stop()


def until(so: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds / 0.01)):
        if so():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to be so in time")
