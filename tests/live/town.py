"""The small town of tests/gridgov behind a running server, and its people signed in there."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx2

from tests.gridgov.conftest import PASSWORD, report_body

JSON = {"Content-Type": "application/json"}
WHO = ("inspector", "inspector_n", "inspector_s", "clerk", "dispatcher", "dispatcher_n", "leader", "manager")


class Person:
    """Somebody signed in at the running server."""

    def __init__(self, url: str, name: str) -> None:
        self.client = httpx2.Client(base_url=url, timeout=30, trust_env=False)
        sent = {"name": name, "password": PASSWORD, "kind": "bearer"}
        answer = self.client.post("/api/sessions", json=sent)
        assert answer.status_code == 201, answer.text
        self.client.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def post(self, path: str, body: Any) -> httpx2.Response:
        """Send a JSON body, such as no well-behaved library would write where it is given as bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, content=content, headers=JSON)

    def report(self, **changes: Any) -> httpx2.Response:
        """Report a broken manhole cover, but for these changes."""
        return self.post("/api/incidents", report_body() | changes)

    def act(self, act: str, incident: str, seen: int, **more: Any) -> httpx2.Response:
        """Do something with an incident."""
        body = {"id": str(uuid.uuid4()), "seen": seen, **more}
        return self.post(f"/api/incidents/{incident}/{act}", body)


As = Callable[[str], Person]
