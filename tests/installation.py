"""A whole installation for proofs: worked by its command line, asked over its HTTP API."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.testclient import TestClient

from gridgov import logs
from gridgov.accounts import Passwords
from gridgov.app import create_app
from gridgov.cli import main
from gridgov.service import Service
from gridgov.settings import Settings

CITIES = Path(__file__).parent / "cities"
PASSWORD = "a long enough password"
OPERATOR = "token-of-the-operator"
#: Seconds in which figures are ready.
READY_S = 60
#: A hash of the least cost: signing in is not what is proven.
QUICK = Passwords(PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, read as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Asker:
    """Somebody signed in, who asks the API."""

    client: TestClient
    headers: dict[str, str]

    def get(self, path: str, **params: Any) -> Any:
        """The answer to a GET; figures are waited for where they are being made ready."""
        until = time.monotonic() + READY_S
        while True:
            answer = self.client.get(path, params=params, headers=self.headers)
            if "problem:not-ready-yet" not in answer.text or time.monotonic() > until:
                break
            time.sleep(0.2)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        """The answer to a POST."""
        answer = self.client.post(path, json=body, headers=self.headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


def again(told: Any) -> tuple[str, ...]:
    """The options with which the command line tells the figures of an answer as they stood then."""
    as_of = told["as_of"]
    return ("--position", str(as_of["position"]), "--as-of", as_of["time"])


class Installation:
    """A store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: object) -> Ran:
        """Run `gridgov ARGUMENTS` on this store."""
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _log_lines_kept_apart(),
        ):
            # A command is a process of its own and sets up its log lines; here they would be those of all tests.
            patch.setattr(logs, "configure", lambda *_: None)
            code = main(["--data", str(self.folder), *map(str, arguments)])
        return Ran(code, out.getvalue(), err.getvalue())

    def done(self, *arguments: object) -> Ran:
        """The same for a command that has to succeed."""
        ran = self.run(*arguments)
        assert ran.code == 0, ran.err
        return ran

    @contextlib.contextmanager
    def served(self) -> Iterator[dict[str, Asker]]:
        """The store served, with somebody signed in for each of these roles over the whole installation."""
        with (
            Service.open(Settings(data=self.folder)) as service,
            TestClient(create_app(service, operator=OPERATOR, passwords=QUICK)) as client,
        ):
            operator = Asker(client, {"Authorization": f"Bearer {OPERATOR}"})
            people = {role: _somebody(operator, role) for role in ("manager", "shift_leader", "inspector")}
            yield {"operator": operator, **people}


@contextlib.contextmanager
def _log_lines_kept_apart() -> Iterator[None]:
    """What is logged meanwhile, by a server in another thread too, goes to pytest and not into the output."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _somebody(operator: Asker, role: str) -> Asker:
    names = {one["name"] for one in operator.get("/api/people")["people"]}
    if role not in names:
        person = {"name": role, "display_name": role, "password": PASSWORD, "assignments": [{"role": role}]}
        operator.post("/api/people", person)
    sent = {"name": role, "password": PASSWORD, "kind": "bearer"}
    answer = operator.client.post("/api/sessions", json=sent)
    assert answer.status_code == 201, answer.text
    return Asker(operator.client, {"Authorization": f"Bearer {answer.json()['token']}"})
