"""The door: whose body is read, how much of it, and for how long."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from gridgov.api import door
from gridgov.api.door import Door, Limit, Limits
from gridgov.clock import utcnow
from tests.gridgov.conftest import Site


class TestLargeBodies:
    """Of a large body nothing is parsed before it is known who sends it."""

    @pytest.mark.parametrize(
        ("path", "who", "status"),
        [
            ("/api/photos", None, 401),
            ("/api/imports", None, 401),
            ("/api/editions", None, 401),
            ("/api/imports", "inspector", 403),
            ("/api/editions", "inspector", 403),
            ("/api/imports", "administrator", 422),
            ("/api/editions", "administrator", 422),
            ("/api/photos", "inspector", 415),
        ],
    )
    def test_who_sends_it_is_asked_first(self, site: Site, path: str, who: str | None, status: int) -> None:
        headers = {} if who is None else site.as_(who).headers
        read = _counting(site)
        answer = site.client.post(path, content=b"x" * 2_000_000, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.headers["x-request-id"]) == 36
        assert bool(read) is (status in (415, 422))

    def test_a_sign_in_is_small(self, site: Site) -> None:
        sent = {"name": "clerk", "password": "x" * 9000}
        answer = site.client.post("/api/sessions", json=sent)
        assert (answer.status_code, "8,192" in answer.json()["detail"]) == (413, True)


def _counting(site: Site) -> list[Message]:
    """What the app reads of bodies from now on."""
    read: list[Message] = []
    app: Any = site.client.app
    plain = app.__class__.__call__

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        async def receiving() -> Message:
            read.append(await receive())
            return read[-1]

        await plain(app, scope, receiving, send)

    site.client._transport.app = counted  # type: ignore[attr-defined]
    return read


class TestSlowBodies:
    """A body that does not arrive is not waited for; what an answer takes is no matter of the body's."""

    def test_seconds_follow_from_the_size(self) -> None:
        assert Limit(1_000_000).seconds == 30

    @pytest.mark.parametrize(("pieces", "status"), [(1, 408), (2, 200)])
    def test_one_that_stops_in_the_middle(
        self, monkeypatch: pytest.MonkeyPatch, pieces: int, status: int
    ) -> None:
        monkeypatch.setattr(door, "PATIENCE_S", 0.05)
        sent = asyncio.run(_sent(pieces))
        assert sent[0]["status"] == status
        assert ((b"connection", b"close") in sent[0]["headers"]) is (status == 408)


async def _sent(pieces: int) -> list[Message]:
    """What a client is answered that sends so many of the two pieces of its body, then waits."""
    left = [{"type": "http.request", "body": b"x", "more_body": more} for more in (True, False)][:pieces]
    sent: list[Message] = []

    async def receive() -> Message:
        if left:
            return left.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await Request(scope, receive).body()
        except HTTPException as refused:
            await PlainTextResponse("", refused.status_code, refused.headers)(scope, receive, send)
            return
        # Longer than a body may take.
        ended = asyncio.create_task(_until_the_end(receive))
        await asyncio.sleep(0.1)
        assert not ended.done()
        ended.cancel()
        await PlainTextResponse("")(scope, receive, send)

    async def _until_the_end(receive: Receive) -> None:
        await receive()

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    await Door(app, Limits(Limit(2), ()), lambda: "id", utcnow)(scope, receive, send)
    return sent
