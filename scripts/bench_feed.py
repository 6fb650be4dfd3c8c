"""Entries to desks: milliseconds from a report's acknowledgement to its frame at each of 200 desks.

Every desk sees every report: the worst case. The baseline is a bare broadcast: a server of the same kind that
hands what it is posted to all its sockets, signs nobody in, and neither stores, looks up nor bounds anything.
Both serve in turns, each in a process of its own; sender and desks are the same program. Times are of the
machine's monotonic clock; a frame that is there before its report is acknowledged counts below zero.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import numpy as np
import uvicorn

from gridgov import demo
from gridgov.clock import new_id
from gridgov.serving import serve
from gridgov.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
WATCHERS = ("leader", "manager", "dispatcher", "supervisor")
"""People of the demo who see the whole district."""
REPORTS_PER_S = 20
"""A district of 10,000 incidents a day has about one entry a second over its day: this is a storm."""
SCALES = {"full": (200, 4, 5.0), "small": (20, 1, 1.0)}
"""Desks, turns of each server, seconds of a turn."""
CATEGORY = "cn2026:component:01001"
INSIDE = (113.88, 22.66)
"""A point in the middle of the demo's district, longitude and latitude."""

What = Callable[[str], tuple[str, bytes]]


class Unmeasured(Exception):
    """Something was refused or did not arrive: times of the rest would mean nothing."""


def run(scale: str = "full") -> dict[str, Any]:
    """Measure; the figures are over all desks and reports together."""
    desks, turns, seconds = SCALES[scale]
    with ExitStack() as stack:
        url, tokens = stack.enter_context(_demo())
        bare = stack.enter_context(_process("broadcast")).line()
        ours = stack.enter_context(_desks(url, tokens, desks))
        theirs = stack.enter_context(_desks(bare, tokens, desks))
        asyncio.run(_post(url, tokens[0], report, 1.0))
        alike = like(int(ours.ask("size")))
        feed, broadcast = {}, {}
        for _ in range(turns):
            broadcast |= asyncio.run(_post(bare, tokens[0], alike, seconds))
            feed |= asyncio.run(_post(url, tokens[0], report, seconds))
        time.sleep(1)
        return _result(desks, _latencies(ours, feed, desks), _latencies(theirs, broadcast, desks))


def _result(desks: int, feed: list[float], broadcast: list[float]) -> dict[str, Any]:
    p50, p99 = np.percentile(feed, (50, 99)).tolist()
    bare_p50, bare_p99 = np.percentile(broadcast, (50, 99)).tolist()
    return {
        "work": "feed",
        "figures": {
            "p50_ms": {"value": p50, "unit": "ms"},
            "p99_ms": {"value": p99, "unit": "ms"},
            "max_ms": {"value": max(feed), "unit": "ms"},
            "bare_p50_ms": {"value": bare_p50, "unit": "ms"},
            "bare_p99_ms": {"value": bare_p99, "unit": "ms"},
            "frames": {"value": len(feed), "unit": "frames"},
        },
        "baseline": {
            "name": "bare websocket broadcast of as many bytes",
            "desks": desks,
            "reports_per_s": REPORTS_PER_S,
        },
        "ratios": {"p99_vs_bare_broadcast": p99 / bare_p99},
    }


def _latencies(desks: Process, acknowledged: dict[str, float], count: int) -> list[float]:
    """Milliseconds from each acknowledgement to each desk's frame; raises Unmeasured where one is missing."""
    seen: dict[str, list[float]] = json.loads(desks.ask("times"))
    for incident in acknowledged:
        if len(seen.get(incident, ())) != count:
            raise Unmeasured(f"{len(seen.get(incident, ()))} of {count} desks were told of {incident}")
    return [1000 * (at - acknowledged[i]) for i in acknowledged for at in seen[i]]


# -- the sender --


def report(incident: str) -> tuple[str, bytes]:
    """Where and what an inspector posts to report."""
    position = {"lon": INSIDE[0], "lat": INSIDE[1], "datum": "wgs84", "accuracy_m": 5}
    body = {
        "id": incident,
        "category": CATEGORY,
        "position": position,
        "words": "破损",
        "address": "某路 12 号",
    }
    return "/api/incidents", json.dumps(body).encode()


def like(size: int) -> What:
    """A post of so many bytes, which names its incident as a frame does."""

    def what(incident: str) -> tuple[str, bytes]:
        start = f'[{{"incident":"{incident}","filler":"'
        return "/", (start + "x" * (size - len(start) - 3) + '"}]').encode()

    return what


async def _post(url: str, token: str, what: What, seconds: float) -> dict[str, float]:
    """Post at the pace over one connection; when each incident was acknowledged."""
    place, acknowledged = urlsplit(url), {}
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    begun = time.monotonic()
    for turn in range(int(seconds * REPORTS_PER_S)):
        await asyncio.sleep(begun + turn / REPORTS_PER_S - time.monotonic())
        incident = new_id()
        path, body = what(incident)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        acknowledged[incident] = time.monotonic()
        length = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
        said = await reader.readexactly(int(length[1]) if length else 0)
        if not answer.startswith(b"HTTP/1.1 201"):
            raise Unmeasured(f"refused: {answer.decode()}{said.decode()}")
    writer.close()
    await writer.wait_closed()
    return acknowledged


# -- processes --


class Process:
    """This file at work as a process of its own, asked and answering in lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> str:
        """The next line it says; raises Unmeasured where it has ended."""
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            raise Unmeasured(f"{' '.join(self._process.args[1:])} ended with {self._process.wait()}")  # type: ignore[index]
        return said.strip()

    def ask(self, question: str) -> str:
        """What it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self.line()


@contextmanager
def _process(*arguments: str) -> Iterator[Process]:
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Process(process)
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def _demo() -> Iterator[tuple[str, list[str]]]:
    """The demo served from a temporary folder: its address, and tokens of those who see all of it."""
    with tempfile.TemporaryDirectory() as folder:
        cast = demo.prepare(Settings(data=Path(folder)), lambda *_: None)
        passwords = {one.name: one.password for one in cast}
        with _process("serve", folder) as server:
            url = server.line()
            yield url, [_sign_in(url, name, passwords[name]) for name in WATCHERS]


def _sign_in(url: str, name: str, password: str) -> str:
    sent = {"name": name, "password": password, "kind": "bearer"}
    return str(httpx2.post(f"{url}/api/sessions", json=sent).raise_for_status().json()["token"])


@contextmanager
def _desks(url: str, tokens: list[str], count: int) -> Iterator[Process]:
    with _process("desks", url, str(count)) as desks:
        if (said := desks.ask(json.dumps(tokens))) != "connected":
            raise Unmeasured(said)
        yield desks


# -- the desks --


class Desk(asyncio.Protocol):
    """A websocket client that does no more than note when which incident arrived: it measures the server."""

    def __init__(self, place: str, token: str, seen: dict[str, list[float]], sizes: list[int]) -> None:
        self._place, self._token, self._seen, self._sizes = place, token, seen, sizes
        self._data = b""
        self.live = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(bytes(16)).decode()
        transport.write(
            f"GET /api/feed HTTP/1.1\r\nHost: {self._place}\r\nAuthorization: Bearer {self._token}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._data += data
        if not self.live.done() and b"\r\n\r\n" in self._data:
            head, _, self._data = self._data.partition(b"\r\n\r\n")
            self.live.set_result(head.split(b"\r\n")[0].decode())
        while self.live.done() and (message := self._message()) is not None:
            for incident in re.findall(rb'"incident":"([0-9a-f-]{36})"', message):
                self._seen.setdefault(incident.decode(), []).append(now)
                self._sizes.append(len(message))

    def _message(self) -> bytes | None:
        """The next whole frame's payload (RFC 6455, section 5.2), pings answered; None until there is one."""
        if len(self._data) < 4:
            return None
        length, start = self._data[1] & 127, 2
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(self._data[2:start])
        if len(self._data) < start + length:
            return None
        opcode, payload = self._data[0] & 15, self._data[start : start + length]
        self._data = self._data[start + length :]
        if opcode == 9:
            self._transport.write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
        return payload


async def desks(url: str, count: int) -> None:
    """Connect so many desks, then answer questions."""
    loop, place = asyncio.get_running_loop(), urlsplit(url)
    tokens = json.loads(await asyncio.to_thread(sys.stdin.readline))
    seen: dict[str, list[float]] = {}
    sizes: list[int] = []
    for number in range(count):
        token = tokens[number % len(tokens)]
        _, desk = await loop.create_connection(
            lambda token=token: Desk(place.netloc, token, seen, sizes),  # type: ignore[misc]
            place.hostname,
            place.port,
        )
        if " 101 " not in (answer := await asyncio.wait_for(desk.live, 10)):
            print(answer, flush=True)
            return
    await asyncio.sleep(0.5)
    print("connected", flush=True)
    while question := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(seen) if question == "times\n" else int(np.median(sizes)), flush=True)


# -- the baseline --


class Broadcast:
    """An ASGI app that sends what it is posted to every websocket connected, and answers at once."""

    def __init__(self) -> None:
        self._sockets: set[Any] = set()
        self._sending: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._follow(receive, send)
        elif scope["type"] == "http":
            await self._take(receive, send)

    async def _follow(self, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        self._sockets.add(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        self._sockets.discard(send)

    async def _take(self, receive: Any, send: Any) -> None:
        text = (await receive())["body"].decode()
        task = asyncio.create_task(self._send(text))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _send(self, text: str) -> None:
        for send in list(self._sockets):
            await send({"type": "websocket.send", "text": text})


def broadcast() -> None:
    """Serve the baseline on a free port, said on standard output."""
    config = uvicorn.Config(
        Broadcast(), port=0, lifespan="off", ws="websockets-sansio", ws_per_message_deflate=False,
        log_config=None, access_log=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)

    def tell() -> None:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}", flush=True)

    threading.Thread(target=tell, daemon=True).start()
    server.run()


def main(what: str, *arguments: str) -> None:
    """One of the processes of the measurement."""
    if what == "serve":
        settings = Settings(data=Path(arguments[0]), port=0, log_level="warning")
        serve(settings, lambda url: print(url, flush=True))
    elif what == "broadcast":
        broadcast()
    elif what == "desks":
        asyncio.run(desks(arguments[0], int(arguments[1])))


if __name__ == "__main__":
    main(*sys.argv[1:])
