"""People as programs play them: signed in over HTTP with name and password, like anybody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx2

from dispatch.lifecycle import Role
from gridgov.errors import ServiceError
from gridgov.scope import Assignment, Seen, roles_on

#: Seconds to wait before asking again a server that is busy, stopping or starting; half a minute in all.
PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
#: A busy laptop's server may take a while; a server that needs longer than this is ill.
PATIENCE_S: Final = 30.0
_BUSY: Final = 503
_SIGNED_OUT: Final = 401


class Refused(ServiceError):
    """The server refused a request."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        detail = problem.get("detail") or problem.get("title") or "no reason given"
        super().__init__(f"{status}: {detail}", status=status, problem=problem)
        self.status = status


class ServerGone(ServiceError):
    """The server does not answer any more."""


@dataclass(frozen=True, slots=True)
class Account:
    """What somebody signs in with, and what they are said to be assigned to."""

    name: str
    password: str
    assignments: tuple[Assignment, ...]


class Player:
    """Somebody who signs in with their first request, at the server that ``client`` has as its base address.

    What they are assigned to is then what the server says. Every request may be sent again, and is where the
    server was away for a moment. Requests raise Refused, ServerGone.
    """

    def __init__(
        self, client: httpx2.Client, account: Account, pause: Callable[[float], Any] = time.sleep
    ) -> None:
        self._client, self._account, self._pause = client, account, pause
        self._headers: dict[str, str] = {}
        self.id: str | None = None
        self.name = account.name
        self.assignments = account.assignments

    def roles(self, seen: Seen, now: datetime) -> frozenset[Role]:
        """The roles they hold on an incident."""
        return roles_on(self.assignments, seen, now)

    def get(self, path: str, **params: Any) -> Any:
        """The answer to a GET."""
        return self._json("GET", path, params=params)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a POST of a JSON body."""
        return self._json("POST", path, json=body)

    def upload(self, path: str, content: bytes, media_type: str) -> Any:
        """The answer to a POST of bytes."""
        return self._json("POST", path, content=content, headers={"Content-Type": media_type})

    def _json(self, method: str, path: str, headers: dict[str, str] | None = None, **sent: Any) -> Any:
        given = headers or {}
        if not self._headers:
            self._begin()
        answer = self._send(method, path, headers=given | self._headers, **sent)
        if answer.status_code == _SIGNED_OUT:
            self._begin()
            answer = self._send(method, path, headers=given | self._headers, **sent)
        return _content(answer)

    def _begin(self) -> None:
        sent = {"name": self.name, "password": self._account.password, "kind": "bearer"}
        told = _content(self._send("POST", "/api/sessions", json=sent))
        self._headers = {"Authorization": f"Bearer {told['token']}"}
        self.id = told["person"]["id"]
        self.assignments = tuple(_assignment(one) for one in told["person"]["assignments"])

    def _send(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        lost: Exception | None = None
        for pause in (*PAUSES_S, None):
            try:
                answer = self._client.request(method, path, timeout=PATIENCE_S, **sent)
                if answer.status_code != _BUSY or pause is None:
                    return answer
            except httpx2.TransportError as error:
                lost = error
            if pause is not None:
                self._pause(pause)
        raise ServerGone(f"the server at {self._client.base_url} does not answer: {lost}") from lost


def _content(answer: httpx2.Response) -> Any:
    """What was answered; raises Refused."""
    if answer.is_success:
        return answer.json()
    is_problem = "json" in answer.headers.get("Content-Type", "")
    raise Refused(answer.status_code, answer.json() if is_problem else {"detail": answer.text[:200]})


def _assignment(told: dict[str, Any]) -> Assignment:
    ends = told["ends_at"]
    return Assignment(
        told["id"],
        Role(told["role"]),
        tuple(told["path"]),
        told["department"],
        datetime.fromisoformat(told["starts_at"]),
        None if ends is None else datetime.fromisoformat(ends),
    )
