"""Rough use of a running server: many at once on one thing, clients that break off, bytes that are no requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.gridgov.conftest import report_body
from tests.live.server import RunningServer
from tests.live.town import As, Person

pytestmark = pytest.mark.slow
#: Files that the server opens when first many read at once: up to three for each of twenty connections to the store.
OF_THE_STORE = 60


def at_once(person: Person, path: str, bodies: list[dict[str, Any]]) -> list[httpx2.Response]:
    """Send all of these at the same time; the answers in their order."""

    async def send() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=len(bodies))
        async with httpx2.AsyncClient(
            base_url=person.client.base_url,
            headers={"Authorization": person.client.headers["Authorization"]},
            limits=limits,
            timeout=60,
            trust_env=False,
        ) as client:
            return list(await asyncio.gather(*(client.post(path, json=body) for body in bodies)))

    return asyncio.run(send())


def acts(seen: int, many: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": str(uuid.uuid4()), "seen": seen, **more} for _ in range(many)]


class TestAtOnce:
    """Whoever is first wins; everybody else is told, and nothing is done twice."""

    def test_two_dispatchers(self, as_: As) -> None:
        for _ in range(10):
            incident = as_("inspector").report().json()["incident"]
            as_("clerk").act("file", incident, 1)
            first, second = sorted(
                at_once(as_("dispatcher"), f"/api/incidents/{incident}/dispatch", acts(2, 2)),
                key=lambda answer: answer.status_code,
            )
            assert (first.status_code, second.status_code) == (200, 409)
            assert [entry["number"] for entry in second.json()["meanwhile"]] == [3]
            history = as_("leader").client.get(f"/api/incidents/{incident}").json()["history"]
            assert [entry["kind"] for entry in history] == ["reported", "filed", "dispatched"]

    def test_fifty_on_one_incident(self, as_: As) -> None:
        incident = as_("inspector").report().json()["incident"]
        answers = at_once(as_("leader"), f"/api/incidents/{incident}/note", acts(1, 50, words="井盖"))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 49}
        assert {answer.json()["number"] for answer in answers} == {2}

    def test_fifty_who_look_again_each_get_in_once(self, as_: As) -> None:
        """Each round one of them wins and the others decide again on what they are told."""
        incident = as_("inspector").report().json()["incident"]
        waiting, seen, rounds = 20, 1, 0
        while waiting:
            answers = at_once(
                as_("leader"), f"/api/incidents/{incident}/note", acts(seen, waiting, words="x")
            )
            won = [answer for answer in answers if answer.status_code == 200]
            assert len(won) == 1
            waiting, seen, rounds = waiting - 1, won[0].json()["number"], rounds + 1
        assert (seen, rounds) == (21, 20)

    def test_the_same_report_fifty_times(self, as_: As) -> None:
        answers = at_once(as_("inspector"), "/api/incidents", [report_body()] * 50)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 49}
        assert len({(a.json()["position"], a.json()["case_number"]) for a in answers}) == 1

    def test_one_id_for_fifty_reports(self, as_: As) -> None:
        body = report_body()
        answers = at_once(as_("inspector"), "/api/incidents", [body | {"words": f"{n}"} for n in range(50)])
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}


@pytest.fixture
def still_well(town: RunningServer) -> Iterator[None]:
    """Afterwards the server is ready, and has let go of every connection."""
    before = open_files(town)
    yield
    assert httpx2.get(f"{town.url}/healthz", timeout=10, trust_env=False).json()["ready"]
    end = time.monotonic() + 10
    while open_files(town) > before + OF_THE_STORE and time.monotonic() < end:
        time.sleep(0.1)
    assert open_files(town) <= before + OF_THE_STORE


def open_files(town: RunningServer) -> int:
    return len(os.listdir(f"/proc/{town.pid}/fd"))


def memory_mb(town: RunningServer) -> float:
    with open(f"/proc/{town.pid}/status") as status:
        (line,) = (line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def dialled(town: RunningServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", town.port), timeout=10)


def gone(line: socket.socket) -> None:
    """Break off without a good-bye."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def authorized(person: Person) -> bytes:
    return f"Host: x\r\nAuthorization: {person.client.headers['Authorization']}\r\n".encode()


async def lists_before_health(town: RunningServer, reader: Person, many: int) -> int:
    """How many of so many lists, asked for at once, are answered before a health check asked for after them."""
    headers = {"Authorization": reader.client.headers["Authorization"]}
    limits = httpx2.Limits(max_connections=many + 1)
    async with httpx2.AsyncClient(
        base_url=town.url, headers=headers, limits=limits, timeout=60, trust_env=False
    ) as client:
        lists = [asyncio.create_task(client.get("/api/incidents?limit=300")) for _ in range(many)]
        await asyncio.wait(lists, return_when=asyncio.FIRST_COMPLETED)
        assert (await client.get("/healthz")).status_code == 200
        answered = sum(task.done() for task in lists)
        assert {answer.status_code for answer in await asyncio.gather(*lists)} == {200}
    return answered


@pytest.mark.usefixtures("still_well")
class TestBrokenClients:
    """None of them holds up the others."""

    def test_a_header_without_end(self, town: RunningServer) -> None:
        before = memory_mb(town)
        with dialled(town) as line, contextlib.suppress(ConnectionError):
            line.sendall(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(100):
                line.sendall(b"a" * 1_000_000)
            raise AssertionError("the server took 100 MB of one header")
        assert memory_mb(town) < before + 20

    def test_hundreds_of_half_requests(self, town: RunningServer, as_: As) -> None:
        head = b"POST /api/incidents HTTP/1.1\r\n" + authorized(as_("inspector"))
        lines = []
        for number in range(200):
            lines.append(dialled(town))
            body = b'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"id":'
            lines[-1].sendall(head + (body if number % 2 else b""))
        assert as_("inspector").report().status_code == 201
        for line in lines:
            line.close()

    def test_a_health_check_does_not_queue_behind_lists(self, town: RunningServer, as_: As) -> None:
        bodies = [report_body() for _ in range(300)]
        assert {a.status_code for a in at_once(as_("inspector"), "/api/incidents", bodies)} == {201}
        assert asyncio.run(lists_before_health(town, as_("leader"), 200)) < 100

    def test_lists_that_nobody_waits_for(self, town: RunningServer, as_: As) -> None:
        for _ in range(200):
            line = dialled(town)
            line.sendall(b"GET /api/incidents?limit=300 HTTP/1.1\r\n" + authorized(as_("leader")) + b"\r\n")
            gone(line)
        assert as_("inspector").report().status_code == 201

    def test_no_requests_at_all(self, town: RunningServer) -> None:
        junk = (
            bytes(range(256)) * 8,
            b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        for data in junk:
            with dialled(town) as line:
                line.sendall(data)
                assert line.recv(20).startswith(b"HTTP/1.1 400"), data

    @pytest.mark.parametrize(
        "content",
        [
            b"[" * 100_000,
            b'{"words":' * 50_000,
            b"[" * 50_000 + b"]" * 50_000,
            b'{"id":' + b"9" * 900_000 + b"}",
            b"{" + b",".join(b'"k%d":1' % n for n in range(60_000)) + b"}",
        ],
        ids=["deep list", "deep object", "deep and closed", "long number", "many keys"],
    )
    def test_json_that_means_harm(self, as_: As, content: bytes) -> None:
        answer = as_("inspector").post("/api/incidents", content)
        assert answer.status_code in (400, 422)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert len(answer.content) < 20_000


Talk = Callable[[Any], None]


@pytest.mark.usefixtures("still_well")
class TestBrokenDesks:
    """A feed takes no messages: whoever sends some is shown out, with a reason where there can be one."""

    @pytest.fixture
    def feed(self, town: RunningServer, as_: As) -> Iterator[Any]:
        headers = {"Authorization": as_("leader").client.headers["Authorization"]}
        address = f"ws://127.0.0.1:{town.port}/api/feed"
        with connect(address, additional_headers=headers, proxy=None, close_timeout=1) as socket:
            assert json.loads(socket.recv(5))[0]["type"] == "hello"
            yield socket

    def shown_out(self, feed: Any) -> int | None:
        """The code with which the server closed."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                feed.recv(5)
        code: int | None = feed.close_code
        return code

    @pytest.mark.parametrize("said", ["hello", b"\x00\xff", "[]"])
    def test_who_talks_is_told_that_it_is_one_way(self, feed: Any, said: str | bytes) -> None:
        feed.send(said)
        assert self.shown_out(feed) == 1003

    def test_who_talks_much_is_cut_short(self, feed: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            feed.send("x" * 5_000_000)
        # 1006 where the connection broke under what was still being sent.
        assert self.shown_out(feed) in (1009, 1006)

    def test_pings_are_answered(self, feed: Any) -> None:
        assert all(feed.ping().wait(5) for _ in range(100))

    def test_hundreds_that_leave_without_a_word(self, town: RunningServer, as_: As) -> None:
        head = (
            b"GET /api/feed HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + authorized(as_("leader")) + b"\r\n"
        )
        lines = [dialled(town) for _ in range(200)]
        for line in lines:
            line.sendall(head)
        assert lines[-1].recv(12) == b"HTTP/1.1 101"
        for line in lines:
            gone(line)
        assert as_("inspector").report().status_code == 201
