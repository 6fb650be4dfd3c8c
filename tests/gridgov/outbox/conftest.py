"""The small town with targets, told through real servers, on a clock that stands until it is set."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dispatch.lifecycle import Act
from gridgov import accounts, city, commands
from gridgov.accounts import Person
from gridgov.commands import SentAct, SentReport
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.outbox_tables import OutboxDeliveryRow, OutboxTargetRow
from tests.gridgov import scene
from tests.gridgov.conftest import TOWN
from tests.gridgov.outbox.receiver import Box, Receiver, mail_server, receiver, until

_delivery = OutboxDeliveryRow.__table__  # type: ignore[attr-defined]
_target = OutboxTargetRow.__table__  # type: ignore[attr-defined]


class Standing:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = scene.MONDAY

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Town:
    """The town's service with its outbox at work, and what people do in it."""

    service: Service
    clock: Standing

    def apply(self, more: str) -> None:
        """Put the town's file in force with these targets and notices."""
        self.service.writer.run(city.apply(TOWN + more, "test"))
        self.service.outbox.wake()

    def email(self, person: str, address: str) -> None:
        """Somebody can be told by e-mail."""
        self.service.writer.run(accounts.set_email(person, address))

    def report(self, name: str, category: str = scene.RUBBISH, grid: str | None = "N1", **more: Any) -> str:
        """Report something; its id. ``name`` makes the id."""
        position = None if grid is None else scene.at(grid)
        sent = SentReport(f"report-{name}", category, "inspector", position=position, **more)
        self.service.writer.run(commands.report(_person(self.service, "inspector"), sent))
        return sent.id

    def reports(self, many: int) -> None:
        """Report so many things at once."""
        by, submit = _person(self.service, "inspector"), self.service.writer.submit
        sent = [
            SentReport(f"report-{n}", scene.RUBBISH, "inspector", position=scene.at("N1"))
            for n in range(many)
        ]
        for future in [submit(commands.report(by, one)) for one in sent]:
            future.result()

    def act(self, who: str, act: str, incident: str, seen: int, **more: Any) -> None:
        """Do something with an incident."""
        sent = SentAct(f"{act}-{incident}-{seen}", incident, Act(act), seen, **more)
        self.service.writer.run(commands.act(_person(self.service, who), sent))

    def later(self, time: timedelta) -> None:
        """Let time pass."""
        self.clock.now += time
        self.service.outbox.wake()

    def rows(self, state: str | None = None) -> list[Any]:
        """The deliveries in the store, in the order of their positions."""
        query = select(_delivery).order_by(_delivery.c.position, _delivery.c.recipient)
        with self.service.reader.connect() as connection:
            found = list(connection.execute(query))
        return [row for row in found if state is None or row.state == state]

    def target(self, name: str) -> Any:
        """A target as the store has it."""
        with self.service.reader.connect() as connection:
            return connection.execute(select(_target).where(_target.c.name == name)).one()


def _person(service: Service, name: str) -> Person:
    with service.reader.connect() as connection:
        return accounts.find_person(connection, name)


#: Opens the town, with settings; what is opened again is the same town.
Opened = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path, filled: Path) -> Opened:
    """Opens the town's service with its outbox at work, as often as asked: the same store each time."""
    data = tmp_path / "var"
    shutil.copytree(filled, data)
    clock = Standing()

    @contextmanager
    def open_(start: bool = True, **more: Any) -> Iterator[Town]:
        settings = Settings(data=data, **more)
        with Service.open(settings, clock) as service:
            if start:
                service.outbox.start()
            yield Town(service, clock)

    return open_


@pytest.fixture
def town(opened: Opened) -> Iterator[Town]:
    """The town; a webhook may take a second."""
    with opened(outbox_timeout_s=1) as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A server that takes webhooks."""
    with receiver() as made:
        yield made


@pytest.fixture
def box() -> Iterator[Box]:
    """A mail server."""
    with mail_server() as made:
        yield made


@pytest.fixture
def hooks() -> Iterator[Callable[[], Receiver]]:
    """Makes servers that take webhooks."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(receiver())


def webhook(url: str, name: str = "bureau") -> str:
    """A webhook in the city's file."""
    return f'\n[[targets]]\nname = "{name}"\nkind = "webhook"\nurl = "{url}"\n'


def notice(on: str = '"reported"', to: str = '"bureau"', name: str = "news", more: str = "") -> str:
    """A notice in the city's file."""
    return f'\n[[notices]]\nname = "{name}"\non = [{on}]\nto = [{to}]\n{more}\n'


__all__ = ["Opened", "Town", "notice", "until", "webhook"]
