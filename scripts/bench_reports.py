"""Durable reports over HTTP, beside an endpoint that signs in and checks the same body and keeps nothing.

One server process of the demo's district, one process of inspectors who each send their next report as soon
as the last one was acknowledged, over a connection each that stays open. The two endpoints take turns. A
report counts when it was acknowledged: by then it is on disk, located, routed, numbered and in its desk's
list.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httptools
import httpx2
import numpy as np
import uvloop

from gridgov import demo
from gridgov.clock import new_id
from gridgov.serving import serve
from gridgov.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SCALES = {"full": (64, 4, 5.0, 5.0), "small": (8, 1, 0.5, 0.5)}
"""Inspectors at once, turns of each endpoint, seconds of a turn, and of a first one that is not counted."""
REPORTS, NOOP = "/api/incidents", "/api/bench/noop"
CATEGORIES = ("cn2026:component:01001", "cn2026:event:01049")
MIDDLE = (113.88, 22.66)
"""A point in the middle of the demo's district; reports lie up to some 5 km around it."""
WORDS = "路面井盖破损,有响声,行人经过有危险,请尽快处理"


class Unmeasured(Exception):
    """Something was refused: the rate of the rest would mean nothing."""


def run(scale: str = "full") -> dict[str, Any]:
    """Measure; rates are medians over the turns, times over all requests."""
    inspectors, turns, seconds, first = SCALES[scale]
    with ExitStack() as stack:
        url, token, kept = stack.enter_context(_demo())
        rates: dict[str, list[float]] = {REPORTS: [], NOOP: []}
        times: dict[str, list[float]] = {REPORTS: [], NOOP: []}
        for path in (NOOP, REPORTS):
            _turn(url, token, path, inspectors, first)
        before = kept()
        for _ in range(turns):
            for path in (NOOP, REPORTS):
                took, acknowledged = _turn(url, token, path, inspectors, seconds)
                rates[path].append(len(acknowledged) / took)
                times[path] += acknowledged
        if kept() - before != len(times[REPORTS]):
            raise Unmeasured(f"{len(times[REPORTS])} acknowledged, {kept() - before} in the store")
    return _result(inspectors, rates, times)


def _result(inspectors: int, rates: dict[str, list[float]], times: dict[str, list[float]]) -> dict[str, Any]:
    rate, bare = float(np.median(rates[REPORTS])), float(np.median(rates[NOOP]))
    p50, p99 = (np.percentile(times[REPORTS], (50, 99)) * 1000).tolist()
    bare_p50, bare_p99 = (np.percentile(times[NOOP], (50, 99)) * 1000).tolist()
    return {
        "work": "reports",
        "figures": {
            "reports_per_s": {"value": rate, "unit": "1/s"},
            "p50_ms": {"value": p50, "unit": "ms"},
            "p99_ms": {"value": p99, "unit": "ms"},
            "noop_per_s": {"value": bare, "unit": "1/s"},
            "noop_p50_ms": {"value": bare_p50, "unit": "ms"},
            "noop_p99_ms": {"value": bare_p99, "unit": "ms"},
            "reports": {"value": len(times[REPORTS]), "unit": "reports"},
        },
        "baseline": {"name": "the same sign-in and checks, nothing kept", "inspectors": inspectors},
        "ratios": {"vs_noop": rate / bare},
    }


def _turn(url: str, token: str, path: str, inspectors: int, seconds: float) -> tuple[float, list[float]]:
    """Seconds taken, and those that each acknowledged request took."""
    told = subprocess.run(
        [sys.executable, __file__, "inspectors", url, path, str(inspectors), str(seconds)],
        input=token,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise Unmeasured(told.stderr.strip().splitlines()[-1])
    took, acknowledged = json.loads(told.stdout)
    return took, acknowledged


# -- the inspectors --


class Inspector(asyncio.Protocol):
    """One connection over which the next report goes out as soon as the last one is answered."""

    def __init__(
        self, head: str, path: str, rng: np.random.Generator, until: float, times: list[float]
    ) -> None:
        self._head, self._path, self._rng, self._until, self._times = head, path, rng, until, times
        self.done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)
        self._send()

    def _send(self) -> None:
        east, north = self._rng.uniform(-0.05, 0.05, 2).tolist()
        body = (
            f'{{"id":"{new_id()}","category":"{CATEGORIES[int(self._rng.integers(2))]}",'
            f'"position":{{"lon":{MIDDLE[0] + east},"lat":{MIDDLE[1] + north},'
            '"datum":"wgs84","accuracy_m":8.5},'
            f'"words":"{WORDS}","address":"演示路 12 号","urgency":"ordinary"}}'
        ).encode()
        self._sent = time.perf_counter()
        self._transport.write(
            f"POST {self._path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        status = self._parser.get_status_code()
        if status != 201:
            self._end(f"answered with {status}")
            return
        self._times.append(now - self._sent)
        if now < self._until:
            self._send()
        else:
            self._end(None)

    def _end(self, why: str | None) -> None:
        if not self.done.done():
            self.done.set_result(why)
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(f"connection lost: {error}")


async def inspectors(url: str, path: str, count: int, seconds: float, token: str) -> None:
    """Send for so many seconds; print what was taken, as JSON."""
    place, times, loop = urlsplit(url), list[float](), asyncio.get_running_loop()
    head = f"Host: {place.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    begun = time.perf_counter()
    senders = [
        await loop.create_connection(
            lambda n=n: Inspector(head, path, np.random.default_rng(n), begun + seconds, times),  # type: ignore[misc]
            place.hostname,
            place.port,
        )
        for n in range(count)
    ]
    ended = await asyncio.gather(*(inspector.done for _, inspector in senders))
    if failed := [why for why in ended if why is not None]:
        raise Unmeasured(failed[0])
    print(json.dumps([time.perf_counter() - begun, times]))


# -- the server --


@contextmanager
def _demo() -> Iterator[tuple[str, str, Any]]:
    """The demo served from a temporary folder: its address, an inspector's token, and how many it has
    kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        people = demo.prepare(Settings(data=Path(folder)), lambda *_: None)
        passwords = {one.name: one.password for one in people}
        server = subprocess.Popen(
            [sys.executable, __file__, "serve", folder],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            if not url:
                raise Unmeasured(f"the server ended with {server.wait()}")
            leader = _sign_in(url, "leader", passwords["leader"])
            yield url, leader, lambda: _kept(url, leader)
        finally:
            server.terminate()
            server.wait()


def _sign_in(url: str, name: str, password: str) -> str:
    sent = {"name": name, "password": password, "kind": "bearer"}
    return str(httpx2.post(f"{url}/api/sessions", json=sent).raise_for_status().json()["token"])


def _kept(url: str, token: str) -> int:
    """The ledger's last position: every report adds one entry."""
    answer = httpx2.get(f"{url}/api/incidents?limit=1", headers={"Authorization": f"Bearer {token}"})
    return int(answer.raise_for_status().json()["cursor"].split(".")[1])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        settings = Settings(data=Path(sys.argv[2]), port=0, log_level="warning", bench=True)
        serve(settings, lambda url: print(url, flush=True))
    else:
        _, _, where, what, many, long = sys.argv
        uvloop.run(inspectors(where, what, int(many), float(long), sys.stdin.read()))
