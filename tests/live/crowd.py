"""People who report and act over HTTP at once, and do not give up where the server is away for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from gridgov.clock import new_id
from tests.live.new_york import KEY, PASSWORD, Row

#: Seconds after which somebody sends again what was not answered.
AGAIN_S = 0.1
#: Seconds one request may take, and in all until it is given up as a fault of the server.
REQUEST_S, PATIENCE_S = 20.0, 120.0


@dataclass
class Sent:
    """One request as it was sent, and its answer: what the sender knows of it, and nothing else."""

    by: str
    path: str
    body: dict[str, Any]
    receipt: dict[str, Any]
    tries: int


@dataclass
class Crowd:
    """Everybody's connection to one server, and all that was acknowledged."""

    url: str
    tokens: dict[str, str] = field(default_factory=dict)
    acknowledged: list[Sent] = field(default_factory=list)
    on_answer: Callable[[int], None] = lambda _: None
    _client: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Crowd:
        limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
        self._client = httpx2.AsyncClient(
            base_url=self.url, limits=limits, timeout=REQUEST_S, trust_env=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._client is not None
        await self._client.aclose()

    async def sign_in(self, names: Iterable[str]) -> None:
        """Sign everybody in with a bearer token."""
        assert self._client is not None
        for name in names:
            body = {"name": name, "password": PASSWORD, "kind": "bearer"}
            answer = await self._client.post("/api/sessions", json=body)
            assert answer.status_code == 201, answer.text
            self.tokens[name] = answer.json()["token"]

    async def send(self, by: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send until it is answered, the same each time; the receipt. Anything but a receipt is a fault."""
        receipt, tries = await self._answer(by, path, body)
        self.acknowledged.append(Sent(by, path, body, receipt, tries))
        self.on_answer(len(self.acknowledged))
        return receipt

    async def send_again(self, sent: Sent) -> dict[str, Any]:
        """Send the very same once more."""
        return (await self._answer(sent.by, sent.path, sent.body))[0]

    async def _answer(self, by: str, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        assert self._client is not None
        headers, tries = {"Authorization": f"Bearer {self.tokens[by]}"}, 0
        async with asyncio.timeout(PATIENCE_S):
            while True:
                tries += 1
                try:
                    answer = await self._client.post(path, json=body, headers=headers)
                except httpx2.TransportError:
                    await asyncio.sleep(AGAIN_S)
                    continue
                if answer.status_code == 503:
                    await asyncio.sleep(AGAIN_S)
                    continue
                assert answer.status_code in (200, 201), f"{path} by {by}: {answer.status_code} {answer.text}"
                return answer.json(), tries

    async def report(self, by: str, row: Row) -> dict[str, Any]:
        """Report one of New York's requests."""
        body = {
            "id": new_id(),
            "category": KEY + row.complaint,
            "position": {"lon": row.lon, "lat": row.lat, "datum": "wgs84"},
            "words": f"no. {row.number}",
        }
        return await self.send(by, "/api/incidents", body)

    async def act(self, by: str, act: str, receipt: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Do something with an incident as the last receipt showed it."""
        body = {"id": new_id(), "seen": receipt["number"], **more}
        return await self.send(by, f"/api/incidents/{receipt['incident']}/{act}", body)
