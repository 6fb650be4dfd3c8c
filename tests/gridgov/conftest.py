"""The small town served: its file and grids applied, people for every role, and clients signed in as them."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvicorn
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.testclient import TestClient

from dispatch.lifecycle import Role
from gridgov import accounts, city
from gridgov.accounts import Passwords, Person
from gridgov.app import create_app
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.setup import init
from tests.gridgov import scene

TOWN = (Path(__file__).parent / "town.toml").read_text(encoding="utf-8")
PASSWORD = "correct horse battery"
OPERATOR = "token-of-the-operator"
#: A hash of the least cost: tests sign in hundreds of times.
QUICK = Passwords(PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))

N, S = ("D", "N"), ("D", "S")
#: Everybody: name -> (role, path, department). Their ids are their names.
PEOPLE: dict[str, tuple[Role, tuple[str, ...], str | None]] = {
    "inspector": (Role.INSPECTOR, ("D",), None),
    "inspector_n": (Role.INSPECTOR, N, None),
    "inspector_s": (Role.INSPECTOR, S, None),
    "clerk": (Role.INTAKE_CLERK, (), None),
    "dispatcher": (Role.DISPATCHER, ("D",), None),
    "dispatcher_n": (Role.DISPATCHER, N, None),
    "water": (Role.HANDLER, (), "water"),
    "cleaning": (Role.HANDLER, (), "cleaning"),
    "north_office": (Role.HANDLER, (), "north_office"),
    "leader": (Role.SHIFT_LEADER, (), None),
    "supervisor": (Role.SUPERVISOR, (), None),
    "manager": (Role.MANAGER, (), None),
    "manager_n": (Role.MANAGER, N, None),
    "administrator": (Role.ADMINISTRATOR, (), None),
}


@pytest.fixture(autouse=True, scope="session")
def _loggers_are_not_kept() -> Iterator[None]:
    """A command run in this process configures the log: a logger that kept it would tell nothing to whoever
    captures what is logged later.
    """
    configure = structlog.configure

    def without_cache(**given: Any) -> None:
        configure(**given | {"cache_logger_on_first_use": False})

    structlog.configure = without_cache
    yield
    structlog.configure = configure


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """A command run in this process says how much is logged, for all that come after it."""
    yield
    structlog.reset_defaults()


def person(name: str) -> Person:
    """One of the people, with their assignment."""
    role, path, department = PEOPLE[name]
    held = Assignment(f"as-{name}", role, path, department, scene.LONG_AGO)
    return Person(name, name, name.replace("_", " ").capitalize(), (held,))


def fill(service: Service) -> None:
    """Put the town's rules and grids in force and add its people."""
    run = service.writer.run
    run(city.apply(TOWN, "test"))
    run(city.import_edition(scene.hierarchy(), "first", made_up=True, findings=[], by="test"))
    hashed = QUICK.hash(PASSWORD)
    for name in PEOPLE:
        run(accounts.add(person(name), hashed))


@dataclass
class Somebody:
    """One of the people with a client that is signed in as them."""

    client: TestClient
    headers: dict[str, str]

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, headers=self.headers | more.pop("headers", {}), **more)

    def post(self, path: str, json: Any = None, **more: Any) -> Any:
        return self.client.post(path, json=json, headers=self.headers | more.pop("headers", {}), **more)

    def put(self, path: str, json: Any = None) -> Any:
        return self.client.put(path, json=json, headers=self.headers)

    def delete(self, path: str) -> Any:
        return self.client.delete(path, headers=self.headers)

    def report(self, category: str = scene.COVER, grid: str | None = "N1", **more: Any) -> dict[str, Any]:
        """Report something; the receipt."""
        answer = self.post("/api/incidents", report_body(category, grid, **more))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def act(self, act: str, incident: str, seen: int, **more: Any) -> Any:
        """Do something with an incident; the answer."""
        return self.post(f"/api/incidents/{incident}/{act}", {"id": str(uuid.uuid4()), "seen": seen, **more})


def report_body(category: str = scene.COVER, grid: str | None = "N1", **more: Any) -> dict[str, Any]:
    """A report as a program sends it."""
    body: dict[str, Any] = {"id": str(uuid.uuid4()), "category": category, **more}
    if grid is not None and "position" not in more:
        body["position"] = position(grid)
    return body


def position(grid: str) -> dict[str, Any]:
    """The middle of one of the squares, as a program sends it."""
    point = scene.at(grid)
    return {"lon": point.lon, "lat": point.lat, "datum": "wgs84", "accuracy_m": 5}


class Site:
    """The town served to a test client; ``as_`` gives somebody signed in."""

    def __init__(self, service: Service, client: TestClient, clock: scene.Clock) -> None:
        self.service, self.client, self.clock = service, client, clock
        self._signed_in: dict[str, Somebody] = {}

    def as_(self, name: str) -> Somebody:
        """That person, by bearer token."""
        if name not in self._signed_in:
            sent = {"name": name, "password": PASSWORD, "kind": "bearer"}
            answer = self.client.post("/api/sessions", json=sent)
            assert answer.status_code == 201, answer.text
            token = answer.json()["token"]
            self._signed_in[name] = Somebody(self.client, {"Authorization": f"Bearer {token}"})
        return self._signed_in[name]

    @property
    def operator(self) -> Somebody:
        """The command line of the machine itself."""
        return Somebody(self.client, {"Authorization": f"Bearer {OPERATOR}"})

    def later(self, time: timedelta) -> None:
        """Let time pass; by then everybody has to sign in again."""
        self.clock.now += time
        self._signed_in.clear()

    def closed(self, category: str = scene.COVER, grid: str | None = "N1", by: str = "inspector") -> str:
        """An incident that went the whole main line; its id."""
        id_ = str(self.as_(by).report(category, grid)["incident"])
        lead = str(self.as_("clerk").act("file", id_, 1).json()["department"])
        for number, (who, act, more) in enumerate(
            [
                ("leader", "dispatch", {}),
                (lead, "handle", {"reason": "修好了"}),
                ("leader", "check", {"passed": True}),
                ("leader", "close", {}),
            ],
            start=2,
        ):
            answer = self.as_(who).act(act, id_, number, **more)
            assert answer.status_code == 200, answer.text
        return id_


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a store in a temporary folder."""
    return Settings(data=tmp_path / "var", feed_coalesce_ms=1)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with the town and its people, made once and copied for every test."""
    made = Settings(data=tmp_path_factory.mktemp("town"))
    init(made.database_url, "epoch-1")
    with Service.open(made, scene.Clock()) as opened:
        fill(opened)
    return made.data


@pytest.fixture
def service(settings: Settings, filled: Path) -> Iterator[Service]:
    """The town's service, open; its clock stands at a Monday morning and moves a second with every look."""
    shutil.copytree(filled, settings.data)
    with Service.open(settings, scene.Clock()) as opened:
        yield opened


@pytest.fixture
def site(service: Service) -> Iterator[Site]:
    """The town served to a test client in this process."""
    app = create_app(service, operator=OPERATOR, passwords=QUICK)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert isinstance(service.clock, scene.Clock)
        yield Site(service, client, service.clock)


@dataclass(frozen=True)
class Server:
    """A real server of the town, on a port of its own."""

    url: str
    service: Service

    def token(self, name: str) -> str:
        """A bearer token of one of the people."""
        with TestClient(create_app(self.service, passwords=QUICK)) as client:
            sent = {"name": name, "password": PASSWORD, "kind": "bearer"}
            return str(client.post("/api/sessions", json=sent).json()["token"])


@pytest.fixture
def server(service: Service) -> Iterator[Server]:
    """The town served by uvicorn over a real socket, in a thread of this process."""
    app = create_app(service, operator=OPERATOR, passwords=QUICK)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield Server(f"http://127.0.0.1:{port}", service)
    running.should_exit = True
    thread.join(20)
    assert not thread.is_alive()
